"""Which points lie in a box of some frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.depth_bounds import DepthBounds, bounds_above, bounds_below, ray_axes
from s2r_depth_ros.geometry.filling import fill
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.settings import check_order


@dataclass(frozen=True)
class Box:
    """Corners of a box along the axes of a frame, m: x, y, z each; may be infinite.

    Raises FilterError unless each lower limit is below the upper one.
    """

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    def __post_init__(self) -> None:
        for axis, low, high in zip('xyz', self.lower, self.upper):
            check_order(f'lower {axis} of cloud.region', low, f'upper {axis}', high)


def region_bounds(
    intrinsics: Intrinsics,
    box: Box,
    rotation: NDArray[np.floating[Any]],
    translation: NDArray[np.floating[Any]],
) -> DepthBounds:
    """Return from which to which depth the ray of each pixel is in the box.

    rotation (3x3), translation (3, m): a point p of the optical frame is rotation @ p + translation
    in the frame of the box. Made once for a camera and its pose.
    """
    bounds = None
    for axis, shift, low, high in zip(
        ray_axes(rotation, intrinsics), translation, box.lower, box.upper
    ):
        slab = bounds_above(axis, low - shift).and_also(bounds_below(axis, high - shift))
        bounds = slab if bounds is None else bounds.and_also(slab)
    assert bounds is not None
    return bounds


def keep_region(depth: NDArray[np.float32], bounds: DepthBounds) -> NDArray[np.float32]:
    """Set ``depth`` (float32 [H, W], m) to NaN in place outside the bounds, and return it.

    Raises ValueError for another shape.
    """
    fill(depth, math.nan, bounds.inside(depth) == 0)
    return depth
