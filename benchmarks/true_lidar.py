"""What a lidar at the camera would see, out of true depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.scale import depth_image_points

Floats = NDArray[np.float64]

RINGS = np.radians(np.arange(-15.0, 16.0, 2.0))
"""Elevations of the beams of a lidar of 16 rings, rad."""
_AZIMUTH = np.radians(0.2)  # between the points of a ring, and of a scan
_RESIDUAL = np.radians(0.2)  # that sparse truth may be off a ring
_SPARSE = 0.3  # share of known pixels below which truth is sparse


def is_sparse(truth: NDArray[np.float32]) -> bool:
    """Return whether so few pixels are known that few lie on a ring exactly."""
    return float((truth > 0).mean()) < _SPARSE


def on_rings(truth: NDArray[np.float32], camera: Intrinsics, rings: Floats) -> Floats:
    """Return the points [N, 3], m, of true depth [H, W] that lie on rings (elevations, rad)."""
    points = depth_image_points(truth, camera)
    elevation = np.arctan2(-points[:, 1], np.hypot(points[:, 0], points[:, 2]))
    ring = np.abs(elevation[:, None] - rings).argmin(1)
    near = np.abs(elevation - rings[ring]) < (_RESIDUAL if is_sparse(truth) else 0.5 / camera.fy)
    return nearest_of_beams(points[near], ring[near])


def nearest_of_beams(points: Floats, ring: NDArray[np.intp] | int = 0) -> Floats:
    """Return of the points [N, 3] of each beam the nearest. ring: of each point, [N], or of all."""
    azimuth = np.rint(np.arctan2(points[:, 0], points[:, 2]) / _AZIMUTH).astype(int)
    key = ring * 10_000 + azimuth
    order = np.lexsort((np.linalg.norm(points, axis=1), key))
    return points[order][np.unique(key[order], return_index=True)[1]]
