"""The floor in unscaled depth: how high the camera stands over it, in unscaled metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.scale.estimate import Reason, UnscaledView, grid_of
from s2r_depth_ros.geometry.scale.factor import MAD_TO_DEVIATION

LEVEL = (0.0, 1.0, 0.0)
"""Down in the optical frame of a level camera (REP-103: y is down)."""

_GRID = 80  # columns that are looked at
_LEAST_DROP = 0.08  # of a ray, metres down for a metre of depth: nearer the horizon says little
_FLATNESS = 0.5  # a wall's height changes with the ray as much as the ray drops, a floor's not
_STEP = 3  # rows of the grid between two pixels whose heights are compared
_BIN = 0.05  # log height
_WIDTH = 2  # bins to each side of a level that belong to it
_LEAST_SHARE = 0.2  # of the pixels below the horizon that a floor has at least
_OF_LARGEST = 0.4  # share of the largest level that a lower one must have to be the floor
_INLIER = 0.1  # log height
# Chosen on rendered rooms: heights spread evenly over the inliers' range, 0.074, are no plane.
_MOST_SPREAD = 0.055
_BENEATH = 0.15  # log height; what lies farther beneath is no error of a floor
_MOST_BENEATH = 0.15  # pixels beneath, of those on the plane
_TILT_PRIOR = 1.0  # in pixels of a floor: how much the direction of gravity is believed
_ROUNDS = 4

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Floor:
    """A level plane that the camera stands over.

    height: of the camera over it, unscaled metres. normal: float64 [3], down, of unit length, in
    the optical frame. inliers: pixels looked at that lie on it, of ``looked_at`` below the horizon.
    spread: scaled median deviation of their log heights.
    """

    height: float
    normal: _Floats
    inliers: int
    looked_at: int
    spread: float


def find_floor(view: UnscaledView, down: _Floats) -> Floor | Reason:
    """Return the floor: the lowest large plane that is nearly level; or why there is none.

    down: float64 [3], of unit length, direction of gravity in the optical frame. Heights are
    compared by their logarithms, as the errors of depth grow with it. A plane with much beneath it
    is a table top: past its edge the camera sees what is lower.
    """
    rays, depth = grid_of(view, _GRID)
    points, drop = rays * depth[..., None], rays @ down
    with np.errstate(divide='ignore', invalid='ignore'):
        log_height = np.log(depth * drop)
    known = np.isfinite(log_height) & (drop > _LEAST_DROP)
    if not known.any():
        return Reason.NO_FLOOR
    flat = known & (
        _is_flat(log_height.T, drop.T).T
        if abs(down[0]) > abs(down[1])  # a camera on its side
        else _is_flat(log_height, drop)
    )
    level = _lowest_level(log_height[flat], int(known.sum()))
    if level is None:
        return Reason.NO_FLOOR
    plane = _refined(points[flat], down, level)
    return _judged(points[known], plane)


def _is_flat(log_height: _Floats, drop: _Floats) -> NDArray[np.bool_]:
    """Return whether height stays where the rays drop, up or down the image, bool [h, w]."""
    flat = np.zeros(drop.shape, bool)
    with np.errstate(divide='ignore', invalid='ignore'):
        log_drop = np.log(np.maximum(drop, 1e-6))
        dropped = log_drop[_STEP:] - log_drop[:-_STEP]
        climbed = np.abs(log_height[_STEP:] - log_height[:-_STEP])
        same = climbed < _FLATNESS * np.abs(dropped)
    flat[_STEP:] |= same
    flat[:-_STEP] |= same
    return flat


def _lowest_level(log_height: _Floats, looked_at: int) -> float | None:
    """Return the log height of the lowest large level, None if there is none."""
    if len(log_height) < _LEAST_SHARE * looked_at:
        return None
    first = float(log_height.min())
    index = np.floor((log_height - first) / _BIN).astype(np.intp)
    counts = np.convolve(np.bincount(np.minimum(index, 400)), np.ones(2 * _WIDTH + 1), 'same')
    enough = max(_LEAST_SHARE * looked_at, _OF_LARGEST * counts.max())
    large = np.flatnonzero(counts >= enough)
    if not len(large):
        return None
    # The peak of the lowest run of large levels.
    start = large[-1]
    while start - 1 in large:
        start -= 1
    peak = int(start + np.argmax(counts[start : large[-1] + 1]))
    return first + (peak + 0.5) * _BIN


def _refined(points: _Floats, down: _Floats, level: float) -> _Floats:
    """Return the plane m [3] with m.p = 1 on it, near the level, fitted with falling weights."""
    side = np.cross(down, (0.0, 0.0, 1.0) if abs(down[2]) < 0.7 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(down, side), down])
    local = points @ axes.T / np.exp(level)
    plane = np.array([0.0, 0.0, 1.0])
    for _ in range(_ROUNDS):
        error = local @ plane - 1
        weight = np.maximum(0.0, 1 - (error / (2 * _INLIER)) ** 2) ** 2
        weighted = local * weight[:, None]
        prior = _TILT_PRIOR * weight.sum() * np.diag([1.0, 1.0, 0.0])
        plane = np.linalg.solve(weighted.T @ local + prior + 1e-9 * np.eye(3), weighted.sum(0))
    return plane @ axes / np.exp(level)


def _judged(points: _Floats, plane: _Floats) -> Floor | Reason:
    """Return the floor on this plane, if enough of the points lie on it and few beneath."""
    with np.errstate(divide='ignore', invalid='ignore'):
        log_height = np.log(points @ plane)
    on = np.abs(log_height) < _INLIER
    inliers = int(on.sum())
    if inliers < _LEAST_SHARE * len(points):
        return Reason.NO_FLOOR
    if (log_height > _BENEATH).sum() > _MOST_BENEATH * inliers:
        return Reason.NOT_LOWEST
    centre = float(np.median(log_height[on]))
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(log_height[on] - centre)))
    if spread > _MOST_SPREAD:
        return Reason.NO_FLOOR
    length = float(np.linalg.norm(plane))
    return Floor(np.exp(centre) / length, plane / length, inliers, len(points), spread)
