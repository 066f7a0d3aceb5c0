"""Depth images in the format compressedDepth of image_transport_plugins, by PNG.

A header of 12 bytes, (int32 kind, float32 a, float32 b), then a PNG of 16 bits. For 16UC1 the PNG
has the millimetres. For 32FC1 it has v = a / depth + b, rounded, and 0 for an invalid depth; who
reads it computes a / (v - b).
"""

from __future__ import annotations

import struct
from array import array

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

_INVERSE_DEPTH = 0  # the only kind that there is
# Fast: of the ten levels 1 takes the shortest, and the others save little on depth.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)
_LARGEST = 65535
_RATIO = 1000  # of the farthest to the nearest depth that levels are spent on


def compressed_depth(
    header: Header, depth: NDArray[np.float32] | NDArray[np.uint16]
) -> CompressedImage:
    """Return a depth image, float32 metres or uint16 millimetres [H, W], as a message.

    In 32FC1 NaN, infinity, what is not above 0, and what is nearer than a thousandth of the
    farthest depth are invalid. The others come out within 1 %, near ones much closer: levels lie
    evenly in 1 / depth, between the nearest and the farthest.
    """
    if depth.dtype == np.uint16:
        encoding, levels, (a, b) = '16UC1', depth, (0.0, 0.0)
    else:
        encoding = '32FC1'
        levels, a, b = _inverse(np.asarray(depth, np.float32))
    _, png = cv2.imencode('.png', levels, _PNG)
    return CompressedImage(
        header=header,
        format=f'{encoding}; compressedDepth png',
        data=array('B', struct.pack('<iff', _INVERSE_DEPTH, a, b) + png.tobytes()),
    )


def _inverse(depth: NDArray[np.float32]) -> tuple[NDArray[np.uint16], float, float]:
    """Return the levels 1 (farthest) to 65535 (nearest), 0 invalid, and a and b in float32."""
    valid = np.isfinite(depth) & (depth > 0)
    levels = np.zeros(depth.shape, np.uint16)
    if not valid.any():
        return levels, 1.0, 0.0
    far = float(depth[valid].max())
    valid &= depth >= far / _RATIO
    # Of a flat image: any range with its one depth in it.
    near = min(float(depth[valid].min()), 0.999 * far)
    a = _single((_LARGEST - 1) / (1 / near - 1 / far))
    b = _single(1 - a / far)
    levels[valid] = np.clip(np.rint(a / depth[valid].astype(np.float64) + b), 1, _LARGEST)
    return levels, a, b


def _single(value: float) -> float:
    """Return a number as the header, of float32, will have it."""
    return float(np.float32(value))
