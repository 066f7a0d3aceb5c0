"""Where samples are drawn from: the frames of training sets, by kind of scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from s2r_depth_training.dataset.format import (
    TRAIN,
    VALIDATION,
    Shard,
    StoredFrame,
    read_scenes,
    read_shards,
)
from s2r_depth_training.errors import DataError


class Frames(Protocol):
    """Where training samples are drawn from: a FrameStore, or what grows while one draws."""

    @property
    def kinds(self) -> list[str]:
        """The kinds of scene, sorted."""

    def count(self, kind: str) -> int:
        """Return the number of frames of ``kind`` that there are by now."""

    def frame(self, kind: str, i: int) -> StoredFrame:
        """Return frame ``i`` (below count) of ``kind``."""


class FrameStore:
    """The frames of one split, ``train`` or ``validation``, in memory.

    Raises DataError if a manifest or shard cannot be read, a scene is in both splits, or there are
    no frames.
    """

    def __init__(self, manifests: Sequence[str | Path], split: str) -> None:
        self._shards: dict[str, list[Shard]] = {}
        for path in map(Path, manifests):
            shards = list(read_shards(path, split))
            own = {int(scene) for shard in shards for scene in shard.arrays['scene']}
            other = read_scenes(path, VALIDATION if split == TRAIN else TRAIN)
            if both := own & other:
                raise DataError(
                    f'{path.parent}: scene {min(both)} is in both splits; split by scene'
                )
            for shard in shards:
                self._shards.setdefault(shard.kind, []).append(shard)
        if not self._shards:
            if not manifests:
                raise DataError('no training set is named; name its manifest.json with --data')
            raise DataError(
                f'no {split} shards in {", ".join(map(str, manifests))}; add a set that has some '
                'by another --data (import and render make one by --validation)'
            )
        self._ends = {k: np.cumsum([len(s) for s in v]) for k, v in self._shards.items()}

    @property
    def kinds(self) -> list[str]:
        """The kinds of scene, sorted."""
        return sorted(self._shards)

    def count(self, kind: str) -> int:
        """Return the number of frames of ``kind``."""
        return int(self._ends[kind][-1])

    def shards(self, kind: str) -> list[Shard]:
        """Return all shards of ``kind``, in the order in which frames are numbered."""
        return self._shards[kind]

    def frame(self, kind: str, i: int) -> StoredFrame:
        """Return frame ``i`` (below count) of ``kind``."""
        shard = int(np.searchsorted(self._ends[kind], i, side='right'))
        before = int(self._ends[kind][shard - 1]) if shard else 0
        return self._shards[kind][shard].frame(i - before)
