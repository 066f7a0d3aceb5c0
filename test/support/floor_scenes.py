"""Made-up views of a floor with walls on it, by ray casting: depth whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.projection import ray_slopes

CAMERA = Intrinsics(100.0, 100.0, 79.5, 59.5, 160, 120)
HEIGHT = 0.5


def floor_plane(pitch: float = 0.0, roll: float = 0.0, height: float = HEIGHT) -> Plane:
    """Return the floor under a camera that looks down by ``pitch`` and is rolled by ``roll``."""
    level = math.cos(pitch)
    return Plane((level * math.sin(roll), level * math.cos(roll), math.sin(pitch)), height)


def level_rays(plane: Plane, intrinsics: Intrinsics = CAMERA) -> NDArray[np.float64]:
    """Return what a metre of depth is in the level frame, float64 [H, W, 3]."""
    columns, rows = np.broadcast_arrays(*ray_slopes(intrinsics))
    rays = np.stack([columns, rows, np.ones_like(columns)], -1).astype(np.float64)
    return np.asarray(rays @ plane.level_rotation().T)


def seen_depth(
    plane: Plane,
    walls: Sequence[tuple[float, float, float]] = (),
) -> NDArray[np.float32]:
    """Return the depth of a floor with walls across the view, float32 [H, W], m; +inf is sky.

    walls: (distance, lowest, highest) of each, m: ahead, and over the floor.
    """
    rays = level_rays(plane)
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = np.where(rays[..., 2] < 0, -plane.offset / rays[..., 2], np.inf)
        for distance, lowest, highest in walls:
            reached = distance / rays[..., 0]
            height = plane.offset + reached * rays[..., 2]
            hit = (rays[..., 0] > 0) & (height >= lowest) & (height <= highest)
            depth = np.where(hit & (reached < depth), reached, depth)
    return depth.astype(np.float32)
