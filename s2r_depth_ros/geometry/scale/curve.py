"""A factor that changes with depth, where held-out anchors say that it helps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.scale.anchors import Anchors
from s2r_depth_ros.geometry.scale.correction import LOG_KNOTS, Correction, monotone
from s2r_depth_ros.geometry.scale.estimate import LARGEST_LOG_SCALE
from s2r_depth_ros.geometry.scale.factor import Factor, robust_factor

_FOLDS = 8
_MOST_ANCHORS = 200
_ROUNDS = 3
_LARGEST = 2.0  # log error of depth; a larger one is as bad
_MOST_WEIGHT = 3.0  # of an anchor, times or over that of one that the factor fits
# Log factors, chosen on rendered rooms and streets: how much all depths together, and each depth by
# itself, may be from the factor; over how much log depth neighbours agree; and what an anchor is
# off by.
_TOGETHER, _ALONE, _ALIKE, _NOISE = 1.0, 0.7, 0.35, 0.4

_APART = LOG_KNOTS[:, None] - LOG_KNOTS
_PRIOR = np.linalg.inv(_TOGETHER**2 + _ALONE**2 * np.exp(-0.5 * (_APART / _ALIKE) ** 2))

_Floats = NDArray[np.float64]


def fit_curve(anchors: Anchors, factor: Factor) -> Correction | None:
    """Return a monotone curve unless it is worse than the factor on held-out anchors, else None.

    factor: the robust factor of these anchors. The curve is the most likely one (a Gaussian
    process over log depth): where there are anchors it follows them, and where there are none it
    goes back to the factor. Its relative errors of depth are made small, so that an anchor counts
    the more the nearer it is than predicted: what is taken for too far is what a robot hits.

    Held out are in turn the anchors of one upright stripe of the image, so that neighbours of those
    that are held out do not tell their answer.
    """
    used = slice(None, None, 1 + (len(anchors) - 1) // _MOST_ANCHORS)
    depth, ratio = anchors.log_unscaled[used], anchors.log_ratio[used]
    nearer = np.clip(np.exp(factor.log_scale - ratio), 1 / _MOST_WEIGHT, _MOST_WEIGHT)
    # Neighbours err alike: all anchors of a cell count as one.
    weight = nearer / nearer.sum() * anchors.cells / _NOISE**2
    problem = _Problem(_hats(depth), ratio, weight)
    if not _is_good_held_out(problem, _stripes(anchors.column[used])):
        return None
    return Correction(tuple(_fit(problem, factor.log_scale).tolist()))


class _Problem(NamedTuple):
    """Anchors to fit: hats [N, knots], log ratio [N], weight [N]."""

    hats: _Floats
    ratio: _Floats
    weight: _Floats

    def only(self, chosen: NDArray[np.bool_]) -> _Problem:
        """Return the problem of some of the anchors."""
        return _Problem(self.hats[chosen], self.ratio[chosen], self.weight[chosen])


def _stripes(column: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the stripe of each anchor; the stripes have equally many anchors."""
    order = np.argsort(np.argsort(column, kind='stable'), kind='stable')
    return order * _FOLDS // len(column)


def _is_good_held_out(problem: _Problem, folds: NDArray[np.intp]) -> bool:
    """Return whether a curve predicts the depth of held-out anchors as well as the factor does."""
    gain = 0.0
    for fold in range(_FOLDS):
        known, held = problem.only(folds != fold), problem.only(folds == fold)
        centre = robust_factor(known.ratio).log_scale
        curve = held.hats @ _fit(known, centre)
        gain += float((_error(centre - held.ratio) - _error(curve - held.ratio)).sum())
    return gain >= 0


def _error(log_error: _Floats) -> _Floats:
    """Return relative errors of depth, of which none decides alone."""
    return np.abs(np.expm1(np.minimum(log_error, _LARGEST)))


def _fit(problem: _Problem, centre: float) -> _Floats:
    """Return log factors at the knots, nearest to the log ratios in the sense of least |error|.

    None is one that no network is off by, as a single factor may be none.
    """
    hats, offset = problem.hats, problem.ratio - centre
    values = np.zeros(len(LOG_KNOTS))
    for _ in range(_ROUNDS):
        left = np.maximum(np.abs(offset - hats @ values) / _NOISE, 0.3)
        weighted = hats * (problem.weight / left)[:, None]
        values = np.linalg.solve(weighted.T @ hats + _PRIOR, weighted.T @ offset)
    return np.clip(monotone(values + centre), -LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)


def _hats(depth: _Floats) -> _Floats:
    """Return the weight of every knot at each depth, [N, knots], for straight lines between."""
    place = np.interp(depth, LOG_KNOTS, np.arange(len(LOG_KNOTS)))
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(len(LOG_KNOTS))))
