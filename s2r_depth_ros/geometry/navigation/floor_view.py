"""How the rays of a camera lie to the floor: made once for a camera and a floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.depth_bounds import DepthBounds, bounds_above, bounds_below, ray_axes
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError


class FloorView:
    """What a metre of depth is in the level frame of a camera over a floor (Plane.level_rotation).

    Attributes, float32 [H, W]: ``forward``, ``left``, ``up``: metres along the axes of the level
    frame; ``reach``: metres over ground. ``height``: of the camera over the floor, m. ``plane``.
    Immutable, so threads may share it.
    """

    def __init__(self, intrinsics: Intrinsics, plane: Plane) -> None:
        self.plane, self.intrinsics = plane, intrinsics
        self.height = plane.offset
        self.forward, self.left, self.up = ray_axes(plane.level_rotation(), intrinsics)
        self.reach: NDArray[np.float32] = np.hypot(self.forward, self.left)

    def higher_than(self, height: float, slope: float) -> DepthBounds:
        """Return the depths at which a ray is ``height`` + ``slope`` * reach or more over it.

        height: m over the floor. slope: rise over run.
        """
        return bounds_above(self.up - np.float32(slope) * self.reach, height - self.height)

    def lower_than(self, height: float, slope: float) -> DepthBounds:
        """Return the depths at which a ray is ``height`` + ``slope`` * reach or less over it."""
        return bounds_below(self.up - np.float32(slope) * self.reach, height - self.height)

    def check_below_camera(self, name: str, height: float) -> None:
        """Raise FilterError unless ``height`` over the floor is lower than the camera."""
        if not height < self.height:
            raise FilterError(
                f'{name} is {height:g} m, the camera only {self.height:g} m over the floor; '
                f'{name} must be less'
            )
