"""Training sets of made-up frames: enough to train on for a few steps, quick to write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s2r_depth_training.dataset.format import (
    Manifest,
    ShardEntry,
    ShardFrame,
    write_manifest,
    write_shard,
)

HEIGHT, WIDTH = 96, 128
INTRINSICS = np.array([90, 90, 63.5, 47.5], np.float32)


def make_shard(
    path: Path, frames: int, scenes: Sequence[int], seed: int, restyled: bool = True
) -> None:
    """Write ``frames`` tilted planes with a box, shaded by depth, of the numbered ``scenes``."""
    rng = np.random.default_rng(seed)
    y, _ = np.mgrid[0:HEIGHT, 0:WIDTH]
    depth = np.stack([2 + rng.uniform(0, 3) + (HEIGHT - y) * 0.05 for _ in range(frames)])
    for i in range(frames):
        top, left = rng.integers(10, 50), rng.integers(10, 80)
        depth[i, top : top + 30, left : left + 30] *= 0.5
    shade = 255 / (1 + 0.2 * depth[..., None]) * rng.uniform(0.5, 1, (frames, 1, 1, 3))
    texture = rng.normal(0, 4, (frames, HEIGHT, WIDTH, 1))
    rgb = np.clip(shade + texture, 0, 255).astype(np.uint8)
    rows = [
        ShardFrame(
            rgb[i],
            depth[i],
            INTRINSICS,
            scenes[i % len(scenes)],
            255 - rgb[i] if restyled else None,
        )
        for i in range(frames)
    ]
    write_shard(path, rows)


def make_set(folder: Path, kind: str, splits: Sequence[str] = ('train', 'validation')) -> Path:
    """List the shards SPLIT.npz that ``folder`` has in its manifest; return that."""
    shards = [ShardEntry(file=f'{split}.npz', split=split) for split in splits]
    return write_manifest(folder, Manifest(kind=kind, shards=shards))
