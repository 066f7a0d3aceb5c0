"""The floor as it is seen in the depth of one camera, where no transform tells where it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.geometry.scale.estimate import Reason
from s2r_depth_ros.geometry.scale.floor import LEVEL, find_floor
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.gravity import Gravity

_SMOOTHING = 1.0  # s in which a new floor counts for two thirds
_REMEMBERED = 5.0  # s without a floor in view
_OTHER_FLOOR = 0.3  # of the normal, or of the log height: no noise, but a step or another pose


class FittedFloor:
    """Fits the floor to metric depth, smoothed over time; one caller at a time."""

    def __init__(self, gravity: Gravity) -> None:
        self._gravity = gravity
        self._plane: Plane | None = None
        self._stamp = 0.0

    def find(
        self, header: Header, depth: NDArray[np.float32], intrinsics: Intrinsics
    ) -> Plane | None:
        """Return the floor in the optical frame, metres; the last one if it is out of view.

        depth: float32 [H, W], metres. None if none was seen in the last five seconds.
        """
        now = seconds(header.stamp)
        down = self._gravity.down(header.frame_id, now).vector or LEVEL
        found = find_floor(UnscaledView(depth, intrinsics), np.asarray(down, np.float64))
        passed = now - self._stamp
        # Nothing is known of the time between images without a stamp: none is smoothed.
        if not 0 <= passed <= _REMEMBERED or not now:
            self._plane, passed = None, _REMEMBERED
        if isinstance(found, Reason):
            return self._plane
        share = 1 - math.exp(-passed / _SMOOTHING)
        self._plane = _mixed(self._plane, found.normal, found.height, share)
        self._stamp = now
        return self._plane


def _mixed(before: Plane | None, normal: NDArray[np.float64], height: float, share: float) -> Plane:
    """Return the plane between the one before and a new one, of which ``share`` counts."""
    if before is not None:
        turned = float(np.linalg.norm(normal - before.normal))
        climbed = math.log(height / before.offset)
        if max(turned, abs(climbed)) < _OTHER_FLOOR:
            normal = (1 - share) * np.asarray(before.normal) + share * normal
            height = before.offset * math.exp(share * climbed)
    x, y, z = (normal / np.linalg.norm(normal)).tolist()
    return Plane((x, y, z), height)
