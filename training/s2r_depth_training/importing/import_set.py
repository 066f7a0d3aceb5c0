"""Writes a data set of some layout as a training set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from s2r_depth_training.dataset.bags import warn
from s2r_depth_training.dataset.format import (
    MANIFEST,
    TRAIN,
    VALIDATION,
    Manifest,
    ShardFrame,
    read_manifest,
    write_manifest,
)
from s2r_depth_training.dataset.shard_writer import FRAMES, ShardWriter
from s2r_depth_training.dataset.shrinking import shrink_colour, shrink_depth, small_camera
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Imported, Importer, Options, SetFrame
from s2r_depth_training.importing.files import tell_left_out
from s2r_depth_training.importing.nyu import NYU, NYU_RAW
from s2r_depth_training.importing.real import KITTI_ANNOTATED, KITTI_RAW, RGBD
from s2r_depth_training.importing.virtual import HYPERSIM, SUNCG, TARTANAIR, VKITTI1, VKITTI2

IMPORTERS: dict[str, Importer] = {
    'vkitti1': VKITTI1,
    'vkitti2': VKITTI2,
    'hypersim': HYPERSIM,
    'tartanair': TARTANAIR,
    'suncg': SUNCG,
    'nyu': NYU,
    'nyu_raw': NYU_RAW,
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
    progress: Callable[[Sequence[SetFrame]], Iterable[SetFrame]] = iter,
) -> Path:
    """Write a training set; return its manifest. One that was cut off is gone on with.

    kind: a name in IMPORTERS. progress: is given the frames that are left, and gives them back one
    by one. Frames without any known depth are left out. Raises DataError, with the tree that is
    expected, where nothing is found, for options that say nothing of this kind, and for a folder
    that holds another set; UserError naming the file where a frame cannot be read.
    """
    importer, entries = IMPORTERS[kind], list_frames(kind, root, selection)
    scenes = sorted({entry.scene for entry in entries})
    judged = judging_scenes(scenes, selection.validation)
    numbers = {scene: number for number, scene in enumerate(scenes)}
    learnt, rest = (
        [entry for entry in entries if (entry.scene in judged) == judges]
        for judges in (False, True)
    )
    entries = learnt + rest
    manifest = _begun(out, importer, _facts(kind, root, selection))
    done, mark = manifest['imported']['done'], _Fingerprint(numbers, root)
    for entry in entries[:done]:
        mark.add(entry)
    if done and manifest['imported']['frames'] != mark.text:
        raise DataError(
            f'{root} has not the frames any more that {out} was begun with: give another --out, or '
            'delete this one'
        )
    writers = {split: ShardWriter(out, split, manifest['shards']) for split in (TRAIN, VALIDATION)}
    blind: list[str] = []
    for number, entry in enumerate(progress(entries[done:]), done + 1):
        split, frame = VALIDATION if entry.scene in judged else TRAIN, entry.read()
        if (frame.depth > 0).any():
            writers[split].add(shard_frame(frame, numbers[entry.scene], selection.width))
        else:
            blind.append(entry.name)
        mark.add(entry)
        if number % FRAMES == 0 or number in (len(learnt), len(entries)):
            writers[split].flush()
            manifest['shards'] = [shard for each in writers.values() for shard in each.entries]
            manifest['imported'] |= {'done': number, 'frames': mark.text}
            write_manifest(out, manifest)
    tell_left_out(blind, 'any known depth')
    if not manifest['shards']:
        raise DataError(f'{root} has no known depth in any of {len(entries)} frames')
    if selection.validation and all(shard['split'] == TRAIN for shard in manifest['shards']):
        warn(
            f'{root} has frames of one scene only, so none is left to judge by: import another '
            'part of the data set with --validation 1 and another --out'
        )
    return out / MANIFEST


def list_frames(kind: str, root: Path, selection: Wanted) -> list[SetFrame]:
    """Return the frames that are taken of a data set, in their order.

    Raises DataError, with the tree that is expected, where nothing is found, and for options that
    say nothing of this kind.
    """
    importer = IMPORTERS[kind]
    _refuse_idle_options(kind, selection.options)
    if not root.exists():
        raise DataError(f'{root} does not exist; {kind} is {importer.tree}')
    entries = list(importer.entries(root, selection.options))[:: selection.every]
    if not entries:
        raise DataError(f'{root} has no frame of {kind}; expected is {importer.tree}')
    return entries


def _refuse_idle_options(kind: str, options: Options) -> None:
    """Raise DataError for an option that says nothing of this kind."""
    for name in (option.name for option in fields(options)):
        if getattr(options, name) and name not in IMPORTERS[kind].uses:
            users = ', '.join(k for k, importer in IMPORTERS.items() if name in importer.uses)
            raise DataError(f'--{name} says nothing of {kind}, it is for {users}: leave it out')


def _facts(kind: str, root: Path, selection: Wanted) -> dict[str, Any]:
    """Return what two calls have in common that make the same set. Names are those of options."""
    return {
        'KIND': kind,
        'ROOT': str(root.resolve()),
        '--every': selection.every,
        '--validation': selection.validation,
        '--width': selection.width,
        '--list': str(selection.options.list.resolve()) if selection.options.list else 'none',
        '--fx': selection.options.fx,
        '--scale': selection.options.scale,
    }


class _Fingerprint:
    """What other frames, or frames whose scenes have other numbers, do not have; grows with them.

    numbers: scene -> number. root: above the frames, whose place does not matter.
    """

    def __init__(self, numbers: dict[str, int], root: Path) -> None:
        self._numbers, self._root = numbers, str(root)
        self._hash, self._between = hashlib.sha256(), ''

    def add(self, entry: SetFrame) -> None:
        """Add a frame."""
        name = entry.name.removeprefix(self._root)
        self._hash.update(f'{self._between}{self._numbers[entry.scene]} {name}'.encode())
        self._between = '\n'

    @property
    def text(self) -> str:
        """The fingerprint of what was added so far."""
        return self._hash.hexdigest()


def _begun(out: Path, importer: Importer, facts: dict[str, Any]) -> Manifest:
    """Return the manifest in ``out``, or a new one. Raises DataError for one of another set."""
    path = out / MANIFEST
    if not path.exists():
        return Manifest(
            kind=importer.kind,
            zero_depth=importer.zero_depth,
            shards=[],
            imported={'facts': facts, 'done': 0},
        )
    manifest = read_manifest(path)
    imported = manifest.get('imported')
    if not isinstance(imported, dict) or not isinstance(imported.get('facts'), dict):
        raise DataError(f'{path} is of a training set that was not imported: give another --out')
    gone = [shard['file'] for shard in manifest['shards'] if not (out / shard['file']).is_file()]
    if gone:
        raise DataError(f'{out} has lost {gone[0]}: give another --out, or delete this one')
    for name, was in imported['facts'].items():
        if facts.get(name) != was:
            raise DataError(
                f'{out} was imported with another {name} ({was}, now {facts.get(name)}): give '
                'another --out, or delete this one'
            )
    return manifest


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
