"""Pinhole projection between pixels and points of the optical frame.

Optical frame (REP-103): x right, y down, z forward, metres. Depth is z, not the ray's length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics


def ray_slopes(intrinsics: Intrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x/z of every column (float32 [1, W]) and y/z of every row (float32 [H, 1])."""
    columns = (np.arange(intrinsics.width) - intrinsics.cx) / intrinsics.fx
    rows = (np.arange(intrinsics.height) - intrinsics.cy) / intrinsics.fy
    return columns.astype(np.float32)[None, :], rows.astype(np.float32)[:, None]


def back_project(depth: NDArray[np.float32], intrinsics: Intrinsics) -> NDArray[np.float32]:
    """Return the points (float32 HxWx3, metres) seen at each pixel of depth (HxW, metres).

    NaN depth gives a NaN point. Raises ValueError unless depth is as large as ``intrinsics`` says.
    """
    check_shape('depth', depth, (intrinsics.height, intrinsics.width))
    columns, rows = ray_slopes(intrinsics)
    return np.stack([depth * columns, depth * rows, depth], axis=-1).astype(np.float32, copy=False)


def back_project_pixels(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    depth: NDArray[np.float32] | np.float32,
    intrinsics: Intrinsics,
) -> NDArray[np.float32]:
    """Return the points (float32 [N, 3], metres) of some pixels [N] at their depth [N], metres."""
    across, down = ray_slopes(intrinsics)
    points = np.empty((len(rows), 3), np.float32)
    points[:, 0] = depth * across[0, columns]
    points[:, 1] = depth * down[rows, 0]
    points[:, 2] = depth
    return points


def project(points: NDArray[np.floating[Any]], intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Return the pixel coordinates (float64 Nx2: x, y) of points (Nx3 or HxWx3, metres).

    They are NaN where z <= 0 or the point is NaN; those outside the image are kept.
    Raises ValueError if the last axis is not 3 long.
    """
    if points.ndim < 1 or points.shape[-1] != 3:
        raise ValueError(f'points have shape {points.shape}; the last axis must be x, y, z')
    x, y, z = points.reshape(-1, 3).astype(np.float64).T
    z = np.where(z > 0, z, np.nan)
    return np.stack(
        [
            intrinsics.fx * x / z + intrinsics.cx,
            intrinsics.fy * y / z + intrinsics.cy,
        ],
        axis=-1,
    )


def check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise ValueError naming the array unless it has this shape."""
    if array.shape != shape:
        raise ValueError(
            f'{name} has shape {array.shape}, the camera needs {shape}; resize the intrinsics with '
            f'Intrinsics.resized or the {name}'
        )
