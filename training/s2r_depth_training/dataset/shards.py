"""Writing a training set: shards and the manifest that lists them (format: see data.py).

Files appear whole or not at all, so a killed run leaves none that cannot be read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import write_atomically

MANIFEST = 'manifest.json'


def write_shard(path: Path, frames: Sequence[Mapping[str, Any]]) -> None:
    """Write ``frames``, each key -> array or number of one frame, all of the same keys."""
    buffer = io.BytesIO()
    arrays = {key: np.stack([frame[key] for frame in frames]) for key in frames[0]}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getbuffer())


def write_manifest(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write ``content`` as the manifest of the training set in ``folder``; return its path."""
    path = folder / MANIFEST
    write_atomically(path, (json.dumps(content, indent=1) + '\n').encode())
    return path


class ShardWriter:
    """Collects frames of one split, and writes a shard whenever one is full.

    Files are named SPLIT_00000.npz, SPLIT_00001.npz, ...; ``entries`` lists them for a manifest.
    """

    def __init__(self, folder: Path, split: str, frames: int = 256) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.entries: list[dict[str, Any]] = []
        self._folder, self._split, self._frames = folder, split, frames
        self._pending: list[Mapping[str, Any]] = []

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
        self._pending.append(frame)
        if len(self._pending) == self._frames:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        name = f'{self._split}_{len(self.entries):05d}.npz'
        write_shard(self._folder / name, self._pending)
        self.entries.append({'file': name, 'split': self._split, 'frames': len(self._pending)})
        self._pending = []
