"""A pinhole camera in the world.

World frame: metres, z up. Camera (optical) frame: x right, y down, z forward, as in REP 103.
Pixel coordinates: the centre of the first pixel is (0, 0), as in ``sensor_msgs/CameraInfo``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the world.

    position: float64 [3], m. rotation: float64 [3, 3], columns are the right, down and forward
    axes of the optical frame in the world. fx, fy, cx, cy: px (fx != fy: the pixels are not
    square). width, height: px.
    """

    position: NDArray[np.float64]
    rotation: NDArray[np.float64]
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def pose(self) -> NDArray[np.float64]:
        """Camera-to-world transform, float64 [4, 4]."""
        pose = np.eye(4)
        pose[:3, :3] = self.rotation
        pose[:3, 3] = self.position
        return pose

    def resized(self, width: int, height: int) -> Camera:
        """Return the same view sampled by another number of pixels (pixel centres stay correct)."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )


def rotation_from_angles(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the axes of the optical frame in the world for three angles, float64 [3, 3].

    yaw: radians about world z from world x. pitch: radians, positive looks up. roll: radians
    about the optical axis, positive turns the camera clockwise as seen from behind.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([cy * cp, sy * cp, sp])
    right = np.array([sy, -cy, 0.0])
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, forward], axis=1)
