"""Collects frames one by one and writes them as shards."""

from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.files import make_folder
from s2r_depth_training.dataset.format import ShardEntry, ShardFrame, write_shard


class ShardWriter:
    """Collects frames of one split, and writes a shard whenever one is full.

    Files are named SPLIT_00000.npz, SPLIT_00001.npz, ...; ``entries`` lists them for a manifest.
    """

    def __init__(self, folder: Path, split: str, frames: int = 256) -> None:
        make_folder(folder)
        self.entries: list[ShardEntry] = []
        self._folder, self._split, self._frames = folder, split, frames
        self._pending: list[ShardFrame] = []

    def add(self, frame: ShardFrame) -> None:
        """Add a frame."""
        self._pending.append(frame)
        if len(self._pending) == self._frames:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        name = f'{self._split}_{len(self.entries):05d}.npz'
        write_shard(self._folder / name, self._pending)
        self.entries.append(ShardEntry(file=name, split=self._split, frames=len(self._pending)))
        self._pending = []
