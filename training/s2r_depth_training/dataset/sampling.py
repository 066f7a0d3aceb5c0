"""Which frames are drawn: by the mix of kinds, only typical ones; and which samples a step has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from torch.utils.data import Sampler

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import StoredFrame
from s2r_depth_training.dataset.store import Frames
from s2r_depth_training.dataset.typical import depths_are_typical
from s2r_depth_training.errors import DataError

T = TypeVar('T')

_DRAWS = 200  # for a typical frame
_EVERY = 4  # px between those that tell whether a frame is typical


def kind_shares(there: Sequence[str], config: DataConfig) -> dict[str, float]:
    """Return kind -> share of a batch, sorted by kind: those of the mix, else equal ones.

    there: the kinds of which there are frames. Raises DataError if the mix names another.
    """
    shares = config.mix or dict.fromkeys(there, 1.0)
    if unknown := set(shares) - set(there):
        raise DataError(f'mix names {sorted(unknown)}, the data has {list(there)}')
    return dict(sorted(shares.items()))


class FrameMix:
    """Draws frames: first the kind of scene by its share of the mix, then a frame of it.

    Raises DataError if the mix names a kind of which there are no frames.
    """

    def __init__(self, frames: Frames, config: DataConfig) -> None:
        self._frames, self._config = frames, config
        shares = kind_shares(frames.kinds, config)
        self._kinds = list(shares)
        self._shares = np.array(list(shares.values())) / sum(shares.values())

    def draw(self, rng: np.random.Generator) -> StoredFrame:
        """Return any frame."""
        return self._draw_of(self._draw_kind(rng), rng)

    def draw_typical(self, rng: np.random.Generator) -> StoredFrame:
        """Return a frame whose depths are typical. Raises DataError if hardly any is."""
        kind = self._draw_kind(rng)
        for _ in range(_DRAWS):
            frame = self._draw_of(kind, rng)
            if is_typical(frame, self._config):
                return frame
        raise DataError(
            f'none of {_DRAWS} frames of kind {kind} is within data.typical '
            f'({self._config.typical[kind]}); widen it or leave {kind} out'
        )

    def _draw_kind(self, rng: np.random.Generator) -> str:
        return self._kinds[rng.choice(len(self._kinds), p=self._shares)]

    def _draw_of(self, kind: str, rng: np.random.Generator) -> StoredFrame:
        return self._frames.frame(kind, int(rng.integers(self._frames.count(kind))))


def is_typical(frame: StoredFrame, config: DataConfig) -> bool:
    """Return whether the depths of ``frame`` are within ``config.typical`` for its kind."""
    if frame.kind not in config.typical:
        return True
    depth = frame.depth[::_EVERY, ::_EVERY].astype(np.float32)
    fx = frame.fx * config.width / frame.depth.shape[1]
    return depths_are_typical(depth, config.focal_length / fx, config.typical[frame.kind])


def spread_evenly(frames: Frames, kind: str, config: DataConfig, count: int) -> list[int]:
    """Return ``count`` of the typical frames of a kind, evenly spread, or all if there are fewer.

    Raises DataError if there is none.
    """
    typical = [i for i in range(frames.count(kind)) if is_typical(frames.frame(kind, i), config)]
    if not typical:
        raise DataError(f'no validation frame of {kind} is within data.typical; widen it')
    return spread(typical, count)


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return ``count`` of the items, evenly spread, first and last among them, or all if fewer."""
    places = np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))
    return [items[place] for place in places] if items else []


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
