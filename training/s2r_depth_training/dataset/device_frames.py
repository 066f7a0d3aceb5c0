"""The frames of a training set in the memory of the device that learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import TRAIN, Shard
from s2r_depth_training.dataset.sampling import is_typical, kind_shares
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError

_COPIERS = 8  # threads; numpy and the copy to the device let go of the interpreter


@dataclass(frozen=True)
class DeviceFrames:
    """All frames of one kind of scene, of one size, on one device.

    rgb: uint8 [K, H, W, 3]. restyled: the same views in another style, rgb itself where there are
    none. depth: float16 [K, H, W], m, 0 = sky or unknown. fx: float32 [K], px of this size.
    typical: int64 [T], the frames to draw from.
    """

    kind: str
    zero_is_sky: bool
    rgb: Tensor
    restyled: Tensor
    depth: Tensor
    fx: Tensor
    typical: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.depth.shape[1], self.depth.shape[2]


def load_device_frames(
    manifests: Sequence[str | Path], config: DataConfig, device: torch.device, split: str = TRAIN
) -> list[DeviceFrames]:
    """Load the frames of all kinds that ``config`` trains on, sorted by kind.

    Raises DataError if a set cannot be read, a kind of the mix is missing or has no typical frame,
    or its frames are of several sizes.
    """
    store = FrameStore(manifests, split)
    kinds = kind_shares(store.kinds, config)
    return [_load_kind(kind, store.shards(kind), config, device) for kind in kinds]


def _load_kind(
    kind: str, shards: Sequence[Shard], config: DataConfig, device: torch.device
) -> DeviceFrames:
    sizes = {shard.arrays['depth'].shape[1:] for shard in shards}
    if len(sizes) > 1:
        raise DataError(
            f'the frames of kind {kind} have sizes {sorted(sizes)}; give sets of one size, or '
            'train with `fit` on a CPU'
        )
    (size,) = sizes
    ends = np.cumsum([len(shard) for shard in shards])
    rgb = torch.empty((ends[-1], *size, 3), dtype=torch.uint8, device=device)
    paired = all('restyled' in shard.arrays for shard in shards)
    restyled = torch.empty_like(rgb) if paired else rgb
    depth = torch.empty((ends[-1], *size), dtype=torch.float16, device=device)
    fx = torch.empty(ends[-1], device=device)

    def copy(shard: Shard, end: int) -> list[int]:
        """Copy a shard to its place; return the numbers of its typical frames."""
        place, arrays = slice(end - len(shard), end), shard.arrays
        rgb[place] = torch.from_numpy(arrays['rgb']).to(device)
        if paired:
            restyled[place] = torch.from_numpy(arrays['restyled']).to(device)
        depth[place] = torch.from_numpy(arrays['depth'].astype(np.float16)).to(device)
        fx[place] = torch.from_numpy(arrays['intrinsics'][:, 0].copy()).to(device)
        frames = range(len(shard))
        return [place.start + i for i in frames if is_typical(shard.frame(i), config)]

    with ThreadPoolExecutor(_COPIERS) as pool:
        typical = [i for part in pool.map(copy, shards, ends.tolist()) for i in part]
    if not typical:
        raise DataError(f'no frame of kind {kind} is within data.typical; widen it or leave it out')
    chosen = torch.tensor(typical, device=device)
    return DeviceFrames(kind, shards[0].zero_is_sky, rgb, restyled, depth, fx, chosen)
