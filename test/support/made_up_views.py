"""Depth of made-up rooms, computed exactly, for tests of scale and clouds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics

CAMERA = Intrinsics(200.0, 200.0, 159.5, 119.5, 320, 240)


@dataclass(frozen=True)
class LevelPlane:
    """A level rectangle: metres under the camera, and where it ends to the sides and ahead."""

    beneath: float
    half_width: float = np.inf
    nearest: float = 0.0
    farthest: float = np.inf


@dataclass(frozen=True)
class Pose:
    """Of the camera, radians: pitch looks up, roll turns it clockwise as seen from behind."""

    pitch: float = 0.0
    roll: float = 0.0

    @property
    def to_level(self) -> NDArray[np.float64]:
        """Rotation [3, 3] from the optical frame to that of a level camera at the same place."""
        c, s = np.cos(self.pitch), np.sin(self.pitch)
        pitch = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        c, s = np.cos(self.roll), np.sin(self.roll)
        return pitch @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    @property
    def down(self) -> tuple[float, float, float]:
        """Direction of gravity in the optical frame."""
        x, y, z = (float(value) for value in self.to_level.T @ (0, 1, 0))
        return x, y, z


def room_depth(
    planes: tuple[LevelPlane, ...], wall: float, pose: Pose = Pose(), camera: Intrinsics = CAMERA
) -> NDArray[np.float32]:
    """Return depth [H, W], metres along z, of level planes in front of an upright wall.

    wall: metres ahead of the camera. Rays that meet nothing are NaN.
    """
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1 + 0.0 * u], -1)
    x, y, z = np.moveaxis(rays @ pose.to_level.T, -1, 0)
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = np.where(z > 0, wall / z, np.inf)
        for plane in planes:
            t = np.where(y > 0, plane.beneath / y, np.inf)
            on = (np.abs(t * x) <= plane.half_width) & (t * z >= plane.nearest)
            depth = np.where(on & (t * z <= plane.farthest), np.minimum(depth, t), depth)
    return np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)
