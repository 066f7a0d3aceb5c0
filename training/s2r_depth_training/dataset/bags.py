"""A recording of a simulator's camera becomes a training set; needs no ROS.

Gazebo and Isaac publish a colour image, a depth image aligned with it and camera_info. Frames are
paired by stamp, unusable depth is masked, standing still adds nothing, and every recording is one
scene: a whole run is for training or for validation.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from s2r_depth_ros.media.bags.transforms import BagTransforms
from s2r_depth_training.dataset.bag_pairs import BagPairs, PairRules, RecordedPair, Topics
from s2r_depth_training.dataset.bag_truth import AlignedDepth
from s2r_depth_training.dataset.format import (
    MANIFEST,
    TRAIN,
    VALIDATION,
    Manifest,
    ShardEntry,
    ShardFrame,
    write_manifest,
)
from s2r_depth_training.dataset.ray_lengths import ray_length_evidence
from s2r_depth_training.dataset.shard_writer import ShardWriter
from s2r_depth_training.errors import DataError

_THUMBNAIL = (32, 24)
_SAME_COLOUR, _SAME_DEPTH = 1.5, 0.01  # grey levels; relative


def warn(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr)


def bag_to_dataset(
    train: Sequence[Path],
    val: Sequence[Path],
    topics: Topics,
    out: Path,
    *,
    kind: str,
    zero_depth: str = 'unknown',
    rules: PairRules | None = None,
    transforms: Sequence[str] = (),
    report: Callable[[str], None] = warn,
) -> Path:
    """Write the training set ``out`` from recordings; return its manifest.

    train, val: recordings (folder, .mcap, .db3, .bag), each one run. kind: of scene. zero_depth:
    what a missing depth means, ``unknown`` or ``sky``. report: is told what is left out of a
    recording, and why.
    Raises DataError for a folder that holds a set, a recording without usable pairs, with
    distortion, with ray lengths in place of Z, or that is given twice, SourceError for one that
    cannot be read.
    """
    if (out / MANIFEST).exists():
        raise DataError(f'{out} holds a training set: give another --out, or delete it')
    _refuse_twice([*train, *val])
    shards: list[ShardEntry] = []
    scene = 0
    recordings_of = {TRAIN: train, VALIDATION: val}
    for split, recordings in recordings_of.items():
        writer = ShardWriter(out, split)
        for path in recordings:
            truth = AlignedDepth(BagTransforms(path, transforms))
            pairs = BagPairs(path, topics, truth, rules or PairRules(), report)
            _add_run(writer, scene, path, pairs)
            scene += 1
        writer.flush()
        shards += writer.entries
    manifest = Manifest(
        recordings={split: [p.name for p in paths] for split, paths in recordings_of.items()},
        topics=topics.by_role(),
        kind=kind,
        zero_depth=zero_depth,
        shards=shards,
    )
    return write_manifest(out, manifest)


def _refuse_twice(recordings: Sequence[Path]) -> None:
    """Raise DataError for a recording that is there twice: validation would be on what was seen."""
    paths = [path.resolve() for path in recordings]
    for given, path in zip(recordings, paths):
        if paths.count(path) > 1:
            raise DataError(f'{given} is given twice; give other runs for validation')


def _add_run(writer: ShardWriter, scene: int, path: Path, pairs: BagPairs) -> None:
    votes = []
    for pair in moved(pairs):
        votes.append(ray_length_evidence(pair.depth, pair.intrinsics))
        writer.add(shard_frame(pair, scene))
    if not votes:
        raise DataError(f'{path}: {pairs.why_none()}')
    refuse_ray_lengths(path, votes)


def moved(pairs: Iterable[RecordedPair]) -> Iterator[RecordedPair]:
    """Yield the pairs that are no near duplicates of the one that was yielded before."""
    kept: RecordedPair | None = None
    for pair in pairs:
        if kept is None or not is_near_duplicate(kept, pair):
            kept = pair
            yield pair


def shard_frame(pair: RecordedPair, scene: int) -> ShardFrame:
    """Return a pair as a training set has it."""
    return ShardFrame.of_camera(pair.rgb, pair.depth, pair.intrinsics, scene)


def refuse_ray_lengths(path: Path, votes: Sequence[float]) -> None:
    """Raise DataError if most frames say that depth is a ray's length; votes: their evidence."""
    if (evidence := float(np.nanmedian([*votes, 0.0]))) > math.log(2):
        raise DataError(
            f'{path}: depth looks like the length of the ray, not Z along the optical axis '
            f'(planes fit {math.exp(evidence):.1f} times better); publish Z depth, as REP 118 says'
        )


def is_near_duplicate(first: RecordedPair, second: RecordedPair) -> bool:
    """Return whether the camera hardly moved and nothing else did."""
    colours, depths = (
        [cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(float) for image in two]
        for two in ((first.rgb, second.rgb), (first.depth, second.depth))
    )
    moved = np.abs(depths[0] - depths[1]) / np.maximum(depths[0] + depths[1], 1e-3)
    return bool(
        np.abs(colours[0] - colours[1]).mean() < _SAME_COLOUR and moved.mean() < _SAME_DEPTH / 2
    )
