"""What is wrong with an image of which depth can be made all the same."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from s2r_depth_ros.errors import brief

NO_FRAME_ID = (
    'images have no frame_id: have the camera driver set it; without it RViz, TF and Nav2 cannot '
    'tell where the depth is'
)
BLANK = (
    'images show nothing but one brightness: look at the exposure, and whether the lens is '
    'covered; what depth is made of them is worthless'
)
# Means of so few cells: noise, also that of a covered lens at full gain, is gone from them, and a
# plain wall has shades that are left.
_CELLS = (6, 4)
_LOOKED_AT = 96  # px of the shorter side, at most twice that, and more only where that leaves doubt
_LINES = 480  # at most twice as many
# Of 255, between the darkest and the brightest cell: what noise may make of some pixels, of all.
_IN_DOUBT, _ONE_BRIGHTNESS = 10.0, 1.0


def image_problems(header: Header, rgb: NDArray[np.uint8] | None) -> list[str]:
    """Return what is wrong, with the remedies. rgb: uint8 [H, W, 3]; None if no depth is asked."""
    problems = []
    if not header.frame_id:
        problems.append(NO_FRAME_ID)
    elif header.frame_id.startswith('/'):
        problems.append(
            f'images have the frame_id {brief(header.frame_id)}, which TF refuses for its leading '
            'slash: have the camera driver leave that out'
        )
    if rgb is not None and is_blank(rgb):
        problems.append(BLANK)
    return problems


def is_blank(rgb: NDArray[np.uint8]) -> bool:
    """Return whether an image, uint8 [H, W, 3], is of one brightness, apart from noise."""
    step = max(1, min(rgb.shape[:2]) // _LOOKED_AT)
    red, green, blue = np.moveaxis(rgb[::step, ::step], -1, 0)
    total = red.astype(np.float32)  # one channel, and no bytes, whose means would be rounded
    total += green
    total += blue
    cells = cv2.resize(total, _CELLS, interpolation=cv2.INTER_AREA)
    if np.ptp(cells) >= 3 * _IN_DOUBT:
        return False
    means = _means(rgb[:: max(1, len(rgb) // _LINES)])
    return max(means) - min(means) < _ONE_BRIGHTNESS


def _means(rgb: NDArray[np.uint8]) -> list[float]:
    """Return the mean of each cell, of all its pixels and channels."""
    columns, rows = (min(pair) for pair in zip(_CELLS, rgb.shape[1::-1]))
    return [
        sum(cv2.mean(cell)[:3]) / 3
        for band in np.array_split(rgb, rows)
        for cell in np.array_split(band, columns, axis=1)
    ]
