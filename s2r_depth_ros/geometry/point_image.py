"""Points of another sensor on an image: which pixel each falls on, and which the camera sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import project

BEHIND = 0.3
"""Log depth by which a point lies behind a neighbour that hides it."""
_WINDOW = 1 / 64  # of the image's width, how far a neighbour may be

Pixels = NDArray[np.intp]


def on_image(
    points: NDArray[np.float64], camera: Intrinsics
) -> tuple[Pixels, Pixels, NDArray[np.float64]]:
    """Return column, row and depth (m) of the points [N, 3] of the optical frame in the image."""
    with np.errstate(over='ignore', invalid='ignore'):
        x, y = project(points, camera).T
        inside = (x > -0.5) & (x < camera.width - 0.5) & (y > -0.5) & (y < camera.height - 0.5)
    column, row = (np.rint(place[inside]).astype(np.intp) for place in (x, y))
    return column, row, points[inside, 2]


def nearest_around(
    column: Pixels, row: Pixels, z: NDArray[np.float64], camera: Intrinsics
) -> NDArray[np.float64]:
    """Return the depth of the nearest point close by in the image, metres [N].

    Close by: in the same or a neighbouring square of the window's size.
    """
    side = max(1, round(camera.width * _WINDOW))
    across, down = column // side + 1, row // side + 1
    nearest = np.full((camera.height // side + 3, camera.width // side + 3), np.inf)
    np.minimum.at(nearest, (down, across), z)
    around: NDArray[np.float64] = np.asarray(cv2.erode(nearest, np.ones((3, 3), np.uint8)))
    return around[down, across]


def sparse_depth(points: NDArray[np.float64], camera: Intrinsics) -> NDArray[np.float32]:
    """Return points [N, 3] of the optical frame, metres, as depth [H, W], metres, 0 unknown.

    Of several in a pixel the nearest counts; those that a nearer neighbour hides from the camera,
    as the other sensor sees them from elsewhere, are left out.
    """
    column, row, z = on_image(points, camera)
    seen = z <= nearest_around(column, row, z, camera) * np.exp(BEHIND)
    return nearest_depth(column[seen], row[seen], z[seen], (camera.height, camera.width))


def nearest_depth(
    column: Pixels, row: Pixels, z: NDArray[np.floating], size: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return depth [H, W] of ``size``, metres, 0 unknown: of several in a pixel the nearest.

    column, row, z: [N], inside the image; metres.
    """
    nearest = np.full(size, np.inf)
    np.minimum.at(nearest, (row, column), z)
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)
