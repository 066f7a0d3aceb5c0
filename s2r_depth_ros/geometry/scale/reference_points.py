"""Scale from points that another sensor has measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s2r_depth_ros.geometry.scale.anchors import Anchors, find_anchors
from s2r_depth_ros.geometry.scale.correction import Correction
from s2r_depth_ros.geometry.scale.curve import fit_curve
from s2r_depth_ros.geometry.scale.estimate import (
    LARGEST_LOG_SCALE,
    SPREAD_IN_IMAGE,
    NoScale,
    Reason,
    ScaleEstimate,
    UnscaledView,
    implausible,
)
from s2r_depth_ros.geometry.scale.factor import robust_factor
from s2r_depth_ros.geometry.scale.references import Points

LEAST_ANCHORS = 13
LEAST_CELLS = 3
"""Anchors, and cells of the image with an anchor, below which points give no scale."""

# Log scale: what points that cover a part of the image are off by, however many (rendered rooms).
_COMMON = 0.08
_ELSEWHERE = 0.4  # where all of the image is at depths without anchors (rendered rooms)
_BESIDE = 0.2  # log depth, at which anchors still tell
_EVERY = 5  # pixels of a row or column that are looked at
_LEAST_AGREE = 0.5  # share of the anchors that are no outliers
_CONTRADICTION = 0.6  # spread of log ratios: half of the anchors are off by more than 1.5


@dataclass(frozen=True)
class ReferencePoints:
    """Points of a laser scan, a cloud or a sparse depth image, in the camera's optical frame.

    points: [N, 3], metres. name: of the source, such as ``lidar`` or ``depth``. curve: whether the
    factor may change with depth, where held-out anchors say so.
    """

    points: Points
    stamp: float
    name: str = 'lidar'
    curve: bool = True

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the robust factor of the points that fall on the image, or the curve near it."""
        if not len(self.points):
            return NoScale(self.name, Reason.NO_REFERENCE)
        anchors = find_anchors(self.points, view)
        if not len(anchors):
            return NoScale(self.name, Reason.NO_ANCHORS, f'{anchors.rejected} were rejected')
        found = f'{len(anchors)} in {anchors.cells} cells, {anchors.rejected} rejected'
        if len(anchors) < LEAST_ANCHORS:
            return NoScale(self.name, Reason.TOO_FEW, found)
        if anchors.cells < LEAST_CELLS:
            return NoScale(self.name, Reason.NOT_SPREAD, found)
        return self._fitted(anchors, _share_within(view, anchors))

    def _fitted(self, anchors: Anchors, within: float) -> ScaleEstimate | NoScale:
        factor = robust_factor(anchors.log_ratio)
        agree = float(factor.kept.mean())
        if factor.spread > _CONTRADICTION or agree < _LEAST_AGREE:
            detail = f'{agree:.0%} agree, log spread {factor.spread:.2f}'
            return NoScale(self.name, Reason.CONTRADICTING, detail)
        if abs(factor.log_scale) > LARGEST_LOG_SCALE:
            return implausible(self.name, factor.log_scale)
        curve = fit_curve(anchors, factor) if self.curve else None
        correction = curve or Correction.constant(math.exp(factor.log_scale))
        left = anchors.log_ratio - correction.log_factor(anchors.log_unscaled)
        return ScaleEstimate(
            self.name,
            math.exp(factor.log_scale),
            math.hypot(
                _COMMON,
                max(factor.spread, SPREAD_IN_IMAGE) / math.sqrt(anchors.cells),
                _ELSEWHERE * (1 - within),
            ),
            correction,
            used=int(factor.kept.sum()),
            rejected=anchors.rejected + int((~factor.kept).sum()),
            residual=float(np.median(np.abs(left[factor.kept]))),
            stamp=self.stamp,
        )


def _share_within(view: UnscaledView, anchors: Anchors) -> float:
    """Return the share of the image, by predicted depth, that is about as far as the anchors are.

    A scan often sees the far end of a room alone, which says little of what is near.
    """
    depth = view.depth[_EVERY // 2 :: _EVERY, _EVERY // 2 :: _EVERY]
    depth = depth[np.isfinite(depth) & (depth > 0)]
    nearest, farthest = np.percentile(anchors.log_unscaled, (5, 95))
    within = (depth >= np.exp(nearest - _BESIDE)) & (depth <= np.exp(farthest + _BESIDE))
    return float(within.mean()) if len(depth) else 0.0
