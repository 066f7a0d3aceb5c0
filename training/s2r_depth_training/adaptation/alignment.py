"""Whether a lidar's points lie where the camera sees them: edges of depth on edges of colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.dataset.bag_pairs import RecordedPair

_STEP = 0.2  # log depth between neighbours, of an edge
_APART = 4  # px between neighbours in a row of points
_FARTHEST = 12  # px that are tried to both sides
_NOISE = 15  # px over which gradients are compared with their surroundings
_MOST, _LEAST_EDGES = 4.0, 200
_LEAST_SHIFT = 2.0  # px; less, an edge in depth is itself off by
_SURE = 4.0  # standard errors by which the best shift is better than none
_LEAST_FRAMES = 10

Floats = NDArray[np.float64]


class Misalignment(NamedTuple):
    """By how much points have to be moved to the right in the image to fit: px, and radians.

    sure: standard errors by which that is better than where they are.
    """

    shift_px: float
    angle: float
    sure: float


def misalignment(frames: Sequence[RecordedPair]) -> Misalignment | None:
    """Return by how much sparse points are off sideways; None if they fit, or nobody can tell.

    Steps of depth along a row of points are compared with the image's gradients across; what a
    shift upwards would do, rows of points do not tell.
    """
    rows = [scores for scores in map(_scores, frames) if scores is not None]
    if len(rows) < _LEAST_FRAMES or sum(count for count, _ in rows) < _LEAST_EDGES:
        return None
    means = np.array([scores for _, scores in rows])
    best = int(np.mean(means, 0).argmax())
    gain = means[:, best] - means[:, _FARTHEST]
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    shift = best - _FARTHEST
    sure = float(gain.mean()) / max(error, 1e-9)
    if abs(shift) < _LEAST_SHIFT or sure < _SURE:
        return None
    return Misalignment(shift, math.atan(shift / frames[0].intrinsics.fx), sure)


def _scores(frame: RecordedPair) -> tuple[int, Floats] | None:
    """Return how many edges a frame has, and the gradient on them for every shift, [25]."""
    row, column = _edges(frame.depth)
    width = frame.depth.shape[1]
    inside = (column >= _FARTHEST) & (column < width - _FARTHEST - 1)
    row, column = row[inside], column[inside]
    if not len(row):
        return None
    strength = _edge_strength(frame.rgb)
    left = np.floor(column).astype(int)
    shifts = range(-_FARTHEST, _FARTHEST + 1)
    between = [(strength[row, left + s] + strength[row, left + s + 1]) / 2 for s in shifts]
    return len(row), np.mean(between, 1)


def _edges(depth: NDArray[np.float32]) -> tuple[NDArray[np.intp], Floats]:
    """Return row and column, px, of the steps between neighbours along the rows of points."""
    row, column = np.nonzero(depth)
    log_depth = np.log(depth[row, column])
    follows = (np.diff(row) == 0) & (np.diff(column) <= _APART)
    steps = np.flatnonzero(follows & (np.abs(np.diff(log_depth)) > _STEP))
    return row[steps], (column[steps] + column[steps + 1]) / 2


def _edge_strength(rgb: NDArray[np.uint8]) -> Floats:
    """Return the gradient across of the image over what is usual around, at most _MOST, [H, W]."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64), (3, 3), 0)
    gradient = np.abs(cv2.Sobel(grey, cv2.CV_64F, 1, 0))
    usual = cv2.blur(gradient, (_NOISE, _NOISE))
    return np.minimum(gradient / (usual + 1.0), _MOST)
