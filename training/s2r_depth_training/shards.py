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
    """Collects frames of one split, and writes a shard whenever one is full.

    Files are named SPLIT_00000.npz, SPLIT_00001.npz, ...; ``entries`` lists them for a manifest.
    """

    def __init__(self, folder: Path, split: str, frames: int = 256) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.entries: list[dict[str, Any]] = []
        self._folder, self._split, self._frames = folder, split, frames
        self._pending: list[Mapping[str, NDArray]] = []

    def add(
        self,
        rgb: NDArray[np.uint8],
        depth: NDArray[np.floating],
        intrinsics: tuple[float, float, float, float],
        scene: int,
    ) -> None:
        """Add a frame: [H, W, 3], [H, W] m, (fx, fy, cx, cy) px, the scene's number."""
        frame = {
            'rgb': rgb,
            'depth': depth.astype(np.float16),
            'intrinsics': np.float32(intrinsics),
            'scene': np.int64(scene),
        }
        self._pending.append({key: np.asarray(value) for key, value in frame.items()})
        if len(self._pending) == self._frames:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        name = f'{self._split}_{len(self.entries):05d}.npz'
        arrays = {key: np.stack([f[key] for f in self._pending]) for key in self._pending[0]}
        temporary = self._folder / f'.{name}'
        with temporary.open('wb') as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, self._folder / name)
        self.entries.append({'file': name, 'split': self._split, 'frames': len(self._pending)})
        self._pending = []


def write_manifest(
    folder: Path, kind: str, zero_depth: str, shards: list[dict], provenance: Mapping[str, Any]
) -> Path:
    """Write manifest.json for ``shards``; provenance: more keys, where the frames come from."""
    path = folder / 'manifest.json'
    content = {**provenance, 'kind': kind, 'zero_depth': zero_depth, 'shards': shards}
    path.write_text(json.dumps(content, indent=1) + '\n')
    return path
