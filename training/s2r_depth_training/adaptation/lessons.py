"""Whether a recording can teach, and what it contradicts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.errors import DataError

LEAST_LEARNING, LEAST_JUDGING = 20, 5
"""Frames that differ from each other, at least."""

_FLAT = math.log(1.25)  # log of the 90th over the 10th percentile of depth: one wall, seen head-on
_FLAT_SHARE = 0.9  # of the frames
_LEAST_POINTS = 30  # known pixels of a frame by which it is told flat
_CONTRADICTION = math.log(1.15)  # of the medians of two sensors
_LEAST_COMMON = 50  # pixels that both of two sensors know
_SMALL, _BLANK = (32, 24), 2.0  # px; grey levels between what is seen there
_ROWS = 3  # a plane of laser beams lies on about so many rows of a frame


def refuse_poor(learning: Sequence[RecordedPair], judging: Sequence[RecordedPair]) -> None:
    """Raise DataError for recordings that cannot teach."""
    if len(learning) < LEAST_LEARNING or len(judging) < LEAST_JUDGING:
        raise DataError(
            f'only {len(learning)} frames to learn from and {len(judging)} to judge by differ from '
            f'each other; at least {LEAST_LEARNING} and {LEAST_JUDGING} are needed: record for a '
            'minute or more, while the robot drives through its rooms'
        )
    frames = [*learning, *judging]
    spreads = [s for s in map(_depth_spread, frames) if not math.isnan(s)]
    if not spreads:
        raise DataError(
            f'no frame has {_LEAST_POINTS} pixels of known depth; check the depth camera, or the '
            'transform of the lidar'
        )
    flat = float(np.mean(np.array(spreads) < _FLAT))
    if flat > _FLAT_SHARE:
        raise DataError(
            f'in {flat:.0%} of the frames all is about as far: the camera sees one wall, which '
            'teaches nothing of depth; record views into rooms, near and far things together'
        )


def fingerprint(*pairs: RecordedPair) -> bytes:
    """Return what pairs of other content, stamps or order do not have."""
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        digest.update(repr(pair.stamp).encode())
        digest.update(pair.rgb.tobytes())
        digest.update(pair.depth.tobytes())
    return digest.digest()


def refuse_again(path: Path, pairs: Sequence[RecordedPair], known: dict[bytes, Path]) -> None:
    """Raise DataError if another recording has frames of this one, else add them to ``known``.

    Each recording is parted by itself: one's frames to learn from would judge in the other.
    """
    marks = [fingerprint(pair) for pair in pairs]
    for mark in marks:
        if mark in known:
            raise DataError(f'{known[mark]} and {path} have frames in common; give each drive once')
    known.update(dict.fromkeys(marks, path))


def is_blank(rgb: NDArray[np.uint8]) -> bool:
    """Return whether an image shows nothing but noise: there is no edge to know depth by."""
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), _SMALL, interpolation=cv2.INTER_AREA)
    return float(grey.std()) < _BLANK


def is_one_plane_of_beams(frames: Sequence[RecordedPair]) -> bool:
    """Return whether depth is known on a few rows only, as by a 2-D laser scanner."""
    rows = [int((frame.depth > 0).any(1).sum()) for frame in frames]
    heights = [frame.depth.shape[0] for frame in frames]
    return float(np.median(rows)) <= max(_ROWS, 0.05 * float(np.median(heights)))


def refuse_contradiction(first: Sequence[RecordedPair], second: Sequence[RecordedPair]) -> None:
    """Raise DataError if two sensors of one recording do not agree how far things are.

    first: by aligned depth. second: by the lidar. Compared are frames of one colour image.
    """
    by_stamp = {pair.stamp: pair for pair in second}
    ratios = [
        _log_ratio(pair.depth, by_stamp[pair.stamp].depth)
        for pair in first
        if pair.stamp in by_stamp
    ]
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    if not known:
        return
    middle = float(np.median(known))
    if abs(middle) > _CONTRADICTION:
        raise DataError(
            f'depth image and lidar contradict each other: where both see the same, the lidar says '
            f'{math.exp(middle):.2f} times the distance. Find out which one is wrong (units, '
            'transform, calibration), and learn from the other alone: leave --depth or --lidar out'
        )


def _depth_spread(frame: RecordedPair) -> float:
    known = frame.depth[frame.depth > 0]
    if len(known) < _LEAST_POINTS:
        return math.nan
    near, far = np.percentile(known, (10, 90))
    return math.log(far / near)


def _log_ratio(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    both = (first > 0) & (second > 0)
    if both.sum() < _LEAST_COMMON:
        return math.nan
    return float(np.median(np.log(second[both] / first[both])))
