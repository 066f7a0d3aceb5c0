"""Scale from the height of the camera over the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s2r_depth_ros.geometry.scale.estimate import (
    NoScale,
    Reason,
    ScaleEstimate,
    UnscaledView,
    constant_estimate,
)
from s2r_depth_ros.geometry.scale.floor import LEVEL, find_floor

_FLOOR_DEVIATION = 0.2  # log scale: of the floor's scale from the image's, on rendered rooms
_TILT_DEVIATION = 0.5  # log scale: what a camera that is only taken for level is off by (real.json)


@dataclass(frozen=True)
class CameraHeight:
    """The height of the optical centre over the floor, metres, and where down is.

    down: direction of gravity in the optical frame, of any length. None: it is not known, and the
    camera is taken for level, which tells much less.
    """

    height: float
    stamp: float
    down: tuple[float, float, float] | None = None
    name: str = 'camera_height'

    def estimate(self, view: UnscaledView) -> ScaleEstimate | NoScale:
        """Return the true height over that of the camera above the floor in unscaled depth."""
        if not (math.isfinite(self.height) and self.height > 0):
            return NoScale(self.name, Reason.BAD_HEIGHT, f'{self.height:g} m')
        down = np.asarray(self.down or LEVEL, np.float64)
        length = float(np.linalg.norm(down))
        if not (math.isfinite(length) and length > 0):
            return NoScale(self.name, Reason.BAD_DIRECTION, f'{self.down}')
        floor = find_floor(view, down / length)
        if isinstance(floor, Reason):
            return NoScale(self.name, floor)
        log_scale = math.log(self.height) - math.log(floor.height)
        tilt = 0.0 if self.down else _TILT_DEVIATION
        deviation = math.hypot(_FLOOR_DEVIATION, floor.spread, tilt)
        return constant_estimate(
            self.name, log_scale, deviation, self.stamp,
            used=floor.inliers, rejected=floor.looked_at - floor.inliers, residual=floor.spread,
        )  # fmt: skip
