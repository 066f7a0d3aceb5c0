"""The frames of a robot's recordings that are learnt from, and those that judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from s2r_depth_ros.media.bags.transforms import BagTransforms
from s2r_depth_training.adaptation.alignment import misalignment
from s2r_depth_training.adaptation.blocks import time_blocks
from s2r_depth_training.adaptation.lessons import (
    is_blank,
    refuse_again,
    refuse_contradiction,
    refuse_poor,
)
from s2r_depth_training.adaptation.topics import GivenTopics, complete
from s2r_depth_training.dataset.bag_pairs import BagPairs, PairRules, RecordedPair, Topics
from s2r_depth_training.dataset.bag_truth import AlignedDepth, LidarPoints, Truth
from s2r_depth_training.dataset.bags import moved, refuse_ray_lengths
from s2r_depth_training.dataset.ray_lengths import ray_length_evidence
from s2r_depth_training.errors import DataError

LIDAR_TOLERANCE = 0.05
"""s between an image and the lidar, if the user says nothing."""
_MOST_BYTES = 2**30  # of all frames in memory; at 160 px 130 kB each


@dataclass(frozen=True)
class Asked:
    """What the user says of the recordings.

    topics: '' where the recording is to tell. transforms: texts as in frame_tree.FORM. share: of
    the time that judges. lidar_tolerance: s between an image and the lidar.
    """

    topics: GivenTopics
    rules: PairRules
    transforms: Sequence[str] = ()
    share: float = 0.25
    lidar_tolerance: float = LIDAR_TOLERANCE


@dataclass
class Lessons:
    """learning, judging: frames that differ from each other, by time apart. truth: of what.

    names: of the recordings.
    """

    learning: list[RecordedPair] = field(default_factory=list)
    judging: list[RecordedPair] = field(default_factory=list)
    truth: str = ''
    names: list[str] = field(default_factory=list)


def read_lessons(paths: Sequence[Path], asked: Asked, report: Callable[[str], None]) -> Lessons:
    """Return what recordings teach; report: is told what is left out, and why.

    Raises DataError for recordings that cannot teach, and for sensors that contradict each other.
    """
    lessons = Lessons()
    known: dict[bytes, Path] = {}
    for path in paths:
        pairs, truth = _of_recording(path, asked, _MOST_BYTES // len(paths), report)
        lessons.truth = truth if lessons.truth in ('', truth) else 'depth images and lidars'
        refuse_again(path, pairs, known)
        blocks = time_blocks([pair.stamp for pair in pairs], asked.share)
        lessons.learning += [pair for pair, learns in zip(pairs, blocks.learning) if learns]
        lessons.judging += [pair for pair, judges in zip(pairs, blocks.judging) if judges]
        lessons.names.append(path.name)
    refuse_poor(lessons.learning, lessons.judging)
    return lessons


def _of_recording(
    path: Path, asked: Asked, most_bytes: int, report: Callable[[str], None]
) -> tuple[list[RecordedPair], str]:
    """Return the pairs of one recording, and by what depth is known."""
    topics = complete(path, asked.topics)
    transforms = BagTransforms(path, asked.transforms)
    most_bytes //= bool(topics.lidar) + bool(topics.depth)

    def pairs(by: str, truth: Truth, rules: PairRules) -> list[RecordedPair]:
        three = Topics(topics.colour, by, topics.info)
        return _kept(path, BagPairs(path, three, truth, rules, report), most_bytes, report)

    lidar, depth = [], []
    if topics.lidar:
        lidar_rules = replace(asked.rules, tolerance=asked.lidar_tolerance)
        truth = LidarPoints(transforms)
        lidar = pairs(topics.lidar, truth, lidar_rules)
        if truth.up_ahead:
            report(
                f'{path}: the camera looks where the lidar has up. Unless it is mounted so, the '
                f'frame of the images, {truth.up_ahead!r}, is no optical frame (z ahead, x right, '
                "y down, REP-103) but the camera's body, and depths would be heights: correct "
                'frame_id in its driver'
            )
        remedy = 'correct the transform between camera and lidar'
        _tell_misaligned(f'{path}: the points of the lidar', lidar, remedy, report)
    if topics.depth:
        depth = pairs(topics.depth, AlignedDepth(transforms), asked.rules)
        remedy = 'record depth that is aligned with colour (aligned_depth_to_color)'
        _tell_misaligned(f'{path}: the depth images', depth, remedy, report)
        refuse_ray_lengths(path, [ray_length_evidence(p.depth, p.intrinsics) for p in depth])
    if depth and lidar:
        refuse_contradiction(depth, lidar)
    return (depth, 'depth images') if topics.depth else (lidar, 'a lidar')


def _tell_misaligned(
    what: str, pairs: list[RecordedPair], remedy: str, report: Callable[[str], None]
) -> None:
    if off := misalignment(pairs):
        report(
            f'{what} do not lie where the camera sees them: edges fit best '
            f'{abs(off.shift_px):.0f} px ({math.degrees(abs(off.angle)):.1f} degrees) farther to '
            f'the {"right" if off.shift_px > 0 else "left"}; {remedy}, or the model learns depths '
            'of the wrong places'
        )


def _kept(
    path: Path, pairs: BagPairs, most_bytes: int, report: Callable[[str], None]
) -> list[RecordedPair]:
    """Return the pairs that show something that moved, evenly spread, within ``most_bytes``."""
    kept: list[RecordedPair] = []
    every, blank = 1, 0
    for number, pair in enumerate(moved(pairs)):
        if is_blank(pair.rgb):
            blank += 1
            continue
        if number % every == 0:
            kept.append(pair)
        # All of one recording are about as large.
        if len(kept) > 1 and len(kept) * (pair.rgb.nbytes + pair.depth.nbytes) > most_bytes:
            kept, every = kept[::2], 2 * every
    told = f'{path}: {blank} images show nothing: they are dark, overexposed, or of one colour'
    if not kept:
        raise DataError(f'{told}; record with light on' if blank else f'{path}: {pairs.why_none()}')
    if blank:
        report(f'{told}; they are left out')
    return kept
