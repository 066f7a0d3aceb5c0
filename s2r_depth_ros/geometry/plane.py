"""The floor as a plane of the optical frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.settings import FilterError, check_positive

UNIT_TOLERANCE = 1e-3
# Of the optical axis along the floor; below it the camera looks straight down (or up).
_LEAST_FORWARD = 0.05
_CLOSE_TILT = math.radians(0.2)
_CLOSE_HEIGHT = 0.01


@dataclass(frozen=True)
class Plane:
    """Points p of the optical frame (m) with normal . p = offset.

    normal: of unit length, from the camera towards the floor, so (0, 1, 0) for a level camera.
    offset: height of the camera over the floor, m, > 0. Raises FilterError for anything else.
    """

    normal: tuple[float, float, float]
    offset: float

    def __post_init__(self) -> None:
        object.__setattr__(self, 'normal', tuple(float(value) for value in self.normal))
        check_positive('the height of the camera over the floor', self.offset, 'm')
        length = math.hypot(*self.normal) if len(self.normal) == 3 else math.nan
        if not abs(length - 1) <= UNIT_TOLERANCE:
            raise FilterError(
                f'the normal of the floor is {self.normal}; it must be a vector of length 1'
            )

    @classmethod
    def under_camera(cls, transform: NDArray[np.float64]) -> Plane:
        """Return the plane z = 0 of a frame on the floor, such as base_footprint.

        transform: [4, 4], from the optical frame to that frame, metres. Raises FilterError for a
        camera that is not over the plane.
        """
        return cls(tuple(-transform[2, :3]), float(transform[2, 3]))

    def is_close(self, other: Plane) -> bool:
        """Return whether what was made for the other plane (``FloorView``) still serves for this.

        They are less than 0.2 degrees and 1 % of the height apart, which moves the floor 5 m ahead
        of a camera 0.5 m high by less than 2.5 cm.
        """
        tilt = math.dist(self.normal, other.normal)
        return tilt < _CLOSE_TILT and abs(self.offset / other.offset - 1) < _CLOSE_HEIGHT

    def level_rotation(self) -> NDArray[np.float64]:
        """Return the rotation (3x3) from the optical frame to the level frame of the camera.

        The level frame (REP-103) has the camera's origin: x forward along the floor, the way the
        camera looks (towards the top of the image if it looks straight down), y left, z up.
        """
        down = np.array(self.normal)
        down /= np.linalg.norm(down)
        axis = np.array([0.0, 0.0, 1.0])
        if np.linalg.norm(np.cross(axis, down)) <= _LEAST_FORWARD:
            axis = np.array([0.0, -1.0, 0.0])
        forward = axis - (axis @ down) * down
        forward /= np.linalg.norm(forward)
        return np.stack([forward, np.cross(forward, down), -down])
