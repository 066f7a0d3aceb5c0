"""A factor that changes with depth, where held-out anchors say that it helps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.scale.anchors import Anchors
from s2r_depth_ros.geometry.scale.correction import LOG_KNOTS, Correction, monotone
from s2r_depth_ros.geometry.scale.factor import OUTLIER_MADS, Factor, robust_factor

LEAST_ANCHORS = 48
LEAST_CELLS = 6
LEAST_DEPTH_RANGE = 0.5
"""What a curve needs at least: anchors, cells of the image, and range of log unscaled depth."""

# Log ratio: what is as near to the factor counts even where most anchors agree more closely, as on
# a wall that fills the view.
_REACH = 0.75
_FOLDS = 4
_MOST_ANCHORS = 400
_GAIN = 0.95  # share of the factor's held-out error that a curve may have at most
# In anchors: how much the pull to the factor and the straightness weigh.
_TO_FACTOR, _TO_STRAIGHT = 0.005, 0.05
_ROUNDS = 3
_LEAST_ERROR = 0.05  # log ratio

_STRAIGHT = np.diff(np.eye(len(LOG_KNOTS)), 2, axis=0)
_PRIOR = _TO_FACTOR * np.eye(len(LOG_KNOTS)) + _TO_STRAIGHT * _STRAIGHT.T @ _STRAIGHT

_Floats = NDArray[np.float64]


def fit_curve(anchors: Anchors, factor: Factor) -> Correction | None:
    """Return a monotone curve if it is better than the factor on held-out anchors, else None.

    factor: the robust factor of these anchors; what is far from it is left out.
    Held out are in turn the anchors of one upright stripe of the image, so that neighbours of
    those that are held out do not tell their answer. The curve must be better by a twentieth on
    all together, and better in most stripes. Beyond the anchors' depths its factor stays constant.
    """
    reach = max(OUTLIER_MADS * factor.spread, _REACH)
    used = np.flatnonzero(np.abs(anchors.log_ratio - factor.log_scale) <= reach)
    used = used[:: 1 + (len(used) - 1) // _MOST_ANCHORS]
    depth, ratio = anchors.log_unscaled[used], anchors.log_ratio[used]
    if len(used) < LEAST_ANCHORS or anchors.cells < LEAST_CELLS:
        return None
    near, far = np.percentile(depth, (2, 98))
    if far - near < LEAST_DEPTH_RANGE:
        return None
    problem = _Problem(_hats(depth), depth, ratio, _knots_between(near, far))
    if not _is_better_held_out(problem, _stripes(anchors.column[used])):
        return None
    return Correction(tuple(_fit(problem, factor.log_scale).tolist()))


class _Problem(NamedTuple):
    """Anchors to fit: hats [N, knots], log unscaled depth [N], log ratio [N].

    knots: for each knot the one whose value it gets, of those within the anchors' depths.
    """

    hats: _Floats
    depth: _Floats
    ratio: _Floats
    knots: NDArray[np.intp]

    def only(self, chosen: NDArray[np.bool_]) -> _Problem:
        """Return the problem of some of the anchors."""
        hats, depth, ratio = self.hats[chosen], self.depth[chosen], self.ratio[chosen]
        return _Problem(hats, depth, ratio, self.knots)


def _stripes(column: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the stripe of each anchor; the stripes have equally many anchors."""
    order = np.argsort(np.argsort(column, kind='stable'), kind='stable')
    return order * _FOLDS // len(column)


def _is_better_held_out(problem: _Problem, folds: NDArray[np.intp]) -> bool:
    """Return whether a curve predicts held-out log ratios better than the factor does."""
    of_factor, of_curve = np.zeros(_FOLDS), np.zeros(_FOLDS)
    for fold in range(_FOLDS):
        known, held = problem.only(folds != fold), problem.only(folds == fold)
        centre = robust_factor(known.ratio).log_scale
        curve = _fit(known, centre)
        of_factor[fold] = np.abs(held.ratio - centre).sum()
        of_curve[fold] = np.abs(held.ratio - np.interp(held.depth, LOG_KNOTS, curve)).sum()
    in_most = int((of_curve < of_factor).sum()) > _FOLDS // 2
    return in_most and bool(of_curve.sum() < _GAIN * of_factor.sum())


def _fit(problem: _Problem, centre: float) -> _Floats:
    """Return log factors at the knots, nearest to the log ratios in the sense of least |error|."""
    hats, offset = problem.hats, problem.ratio - centre
    prior = len(offset) * _PRIOR
    values = np.zeros(len(LOG_KNOTS))
    scale = max(float(np.median(np.abs(offset))), _LEAST_ERROR)
    for _ in range(_ROUNDS):
        weight = scale / np.maximum(np.abs(offset - hats @ values), 0.3 * scale)
        weighted = hats * weight[:, None]
        values = np.linalg.solve(weighted.T @ hats + prior, weighted.T @ offset)
    return monotone(values[problem.knots] + centre)


def _hats(depth: _Floats) -> _Floats:
    """Return the weight of every knot at each depth, [N, knots], for straight lines between."""
    place = np.interp(depth, LOG_KNOTS, np.arange(len(LOG_KNOTS)))
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(len(LOG_KNOTS))))


def _knots_between(near: float, far: float) -> NDArray[np.intp]:
    """Return for each knot the nearest one that anchors between two log depths decide."""
    first = min(int(np.searchsorted(LOG_KNOTS, near)), len(LOG_KNOTS) - 1)
    last = max(int(np.searchsorted(LOG_KNOTS, far, 'right')) - 1, first)
    count = len(LOG_KNOTS)
    return np.clip(np.arange(count), max(first - 1, 0), min(last + 1, count - 1))
