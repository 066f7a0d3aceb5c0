"""Colour and depth at a smaller size: colours are averaged, depths picked."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import nearest_depth

_SPARSE = 0.5  # share of known pixels below which depth is a lidar's, of which picking loses most


def small_camera(camera: Intrinsics, width: int) -> Intrinsics:
    """Return a camera whose images are at most ``width`` px wide."""
    if camera.width <= width:
        return camera
    return camera.resized(width, max(1, round(camera.height * width / camera.width)))


def shrink_colour(rgb: NDArray[np.uint8], camera: Intrinsics) -> NDArray[np.uint8]:
    """Return an image [H, W, 3] at the size of ``camera``."""
    if rgb.shape[:2] == (camera.height, camera.width):
        return rgb
    size = (camera.width, camera.height)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def shrink_depth(depth: NDArray[np.float32], camera: Intrinsics) -> NDArray[np.float32]:
    """Return depth [H, W], m, 0 unknown, at the size of ``camera``.

    Of dense depth pixels are picked. Of sparse depth each pixel has the nearest of those under it.
    """
    height, width = depth.shape
    if (height, width) == (camera.height, camera.width):
        return depth
    known = depth > 0
    if known.mean() > _SPARSE:
        # Picks pixel centres; OpenCV's INTER_NEAREST would shift by half a pixel.
        size = (camera.width, camera.height)
        picked = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST_EXACT)
        return picked.astype(np.float32)
    row, column = np.nonzero(known)
    place = column * camera.width // width, row * camera.height // height
    return nearest_depth(*place, depth[row, column], (camera.height, camera.width))
