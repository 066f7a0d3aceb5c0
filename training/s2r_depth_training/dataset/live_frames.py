"""Training frames that are rendered while training draws from them, without touching the disk."""

from __future__ import annotations

import mmap
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import (
    TRAIN,
    Shard,
    ShardFrame,
    StoredFrame,
    array_layout,
    read_manifest,
    zero_is_sky,
)
from s2r_depth_training.dataset.render_stream import FrameStream
from s2r_depth_training.dataset.render_to_disk import next_scene
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError

# Of a kind: 5 GB of 96x128 px. Memory is taken as it is filled.
_MOST_FRAMES = 50_000


class FramePool:
    """A shard of one recipe's frames in memory that loading processes share by being forked.

    Frames are only added, never replaced, and counted when they are whole.
    """

    def __init__(self, recipe: Recipe, capacity: int = _MOST_FRAMES) -> None:
        layout = array_layout(recipe.height, recipe.width, recipe.restyled)
        self._arrays = {
            key: _shared((capacity, *shape), dtype) for key, (dtype, shape) in layout.items()
        }
        self._shard = Shard(self._arrays, recipe.kind, zero_is_sky(recipe.kind))
        self._count = _shared((1,), np.int64)

    def __len__(self) -> int:
        return int(self._count[0])

    @property
    def full(self) -> bool:
        """Return whether no frame can be added any more."""
        return len(self) == len(self._shard)

    def add(self, frame: ShardFrame) -> None:
        """Add a frame; one process only does so. Raises IndexError when full."""
        i = len(self)
        for key, array in frame.arrays().items():
            self._arrays[key][i] = array
        self._count[0] = i + 1

    def frame(self, i: int) -> StoredFrame:
        """Return frame ``i``, below the length."""
        return self._shard.frame(i)


def _shared(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Return zeros that forked processes see change; anonymous, so /dev/shm may be small."""
    count = int(np.prod(shape))
    memory = mmap.mmap(-1, count * np.dtype(dtype).itemsize)
    return np.frombuffer(memory, dtype, count).reshape(shape)


class LiveFrames:
    """The training frames of manifests and, as time goes on, more scenes by the same recipes.

    Entering the ``with`` block starts ``data.renderers`` processes in all, at least one for each
    kind; leaving it ends them. Raises ConfigError for a manifest that was not rendered.
    """

    def __init__(self, data: DataConfig) -> None:
        self._store = FrameStore(data.manifests, TRAIN)
        self._pools: dict[str, FramePool] = {}
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._ended = threading.Event()
        recipes = _recipes(data)
        for number, (manifest, recipe) in enumerate(recipes):
            pool = self._pools[recipe.kind] = FramePool(recipe)
            workers = max(1, len(range(number, data.renderers, len(recipes))))
            stream = FrameStream([recipe], workers, first=next_scene(manifest.parent))
            self._threads.append(
                threading.Thread(target=self._fill, args=(stream, pool), daemon=True)
            )

    @property
    def kinds(self) -> list[str]:
        """The kinds of scene, sorted."""
        return self._store.kinds

    def count(self, kind: str) -> int:
        """Return the number of frames of ``kind`` that there are by now."""
        return self._store.count(kind) + len(self._pools.get(kind, ()))

    def frame(self, kind: str, i: int) -> StoredFrame:
        """Return frame ``i`` (below count) of ``kind``."""
        stored = self._store.count(kind)
        return self._store.frame(kind, i) if i < stored else self._pools[kind].frame(i - stored)

    def rendered(self) -> dict[str, int]:
        """Return kind -> frames rendered so far. Raises RenderingError if rendering has failed."""
        if self._error is not None:
            raise self._error
        return {kind: len(pool) for kind, pool in self._pools.items()}

    def __enter__(self) -> LiveFrames:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _fill(self, stream: FrameStream, pool: FramePool) -> None:
        try:
            with stream:
                for frame in stream:
                    if self._ended.is_set() or pool.full:
                        return
                    pool.add(frame)
        except Exception as error:  # for rendered(), in the thread that trains
            self._error = error


def _recipes(data: DataConfig) -> list[tuple[Path, Recipe]]:
    """Return the manifests of the kinds to be drawn, one of each kind, and what they hold."""
    found: dict[str, tuple[Path, Recipe]] = {}
    for path in map(Path, data.manifests):
        manifest = read_manifest(path)
        kind = manifest['kind']
        if kind in found or kind not in (data.mix or [kind]):
            continue
        recipe = manifest.get('recipe')
        if recipe is None:
            raise ConfigError(
                f'data.renderers: {path} was not rendered, so no more like it can be; set it to 0'
            )
        tuples: dict[str, Any] = {k: tuple(v) for k, v in recipe.items() if isinstance(v, list)}
        found[kind] = path, Recipe(**{**recipe, **tuples})
    return list(found.values())
