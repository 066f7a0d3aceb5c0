"""Writing a training set: shards and the manifest that lists them (format: see data.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ShardWriter:
    """Collects frames of one kind and split, and writes a shard whenever one is full.

    Files are named PREFIX_00000.npz, PREFIX_00001.npz, ...; ``entries`` lists them for a manifest.
    """

    def __init__(
        self, folder: Path, prefix: str, entry: Mapping[str, Any], frames: int = 256
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.entries: list[dict[str, Any]] = []
        self._folder, self._prefix, self._entry, self._frames = folder, prefix, entry, frames
        self._pending: list[Mapping[str, NDArray]] = []

    def add(
        self,
        rgb: NDArray[np.uint8],
        depth: NDArray[np.floating],
        intrinsics: tuple[float, float, float, float],
        scene: int,
        restyled: NDArray[np.uint8] | None = None,
    ) -> None:
        """Add a frame: [H, W, 3], [H, W] m, (fx, fy, cx, cy) px, the scene's number.

        restyled: [H, W, 3] the same view in another style; given for all frames or for none.
        """
        frame = {
            'rgb': rgb,
            'depth': depth.astype(np.float16),
            'intrinsics': np.float32(intrinsics),
            'scene': np.int64(scene),
        }
        if restyled is not None:
            frame['restyled'] = restyled
        self._pending.append({key: np.asarray(value) for key, value in frame.items()})
        if len(self._pending) == self._frames:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        name = f'{self._prefix}_{len(self.entries):05d}.npz'
        arrays = {key: np.stack([f[key] for f in self._pending]) for key in self._pending[0]}
        temporary = self._folder / f'.{name}'
        with temporary.open('wb') as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, self._folder / name)
        self.entries.append({'file': name, **self._entry, 'frames': len(self._pending)})
        self._pending = []


def write_manifest(
    folder: Path, shards: list[dict[str, Any]], provenance: Mapping[str, Any]
) -> Path:
    """Write manifest.json for ``shards``; provenance says where they come from."""
    path = folder / 'manifest.json'
    path.write_text(json.dumps({**provenance, 'shards': shards}, indent=1) + '\n')
    return path
