"""Pinhole intrinsics of images without distortion.

Pixel coordinates follow OpenCV and image_geometry: the centre of the top left pixel is (0, 0),
so the image spans [-0.5, width - 0.5] and scaling acts on ``c + 0.5``, not on ``c``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.checks import check_finite, check_focal_lengths, check_not_empty


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera without distortion; all lengths in pixels of a width x height image.

    Raises CalibrationError for non-finite numbers, fx or fy <= 0, or an empty image.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        check_not_empty(self.width, self.height)
        check_finite('intrinsics', (self.fx, self.fy, self.cx, self.cy))
        check_focal_lengths('intrinsics', self.fx, self.fy)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 3x3 camera matrix, float64."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def resized(self, width: int, height: int) -> Intrinsics:
        """Return the intrinsics after resizing the image to width x height pixels."""
        check_not_empty(width, height)
        sx, sy = width / self.width, height / self.height
        return Intrinsics(
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )
