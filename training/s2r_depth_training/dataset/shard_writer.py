"""Collects frames one by one and writes them as shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from s2r_depth_ros.files import make_folder
from s2r_depth_training.dataset.format import ShardEntry, ShardFrame, write_shard

FRAMES = 256
"""Of a shard, at most."""
_BYTES = 2**28  # of what waits to be written, at most


class ShardWriter:
    """Collects frames of one split, and writes a shard whenever one is full.

    Frames may differ in size; a shard's do not. Files are named SPLIT_00000.npz, SPLIT_00001.npz,
    ...; ``entries`` lists them for a manifest. there: the shards that a manifest lists already.
    """

    def __init__(self, folder: Path, split: str, there: Sequence[ShardEntry] = ()) -> None:
        make_folder(folder)
        self.entries: list[ShardEntry] = [entry for entry in there if entry['split'] == split]
        self._folder, self._split = folder, split
        self._pending: dict[tuple[int, ...], list[ShardFrame]] = {}  # by size
        self._bytes = 0

    def add(self, frame: ShardFrame) -> None:
        """Add a frame."""
        size = frame.rgb.shape
        self._pending.setdefault(size, []).append(frame)
        self._bytes += frame.rgb.nbytes + frame.depth.nbytes
        if len(self._pending[size]) == FRAMES:
            self._write(size)
        elif self._bytes >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        for size in list(self._pending):
            self._write(size)

    def _write(self, size: tuple[int, ...]) -> None:
        frames = self._pending.pop(size)
        self._bytes -= sum(frame.rgb.nbytes + frame.depth.nbytes for frame in frames)
        name = f'{self._split}_{len(self.entries):05d}.npz'
        write_shard(self._folder / name, frames)
        self.entries.append(ShardEntry(file=name, split=self._split, frames=len(frames)))
