"""How likely a depth is right, from the depth image alone.

Two things order the errors of the shipped models at next to no cost: how much depth varies around
a pixel (edges, slanted surfaces), and how far it is from the image's median depth. Logistic curves
over both are fitted to rendered scenes, one a model, by ``s2r_train confidence``;
benchmarks/confidence.py judges them, and says what the spread of the network's four scales or a
mirrored image would add.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.filling import fill
from s2r_depth_ros.geometry.settings import check_between

Array = NDArray[np.float32]

_COLUMNS = 160  # px of the reduced image that is looked at
_WINDOW = 5  # of its pixels, over which depth varies
_SPARSE = 3  # of its pixels; every third gives the median
_LEAST_RELIEF = 0.01  # of log depth; less is as good as flat
_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class ConfidenceCurve(NamedTuple):
    """Coefficients of the log odds that a depth is within 25 % of the truth, once it is scaled.

    relief: of the log of the range of log depth around the pixel. farness, farness_squared: of log
    depth over the median depth, and of its square.
    """

    intercept: float
    relief: float
    farness: float
    farness_squared: float


INDOOR_CONFIDENCE = ConfidenceCurve(-0.057, -0.246, -0.143, -1.248)
OUTDOOR_CONFIDENCE = ConfidenceCurve(-0.141, -0.107, -1.042, -0.097)
"""Of indoor-s and outdoor-s, for models of such scenes whose metadata has no curve."""


class ConfidenceFilter:
    """Confidence of one camera's depth images. Keeps a scratch image: one caller at a time."""

    def __init__(self, curve: ConfidenceCurve, threshold: float = 0.0) -> None:
        """Take a threshold, 0 to 1: depths with less confidence are dropped by ``apply``.

        Raises FilterError for another threshold.
        """
        check_between('confidence.min', threshold, 0.0, 1.0)
        self.curve, self.threshold = curve, threshold
        self._mask: NDArray[np.uint8] = np.empty((0, 0), np.uint8)

    def apply(self, depth: Array) -> Array:
        """Return how likely each depth is within 25 % of the truth, once it is scaled: 0 to 1.

        depth: float32 [H, W], m; set to NaN in place where the confidence is below the threshold.
        The result is float32 [H, W], 0 where depth was not positive and finite.
        """
        if self._mask.shape != depth.shape:
            self._mask = np.empty(depth.shape, np.uint8)
        relief, farness = reduced_features(reduced(depth))
        curve = self.curve
        odds = curve.relief * relief + (curve.farness + curve.farness_squared * farness) * farness
        with np.errstate(over='ignore'):
            chance = 1 / (1 + np.exp(-curve.intercept - odds))
        confidence = np.asarray(cv2.resize(chance, depth.shape[::-1]), np.float32)
        confidence = confidence.reshape(depth.shape)
        cv2.inRange(depth, _SMALLEST, _LARGEST, dst=self._mask)
        fill(confidence, 0.0, self._mask == 0)
        if self.threshold > 0:
            unsure = np.less(confidence, np.float32(self.threshold), out=self._mask.view(np.bool_))
            fill(depth, math.nan, unsure)
        return confidence


def reduced(depth: Array) -> Array:
    """Return the pixels of ``depth`` [H, W] that are looked at: some _COLUMNS columns."""
    step = max(1, round(depth.shape[1] / _COLUMNS))
    return np.ascontiguousarray(depth[::step, ::step])


def reduced_features(depth: Array) -> tuple[Array, Array]:
    """Return log relief and log farness of a reduced depth image, float32 [h, w] each.

    0 where depth is not positive and finite; what is not, counts for nobody's relief.
    """
    known = cv2.inRange(depth, _SMALLEST, _LARGEST).reshape(depth.shape) > 0
    if not known.any():
        return np.zeros_like(depth), np.zeros_like(depth)
    logarithm = np.log(np.where(known, depth, np.float32(1)))
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    highest = cv2.dilate(np.where(known, logarithm, np.float32(-99)), window)
    lowest = cv2.erode(np.where(known, logarithm, np.float32(99)), window)
    relief = np.log(np.maximum(highest - lowest, _LEAST_RELIEF))
    some = logarithm[::_SPARSE, ::_SPARSE][known[::_SPARSE, ::_SPARSE]]
    farness = logarithm - np.median(some if len(some) else logarithm[known])
    return np.where(known, relief, 0), np.where(known, farness, 0)
