"""From where a point cloud is looked at: a second camera that stands off to the side."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Yaws, radians.
FROM_THE_RIGHT, FROM_THE_LEFT = math.radians(42.0), math.radians(-33.0)


@dataclass(frozen=True)
class CloudViewpoint:
    """A camera that looks at ``pivot`` (metres, optical frame) from ``distance`` metres.

    ``yaw`` and ``pitch`` (radians) turn it about the pivot: to the right of the recording camera
    and above it, so that what is far from that camera is on the right. ``focal`` and ``centre``
    (where the pivot is shown) are in picture widths and heights.
    """

    pivot: tuple[float, float, float]
    distance: float
    yaw: float = FROM_THE_RIGHT
    pitch: float = math.radians(26.0)
    focal: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)

    def rotation(self) -> NDArray[np.float64]:
        """Return the 3x3 rotation from the optical frame to the viewing camera's axes."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
        about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
        return about_x @ about_y

    def project(
        self, points: NDArray[np.floating], width: int, height: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pixel positions [N, 2] and distances along the view axis [N] of points [N, 3].

        ``width`` and ``height`` of the picture are in pixels, points and distances in metres.
        """
        seen = (points - np.asarray(self.pivot)) @ self.rotation().T
        depth = seen[:, 2] + self.distance
        with np.errstate(divide='ignore', invalid='ignore'):
            scale = self.focal * width / depth
        centre = np.array([width * self.centre[0], height * self.centre[1]])
        return seen[:, :2] * scale[:, None] + centre, depth


def viewpoint_of(
    points: NDArray[np.float32], aspect: float, yaw: float = FROM_THE_RIGHT
) -> CloudViewpoint:
    """Return from where points [N, 3] and their camera at the origin fill the picture.

    ``aspect`` is the picture's width / height. The farthest and outermost hundredth of the points
    may lie outside.
    """
    low, high = np.percentile(points, (2, 98), axis=0)
    x, y, z = ((low + high) / 2).tolist()
    distance = 1.8 * float(np.linalg.norm(np.append(high - low, z)))
    viewpoint = CloudViewpoint((x, y, z), distance, yaw)
    pixels, _ = viewpoint.project(points, 1, 1)
    origin, _ = viewpoint.project(np.zeros((1, 3)), 1, 1)
    low, high = np.percentile(pixels, (1, 99), axis=0)
    low, high = np.minimum(low, origin[0]), np.maximum(high, origin[0])
    # In units of the picture's width both ways; a border of 6 % stays free.
    zoom = 0.88 * min(1.0 / (high[0] - low[0]), 1.0 / aspect / (high[1] - low[1]))
    middle = (low + high) / 2 - 0.5
    centre = (float(0.5 - zoom * middle[0]), float(0.5 - zoom * middle[1] * aspect))
    return replace(viewpoint, focal=zoom, centre=centre)
