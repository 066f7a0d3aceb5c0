"""Tells depth along the optical axis from the length of the ray, by the planes in a view."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics

_TILES = 4  # in each direction of the image


def ray_length_evidence(depths: NDArray[np.floating], camera: Intrinsics) -> float:
    """Return the log of how much better planes fit if depth is taken as the length of the ray.

    depths: [H, W], m, 0 = unknown. Inverse Z of a plane is linear in the pixel. Every tile of the
    image is fitted under both readings; tiles that are no plane under either say nothing. NaN if
    none is left.
    """
    y, x = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.sqrt(1 + ((x - camera.cx) / camera.fx) ** 2 + ((y - camera.cy) / camera.fy) ** 2)
    ratios = []
    for rows in np.array_split(np.arange(camera.height), _TILES):
        for columns in np.array_split(np.arange(camera.width), _TILES):
            tile = np.ix_(rows, columns)
            depth = depths[tile]
            if (depth > 0).mean() < 0.9:
                continue
            as_z, as_ray = (
                _plane_residual(z, x[tile], y[tile]) for z in (depth, depth / rays[tile])
            )
            if min(as_z, as_ray) < 0.01:
                ratios.append(math.log((as_z + 1e-4) / (as_ray + 1e-4)))
    return float(np.median(ratios)) if ratios else math.nan


def _plane_residual(
    z: NDArray[np.floating], x: NDArray[np.integer], y: NDArray[np.integer]
) -> float:
    """Return the relative residual of fitting 1/z = a x + b y + c to the known pixels."""
    known = z > 0
    inverse = 1 / z[known].astype(np.float64)
    design = np.stack([x[known], y[known], np.ones_like(inverse)], 1)
    fitted = design @ np.linalg.lstsq(design, inverse, rcond=None)[0]
    return float(np.sqrt(np.mean((fitted / inverse - 1) ** 2)))
