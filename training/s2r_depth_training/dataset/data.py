"""Training data: shards of rendered frames, and samples that their number alone decides.

A training set is a manifest.json beside shards (.npz), all of one kind of scene. The manifest has
``kind``; ``shards``, a list with ``file`` and ``split`` (``train`` or ``validation``) of each; and
optionally ``zero_depth``: what depth 0 means, ``sky`` (learnt as far away; the default outdoors)
or ``unknown``. A shard holds N frames:

    rgb         uint8 [N, H, W, 3]
    depth       float16 or float32 [N, H, W], m along the optical axis, 0 = see zero_depth
    intrinsics  float32 [N, 4]: fx, fy, cx, cy in px of the stored size
    scene       int64 [N]: number of the scene, never in both splits
    restyled    uint8 [N, H, W, 3], optional: the same geometry with other materials and light
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from s2r_depth_ros.errors import UserError
from s2r_depth_training.dataset.augmentation import crop_and_resize, photometric, random_window
from s2r_depth_training.dataset.style import load_paintings, transfer_style
from s2r_depth_training.runs.experiment import DataConfig

OUTDOOR_KINDS = frozenset({'street', 'driving', 'outdoor'})
_DRAWS = 200  # for a typical frame
_EVERY = 4  # px between those that tell whether a frame is typical
_PAINTED = 0.5  # share of the images that are restyled as a whole where there are paintings


class DataError(UserError):
    """A training set is missing, malformed, or mixes training and validation scenes."""


class Batch(NamedTuple):
    """What a training step sees.

    image: float [N, 3, H, W] in [-1, 1]. paired: the same view in another style (the image itself
    where no pair was asked for). depth: [N, 1, H, W], m in the canonical camera, > 0. weight:
    [N, 1, H, W], 0 = unknown. index: [N], the samples' numbers.
    """

    image: Tensor
    paired: Tensor
    depth: Tensor
    weight: Tensor
    index: Tensor


@dataclass(frozen=True)
class Frame:
    """One rendered frame; arrays as in a shard, fx in px of the stored size."""

    kind: str
    rgb: NDArray[np.uint8]
    restyled: NDArray[np.uint8] | None
    depth: NDArray[np.floating]
    fx: float
    zero_is_sky: bool


@dataclass(frozen=True)
class Shard:
    """One shard in memory (uint8 and float16: about 60 kB a frame at 96x128)."""

    arrays: dict[str, NDArray]
    kind: str
    zero_is_sky: bool

    def __len__(self) -> int:
        return len(self.arrays['rgb'])

    def frame(self, i: int) -> Frame:
        """Return frame ``i``."""
        restyled = self.arrays.get('restyled')
        return Frame(
            self.kind,
            self.arrays['rgb'][i],
            None if restyled is None else restyled[i],
            self.arrays['depth'][i],
            float(self.arrays['intrinsics'][i, 0]),
            self.zero_is_sky,
        )


class FrameStore:
    """The frames of one split, by kind of scene.

    Raises DataError if a manifest or shard cannot be read, or there are no frames.
    """

    def __init__(self, manifests: Sequence[str | Path], split: str) -> None:
        self._shards: dict[str, list[Shard]] = {}
        scenes: dict[str, set[tuple[str, int]]] = {}
        for listed in _listed_shards(manifests):
            wanted = listed.split == split
            arrays = _read_shard(listed.path, () if wanted else ('scene',))
            scenes.setdefault(listed.split, set()).update(
                (str(listed.path.parent), int(s)) for s in arrays['scene']
            )
            if wanted:
                shard = Shard(arrays, listed.kind, listed.zero_is_sky)
                self._shards.setdefault(listed.kind, []).append(shard)
        both = scenes.get('train', set()) & scenes.get('validation', set())
        if both:
            folder, scene = min(both)
            raise DataError(f'{folder}: scene {scene} is in both splits; split by scene')
        if not self._shards:
            raise DataError(f'no {split} shards in {", ".join(map(str, manifests)) or "nothing"}')
        self._ends = {k: np.cumsum([len(s) for s in v]) for k, v in self._shards.items()}

    @property
    def kinds(self) -> list[str]:
        """The kinds of scene, sorted."""
        return sorted(self._shards)

    def count(self, kind: str) -> int:
        """Return the number of frames of ``kind``."""
        return int(self._ends[kind][-1])

    def frame(self, kind: str, i: int) -> Frame:
        """Return frame ``i`` (below count) of ``kind``."""
        shard = int(np.searchsorted(self._ends[kind], i, side='right'))
        before = int(self._ends[kind][shard - 1]) if shard else 0
        return self._shards[kind][shard].frame(i - before)


class Frames(Protocol):
    """Where training samples are drawn from: a FrameStore, or what grows while one draws."""

    @property
    def kinds(self) -> list[str]:
        """The kinds of scene, sorted."""

    def count(self, kind: str) -> int:
        """Return the number of frames of ``kind`` that there are by now."""

    def frame(self, kind: str, i: int) -> Frame:
        """Return frame ``i`` (below count) of ``kind``."""


class _Listed(NamedTuple):
    """A shard as its manifest lists it."""

    path: Path
    kind: str
    split: str
    zero_is_sky: bool


def _listed_shards(manifests: Sequence[str | Path]) -> Iterator[_Listed]:
    for path in map(Path, manifests):
        try:
            manifest = json.loads(path.read_text())
            kind = manifest['kind']
            listed = [(entry['file'], entry['split']) for entry in manifest['shards']]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f'{path} is not a manifest of a training set: {error!r}') from error
        sky = 'sky' if kind in OUTDOOR_KINDS else 'unknown'
        for file, split in listed:
            zero_is_sky = manifest.get('zero_depth', sky) == 'sky'
            yield _Listed(path.parent / file, kind, split, zero_is_sky)


def _read_shard(path: Path, only: Sequence[str] = ()) -> dict[str, NDArray]:
    """Read a shard's arrays, or ``only`` the named ones."""
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = {'rgb', 'depth', 'intrinsics', 'scene'} - set(file.files)
            if missing:
                raise DataError(f'{path} lacks {", ".join(sorted(missing))}')
            return {key: file[key] for key in only or file.files}
    except (OSError, ValueError) as error:
        raise DataError(f'{path} is not a shard: {error}') from error


def canonical_depth(
    depth: NDArray[np.floating], fx: float, zero_is_sky: bool, config: DataConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return depth as the canonical camera sees it, m, and the loss weight, both [H, W].

    fx: px of the camera at the width of ``depth``. A lens that shows things larger by some factor
    shows them as the canonical camera would from that much nearer.
    """
    metres = depth.astype(np.float32) * np.float32(config.focal_length / fx)
    known = metres > config.min_depth
    weight = known.astype(np.float32)
    if zero_is_sky:
        sky = depth <= 0
        weight[sky] = config.sky_weight
        metres[sky] = config.max_depth
    return np.clip(metres, config.min_depth, config.max_depth), weight


def is_typical(frame: Frame, config: DataConfig) -> bool:
    """Tell whether the depths of ``frame`` are within ``config.typical`` for its kind."""
    if frame.kind not in config.typical:
        return True
    depth = frame.depth[::_EVERY, ::_EVERY].astype(np.float32)
    fx = frame.fx * config.width / frame.depth.shape[1]
    known = depth[depth > 0] * (config.focal_length / fx)
    if known.size < depth.size / 4:
        return False
    least, largest, ratio = config.typical[frame.kind]
    median, far = np.percentile(known, (50, 95))
    return bool(least <= median <= largest and far <= ratio * median)


class TrainingSamples(Dataset):
    """Sample number -> augmented sample; the seed and the number decide everything.

    pairs: also give the view in another style (stage 0).
    """

    def __init__(
        self, store: Frames, config: DataConfig, seed: int, *, pairs: bool = False
    ) -> None:
        self._store, self._config, self._seed, self._pairs = store, config, seed, pairs
        shares = config.mix or dict.fromkeys(store.kinds, 1.0)
        unknown = set(shares) - set(store.kinds)
        if unknown:
            raise DataError(f'mix names {sorted(unknown)}, the data has {store.kinds}')
        self._mixed = sorted(shares)
        self._paintings = (
            load_paintings(config.paintings, config.height, config.width)
            if config.paintings
            else None
        )
        self._shares = np.array([shares[k] for k in self._mixed]) / sum(shares.values())

    def __getitem__(self, number: int) -> Batch:
        """Return sample ``number`` as a Batch without its first axis.

        Raises DataError if hardly any frame of a kind is typical.
        """
        rng = np.random.default_rng((self._seed, number))
        frame, style = self._draw_typical(rng), self._style(rng)
        size = (self._config.height, self._config.width)
        window = self._window(frame, rng)
        mirrored = rng.random() < 0.5

        def placed(array: NDArray, nearest: bool = False) -> NDArray:
            array = crop_and_resize(array, window, size, nearest=nearest)
            return array[:, ::-1] if mirrored else array

        views = [frame.rgb] if frame.restyled is None else [frame.rgb, frame.restyled]
        if len(views) == 2 and rng.random() < self._config.restyled:
            views.reverse()
        image = self._appearance(placed(views[0]), style, rng)
        paired = self._appearance(placed(views[-1]), style, rng) if self._pairs else image
        fx = frame.fx * size[1] / window[3]
        depth, weight = canonical_depth(
            placed(frame.depth.astype(np.float32), True), fx, frame.zero_is_sky, self._config
        )
        return _sample(image, paired, depth, weight, number)

    def _draw_kind(self, rng: np.random.Generator) -> str:
        return self._mixed[rng.choice(len(self._mixed), p=self._shares)]

    def _draw(self, kind: str, rng: np.random.Generator) -> Frame:
        return self._store.frame(kind, int(rng.integers(self._store.count(kind))))

    def _draw_typical(self, rng: np.random.Generator) -> Frame:
        kind = self._draw_kind(rng)
        for _ in range(_DRAWS):
            frame = self._draw(kind, rng)
            if is_typical(frame, self._config):
                return frame
        raise DataError(
            f'none of {_DRAWS} frames of kind {kind} is within data.typical '
            f'({self._config.typical[kind]}); widen it or leave {kind} out'
        )

    def _style(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the image that lends its style, [H, W, 3]: a painting, or any frame."""
        if self._paintings is not None:
            return self._paintings[rng.integers(len(self._paintings))]
        donor = self._draw(self._draw_kind(rng), rng).rgb
        size = (self._config.height, self._config.width)
        return crop_and_resize(donor, (0, 0, *donor.shape[:2]), size, nearest=False)

    def _window(self, frame: Frame, rng: np.random.Generator) -> tuple[int, int, int, int]:
        height, width = frame.rgb.shape[:2]
        if rng.random() >= self._config.crop:
            return 0, 0, height, width
        config = self._config
        aspect, widest = config.width / config.height, config.widest.get(frame.kind, 1.18)
        return random_window(height, width, aspect, config.crop_scale, rng, widest)

    def _appearance(
        self, rgb: NDArray[np.uint8], style: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        if not self._config.photometric:
            return rgb.astype(np.float32) / 255
        if self._paintings is not None and rng.random() < _PAINTED:
            rgb = painted(rgb, style, rng)
        return photometric(rgb, style, rng)


def painted(
    rgb: NDArray[np.uint8], painting: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return ``rgb`` in the manner of ``painting``, both [H, W, 3]."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    image, style = (
        torch.from_numpy(np.ascontiguousarray(a.transpose(2, 0, 1))[None]).float() / 255
        for a in (rgb, painting)
    )
    changed = transfer_style(image, style, generator)[0].clamp(0, 1)
    return (changed * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


class ValidationSamples(Dataset):
    """The same frames every time, evenly over the kinds trained on, whole and unchanged.

    Raises DataError for a kind in the mix of which there are no (typical) frames.
    """

    def __init__(self, store: FrameStore, config: DataConfig, frames: int) -> None:
        self._store, self._config = store, config
        kinds = sorted(config.mix) or store.kinds
        if missing := set(kinds) - set(store.kinds):
            raise DataError(f'no validation frames of {sorted(missing)}, only of {store.kinds}')
        self._chosen = [(k, i) for k in kinds for i in _evenly(store, k, config, frames)]

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, number: int) -> Batch:
        """Return frame ``number`` as a Batch without its first axis."""
        frame = self._store.frame(*self._chosen[number])
        size = (self._config.height, self._config.width)
        whole = (0, 0, *frame.rgb.shape[:2])
        image, paired = (
            crop_and_resize(view, whole, size, nearest=False).astype(np.float32) / 255
            for view in (frame.rgb, frame.rgb if frame.restyled is None else frame.restyled)
        )
        depth, weight = canonical_depth(
            crop_and_resize(frame.depth.astype(np.float32), whole, size, nearest=True),
            frame.fx * size[1] / frame.rgb.shape[1],
            frame.zero_is_sky,
            self._config,
        )
        return _sample(image, paired, depth, weight, number)


def _evenly(store: FrameStore, kind: str, config: DataConfig, frames: int) -> list[int]:
    """Choose ``frames`` of the typical frames of a kind, or all if there are fewer."""
    typical = [i for i in range(store.count(kind)) if is_typical(store.frame(kind, i), config)]
    if not typical:
        raise DataError(f'no validation frame of {kind} is within data.typical; widen it')
    places = np.unique(np.linspace(0, len(typical) - 1, frames).round().astype(int))
    return [typical[place] for place in places]


def _sample(image: NDArray, paired: NDArray, depth: NDArray, weight: NDArray, number: int) -> Batch:
    def channels_first(array: NDArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1))) * 2 - 1

    return Batch(
        channels_first(image),
        channels_first(paired),
        torch.from_numpy(np.ascontiguousarray(depth))[None],
        torch.from_numpy(np.ascontiguousarray(weight))[None],
        torch.tensor(number),
    )


class StepSampler(Sampler[int]):
    """Numbers the samples of one process from optimizer step ``start`` to step ``end``.

    Step s of P processes with B images each uses samples s*P*B to (s+1)*P*B - 1; process r takes
    the r-th B of them. So a resumed run goes on where it was, and P processes see together what
    one process with P*B images sees.
    """

    def __init__(self, start: int, end: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self._steps = range(start, end)
        self._batch, self._rank, self._world = batch, rank, world

    def __len__(self) -> int:
        return len(self._steps) * self._batch

    def __iter__(self) -> Iterator[int]:
        for step in self._steps:
            first = (step * self._world + self._rank) * self._batch
            yield from range(first, first + self._batch)
