"""Scale from a single distance, measured in a cone (sensor_msgs/Range)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.point_image import on_image
from s2r_depth_ros.geometry.scale.estimate import (
    LARGEST_LOG_SCALE,
    SPREAD_IN_IMAGE,
    NoScale,
    Reason,
    ScaleEstimate,
    UnscaledView,
    constant_estimate,
    grid_of,
)
from s2r_depth_ros.geometry.scale.references import Points, cloud_points

_GRID = 80  # columns that are looked at
_ROUNDS = 8
_SETTLED = 0.05  # log scale: a larger last step has not come to an end
_NEAREST = 2.0  # percentile of the distances in a cone that is taken for the nearest thing
_LEAST_IN_VIEW = 0.75  # of the cone: what is nearest may be where the camera does not look
_FARTHEST_OFF = math.exp(LARGEST_LOG_SCALE)


@dataclass(frozen=True)
class RangeReading:
    """One reading of a sensor_msgs/Range: metres and radians.

    nearest: whether it is the distance to the nearest thing in the cone (ultrasound), or to what
    fills most of it (infrared). A max_range of 0, as some drivers leave it, is no limit; a
    field_of_view of 0 is that of a laser.
    """

    distance: float
    field_of_view: float
    min_range: float
    max_range: float
    nearest: bool = True

    @property
    def is_usable(self) -> bool:
        """Return whether something was seen, at a distance that the sensor measures (REP-117)."""
        farthest = self.max_range if self.max_range > 0 else math.inf
        return math.isfinite(self.distance) and max(self.min_range, 0.0) < self.distance < farthest

    @property
    def is_cone(self) -> bool:
        """Return whether the field of view is one in radians."""
        return 0 <= self.field_of_view < math.pi


@dataclass(frozen=True)
class RangeCone:
    """A range reading, and where its sensor is in the camera's optical frame.

    origin: metres. axis: direction that the sensor looks in (its x axis), of any length.
    """

    reading: RangeReading
    origin: tuple[float, float, float]
    axis: tuple[float, float, float]
    stamp: float
    name: str = 'range'

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the scale at which what the cone sees of the depth is as far as was measured."""
        reading, axis = self.reading, np.asarray(self.axis, np.float64)
        length = float(np.linalg.norm(axis))
        known = math.isfinite(length) and length > 0 and all(map(math.isfinite, self.origin))
        if not (reading.is_usable and known):
            return NoScale(self.name, Reason.NO_REFERENCE, f'{reading.distance:g} m')
        if not reading.is_cone:
            return NoScale(self.name, Reason.BAD_CONE, f'{reading.field_of_view:g}')
        rays, depth = grid_of(view, _GRID)
        points = cloud_points(rays * depth[..., None])
        if not len(points):
            return NoScale(self.name, Reason.NO_DEPTH)
        pixel = max(1, view.intrinsics.width // _GRID) / view.intrinsics.fx
        origin, axis = np.asarray(self.origin, np.float64), axis / length
        seen = _share_in_view(view, origin, axis, reading)
        if seen < _LEAST_IN_VIEW:
            return NoScale(self.name, Reason.NOT_IN_VIEW, f'{seen:.0%} of the cone')
        scale, used = _scale_of_cone(points, origin, axis, reading, pixel)
        if not used:
            return NoScale(self.name, Reason.NO_ANCHORS, 'no depth in the cone fits')
        return constant_estimate(self.name, math.log(scale), SPREAD_IN_IMAGE, self.stamp, used=used)


def _share_in_view(
    view: UnscaledView,
    origin: NDArray[np.float64],
    axis: NDArray[np.float64],
    reading: RangeReading,
) -> float:
    """Return of how much of the cone, at the distance that was measured, depth is known."""
    side = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    side /= np.linalg.norm(side)
    turn = np.linspace(0, math.tau, 24, endpoint=False)[:, None]
    around = side * np.cos(turn) + np.cross(axis, side) * np.sin(turn)
    # Rays in three rings that part the cone into equal shares.
    angles = reading.field_of_view / 2 * np.sqrt(np.array([1, 3, 5]) / 6)
    rays = np.vstack([axis * math.cos(a) + around * math.sin(a) for a in angles])
    column, row, _ = on_image(origin + reading.distance * rays, view.intrinsics)
    depth = view.depth[row, column]
    return float((np.isfinite(depth) & (depth > 0)).sum()) / len(rays)


def _scale_of_cone(
    points: Points,
    origin: NDArray[np.float64],
    axis: NDArray[np.float64],
    reading: RangeReading,
    pixel: float,
) -> tuple[float, int]:
    """Return scale and number of points in the cone, 0 if there are none or no scale fits.

    The cone does not start at the camera, so which points it holds depends on the scale: begun
    at 1, the scale is corrected until the distance fits. pixel: radians between the points; a
    narrower cone, as of a laser, is made this wide.
    """
    scale, step, used = 1.0, 1.0, 0
    cosine = math.cos(max(reading.field_of_view / 2, pixel))
    for _ in range(_ROUNDS):
        rays = points * scale - origin
        with np.errstate(over='ignore', invalid='ignore'):
            distance = np.linalg.norm(rays, axis=1)
        inside = (rays @ axis >= distance * cosine) & (distance > 0)
        used = int(inside.sum())
        if not used:
            return scale, 0
        percentile = _NEAREST if reading.nearest else 50.0
        step = reading.distance / float(np.percentile(distance[inside], percentile))
        if not step > 0:
            return scale, 0
        scale = float(np.clip(scale * step, 1 / _FARTHEST_OFF, _FARTHEST_OFF))
    return scale, used if abs(math.log(step)) < _SETTLED else 0
