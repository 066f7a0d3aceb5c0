"""Scales from one number: one that is kept, and one known distance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from s2r_depth_ros.geometry.scale.estimate import (
    SPREAD_IN_IMAGE,
    NoScale,
    Reason,
    ScaleEstimate,
    UnscaledView,
    constant_estimate,
)

_FROM_IMAGE_TO_IMAGE = 0.25  # log scale: how much the right scale of a model changes
_WINDOW = 2  # px to each side of the pixel whose distance is known


@dataclass(frozen=True)
class FixedScale:
    """A scale that was found once, and is kept: what there is where nothing measures."""

    scale: float
    stamp: float
    name: str = 'fixed'

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the scale, whatever the view."""
        if not (math.isfinite(self.scale) and self.scale > 0):
            return NoScale(self.name, Reason.BAD_SCALE, f'{self.scale:g}')
        return constant_estimate(self.name, math.log(self.scale), _FROM_IMAGE_TO_IMAGE, self.stamp)


@dataclass(frozen=True)
class KnownDistance:
    """The depth (metres along z) of what is seen at one pixel: x, y in px from the top left."""

    depth: float
    pixel: tuple[float, float]
    stamp: float
    name: str = 'known_distance'

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the known depth over the median of predicted depth around the pixel."""
        if not (math.isfinite(self.depth) and self.depth > 0):
            return NoScale(self.name, Reason.BAD_DISTANCE, f'{self.depth:g} m')
        (x, y), (height, width) = self.pixel, view.depth.shape
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            return NoScale(self.name, Reason.BAD_PIXEL, f'{x:g}, {y:g} of {width}x{height}')
        column, row = round(x), round(y)
        window = view.depth[
            max(row - _WINDOW, 0) : row + _WINDOW + 1,
            max(column - _WINDOW, 0) : column + _WINDOW + 1,
        ]
        known = _log_known(window)
        if not len(known):
            return NoScale(self.name, Reason.NO_DEPTH, f'around pixel {x:g}, {y:g}')
        log_scale = math.log(self.depth) - float(np.median(known))
        return constant_estimate(self.name, log_scale, SPREAD_IN_IMAGE, self.stamp, used=len(known))


def _log_known(depth: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithms of the depths that are known, [N]."""
    values = np.asarray(depth, np.float64).ravel()
    return np.log(values[np.isfinite(values) & (values > 0)])
