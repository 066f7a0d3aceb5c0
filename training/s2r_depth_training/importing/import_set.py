"""Writes a data set of some layout as a training set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s2r_depth_training.dataset.format import (
    TRAIN,
    VALIDATION,
    Manifest,
    ShardFrame,
    write_manifest,
)
from s2r_depth_training.dataset.shard_writer import ShardWriter
from s2r_depth_training.dataset.shrinking import shrink_colour, shrink_depth, small_camera
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Imported, Importer, Options, SetFrame
from s2r_depth_training.importing.real import KITTI_ANNOTATED, KITTI_RAW, NYU, RGBD
from s2r_depth_training.importing.virtual import HYPERSIM, SUNCG, TARTANAIR, VKITTI1, VKITTI2

IMPORTERS: dict[str, Importer] = {
    'vkitti1': VKITTI1,
    'vkitti2': VKITTI2,
    'hypersim': HYPERSIM,
    'tartanair': TARTANAIR,
    'suncg': SUNCG,
    'nyu': NYU,
    'kitti_raw': KITTI_RAW,
    'kitti_annotated': KITTI_ANNOTATED,
    'rgbd': RGBD,
}
"""KIND of ``s2r_train import`` -> its layout."""


@dataclass(frozen=True)
class Wanted:
    """What is taken of a set.

    every: which frame of those in order. validation: share of the scenes that are only judged by.
    width: px that images are shrunk to, at most.
    """

    every: int = 1
    validation: float = 0.05
    width: int = 640
    options: Options = field(default_factory=Options)


def import_set(
    kind: str,
    root: Path,
    out: Path,
    selection: Wanted,
    progress: Callable[[Iterable[SetFrame]], Iterable[SetFrame]] = iter,
) -> Path:
    """Write a training set; return its manifest.

    kind: a name in IMPORTERS. progress: is given the frames, and gives them back one by one.
    Raises DataError, with the tree that is expected, where nothing is found, and naming the file
    where a frame cannot be read.
    """
    importer, entries = IMPORTERS[kind], list_frames(kind, root, selection)
    scenes = sorted({entry.scene for entry in entries})
    judged = judging_scenes(scenes, selection.validation)
    numbers = {scene: number for number, scene in enumerate(scenes)}
    writers = {split: ShardWriter(out, split) for split in (TRAIN, VALIDATION)}
    for entry in progress(entries):
        frame = shard_frame(entry.read(), numbers[entry.scene], selection.width)
        writers[VALIDATION if entry.scene in judged else TRAIN].add(frame)
    for writer in writers.values():
        writer.flush()
    shards = [shard for writer in writers.values() for shard in writer.entries]
    return write_manifest(
        out, Manifest(kind=importer.kind, zero_depth=importer.zero_depth, shards=shards)
    )


def list_frames(kind: str, root: Path, selection: Wanted) -> list[SetFrame]:
    """Return the frames that are taken of a data set, in their order.

    Raises DataError, with the tree that is expected, where nothing is found.
    """
    importer = IMPORTERS[kind]
    if not root.exists():
        raise DataError(f'{root} does not exist; {kind} is {importer.tree}')
    if selection.options.list and not importer.listed:
        listed = ', '.join(name for name, one in IMPORTERS.items() if one.listed)
        raise DataError(f'{kind} takes no --list; {listed} do')
    entries = list(importer.entries(root, selection.options))[:: selection.every]
    if not entries:
        raise DataError(f'{root} has no frame of {kind}; expected is {importer.tree}')
    return entries


def judging_scenes(scenes: Sequence[str], share: float) -> set[str]:
    """Return the scenes that are only judged by: about a share, at least one of several; 1 is all.

    Which ones, their names decide, so that a set that grows keeps them.
    """
    if share == 1:
        return set(scenes)
    if not share or len(scenes) < 2:
        return set()
    count = min(len(scenes) - 1, max(1, round(share * len(scenes))))
    return set(sorted(scenes, key=lambda s: hashlib.sha256(s.encode()).digest())[:count])


def shard_frame(frame: Imported, scene: int, width: int) -> ShardFrame:
    """Return a frame as a training set has it."""
    camera = small_camera(frame.camera, width)
    rgb, depth = shrink_colour(frame.rgb, camera), shrink_depth(frame.depth, camera)
    return ShardFrame.of_camera(rgb, depth, camera, scene)
