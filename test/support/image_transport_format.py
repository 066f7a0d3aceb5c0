"""Depth images of image_transport's compressedDepth, read by the formula of its plugin."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage


def decoded_depth(message: CompressedImage) -> NDArray[Any]:
    """Return what compressed_depth_image_transport makes of a message, in float32."""
    encoding, _, rest = message.format.partition(';')
    assert rest == ' compressedDepth png'
    kind, a, b = struct.unpack('<iff', message.data[:12].tobytes())
    assert kind == 0
    levels = cv2.imdecode(np.frombuffer(message.data[12:], np.uint8), cv2.IMREAD_UNCHANGED)
    assert levels is not None
    assert levels.dtype == np.uint16
    if encoding == '16UC1':
        return np.asarray(levels)
    assert encoding == '32FC1'
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = np.float32(a) / (levels.astype(np.float32) - np.float32(b))
    return np.where(levels > 0, depth, np.float32(np.nan))
