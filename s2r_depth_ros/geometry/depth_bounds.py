"""From which depth to which a ray is on one side of planes: what filters ask of every pixel.

Along the ray of a pixel every coordinate is linear in depth, so that a box, a band over the floor
or a slope is a pair of limits of depth. They are computed once for a camera and its pose; a frame
costs one comparison.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import ray_slopes

_FLOAT32 = np.finfo(np.float32)
NEAREST, FARTHEST = np.float32(_FLOAT32.tiny), np.float32(_FLOAT32.max)
"""Any finite depth lies between these, m."""

Array = NDArray[np.float32]


class DepthBounds(NamedTuple):
    """Limits of depth, float32 [H, W] each, m; no depth fits where near > far."""

    near: Array
    far: Array

    def inside(self, depth: Array, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Return 255 where near <= depth <= far and 0 elsewhere; NaN is nowhere inside.

        depth: float32 [H, W], m. out: written and returned if given, uint8 [H, W].
        Raises ValueError for another shape.
        """
        if depth.shape != self.near.shape:
            raise ValueError(
                f'depth has shape {depth.shape}, its bounds {self.near.shape}; make the bounds '
                f'with the intrinsics of this image'
            )
        mask = cv2.inRange(depth, self.near, self.far, dst=out)
        return np.asarray(mask, np.uint8).reshape(depth.shape)

    def and_also(self, other: DepthBounds) -> DepthBounds:
        """Return the bounds within both."""
        return DepthBounds(np.maximum(self.near, other.near), np.minimum(self.far, other.far))


def bounds_below(slope: Array, limit: float) -> DepthBounds:
    """Return the bounds of finite depth > 0 with slope * depth <= limit; slope: float32 [H, W]."""
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        crossing = np.clip(np.float32(limit) / slope, NEAREST, FARTHEST)
    if limit >= 0:  # until a rising ray crosses it
        return DepthBounds(np.full_like(slope, NEAREST), np.where(slope > 0, crossing, FARTHEST))
    falling = slope < 0  # from its crossing on
    near = np.where(falling, crossing, FARTHEST)
    return DepthBounds(near, np.where(falling, FARTHEST, np.float32(0)))


def bounds_above(slope: Array, limit: float) -> DepthBounds:
    """Return the bounds of finite depth > 0 with slope * depth >= limit; slope: float32 [H, W]."""
    return bounds_below(-slope, -limit)


def ray_axes(rotation: NDArray[np.floating[Any]], intrinsics: Intrinsics) -> list[Array]:
    """Return what a metre of depth is along each axis of a turned frame: 3 float32 [H, W].

    rotation: 3x3, from the optical frame.
    """
    columns, rows = ray_slopes(intrinsics)
    return [
        axis[0] * columns + (axis[1] * rows + axis[2]) for axis in np.asarray(rotation, np.float32)
    ]
