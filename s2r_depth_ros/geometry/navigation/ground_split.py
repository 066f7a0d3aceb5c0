"""Which points are floor and which are obstacles on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.depth_bounds import DepthBounds
from s2r_depth_ros.geometry.navigation.floor_view import FloorView
from s2r_depth_ros.geometry.settings import check_between, check_positive


@dataclass(frozen=True)
class GroundSettings:
    """max_height: over or under the plane that is still floor, m, > 0.

    max_slope: rad, by which the floor may rise or fall from under the camera on; it also takes in
    errors of the plane and of depth, which grow with distance. Raises FilterError.
    """

    max_height: float = 0.1
    max_slope: float = 0.0524

    def __post_init__(self) -> None:
        check_positive('ground.max_height', self.max_height, 'm')
        check_between('ground.max_slope', self.max_slope, 0.0, math.radians(45))


class GroundBounds(NamedTuple):
    """Depths of each ray on the floor, and over it."""

    ground: DepthBounds
    obstacle: DepthBounds


class GroundSplit(NamedTuple):
    """Masks of pixels, uint8 [H, W], 255 or 0; no pixel is in both.

    What is beneath the floor is in neither: a drop, a reflection, or an error of depth.
    """

    ground: NDArray[np.uint8]
    obstacle: NDArray[np.uint8]


def ground_bounds(view: FloorView, settings: GroundSettings) -> GroundBounds:
    """Return the bounds for ``split_ground``; made once for a camera and a floor.

    Raises FilterError where the floor's max_height is not less than that of the camera.
    """
    view.check_below_camera('ground.max_height', settings.max_height)
    slope = math.tan(settings.max_slope)
    higher = view.higher_than(settings.max_height, slope)
    not_above = view.lower_than(settings.max_height, slope)
    not_beneath = view.higher_than(-settings.max_height, -slope)
    return GroundBounds(not_above.and_also(not_beneath), higher)


def split_ground(depth: NDArray[np.float32], bounds: GroundBounds) -> GroundSplit:
    """Return which points are floor and which are higher; neither where depth is not finite.

    depth: float32 [H, W], m. Raises ValueError for another size than that of the bounds.
    """
    ground = bounds.ground.inside(depth)
    obstacle = bounds.obstacle.inside(depth)
    # A depth on the very border of both is floor.
    cv2.subtract(obstacle, ground, dst=obstacle)
    return GroundSplit(ground, obstacle)
