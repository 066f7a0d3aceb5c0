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
# Noise is gone from the means of so few cells; a plain wall has shades that are left.
_CELLS = (6, 4)
_LOOKED_AT = 96  # px of the shorter side, at most twice that
_ONE_BRIGHTNESS = 1.0  # of 255, between the darkest and the brightest cell


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
    return bool(np.ptp(cells) < 3 * _ONE_BRIGHTNESS)
