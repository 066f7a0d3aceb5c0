"""Colour and depth images of recorded ROS messages as arrays; needs no ROS."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.errors import DataError

# Encoding -> channels, and the OpenCV conversion to RGB (None: it is RGB).
_COLOUR = {
    'rgb8': (3, None),
    'bgr8': (3, cv2.COLOR_BGR2RGB),
    'rgba8': (4, cv2.COLOR_RGBA2RGB),
    'bgra8': (4, cv2.COLOR_BGRA2RGB),
    'mono8': (1, cv2.COLOR_GRAY2RGB),
}
_DEPTH = {'32FC1': ('f4', 1.0), '16UC1': ('u2', 0.001)}  # to metres, REP 118


def colour_image(message: Any) -> NDArray[np.uint8]:
    """Return a sensor_msgs/Image or CompressedImage (JPEG, PNG) as uint8 [H, W, 3] RGB.

    Raises DataError for another encoding, or data that cannot be decoded.
    """
    if hasattr(message, 'format'):
        image = _decoded(message.data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, message)
        # image_transport: 'compressed rgb8' means that red was handed to the codec as blue.
        swapped = 'compressed rgb' in message.format
        return (image if swapped else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).astype(np.uint8)
    if message.encoding not in _COLOUR:
        raise DataError(f'colour encoding {message.encoding}; use one of {", ".join(_COLOUR)}')
    channels, conversion = _COLOUR[message.encoding]
    rows = np.asarray(message.data, np.uint8).reshape(message.height, message.step)
    image = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    image = np.ascontiguousarray(image)
    return image if conversion is None else cv2.cvtColor(image, conversion).astype(np.uint8)


def depth_image(message: Any) -> NDArray[np.float32]:
    """Return a depth image as float32 [H, W] in m, 0 where it is 0, negative, NaN or infinite.

    message: a sensor_msgs/Image, 32FC1 in m or 16UC1 in mm (REP 118), or a CompressedImage of the
    transport compressedDepth. Raises DataError for anything else.
    """
    if hasattr(message, 'format'):
        return _known(_compressed_depth(message))
    if message.encoding not in _DEPTH:
        raise DataError(f'depth encoding {message.encoding}; use one of {", ".join(_DEPTH)}')
    code, scale = _DEPTH[message.encoding]
    dtype = np.dtype(('>' if message.is_bigendian else '<') + code)
    rows = np.asarray(message.data, np.uint8).reshape(message.height, message.step)
    used = np.ascontiguousarray(rows[:, : message.width * dtype.itemsize])
    metres = used.view(dtype).astype(np.float32) * np.float32(scale)
    return _known(metres)


def _compressed_depth(message: Any) -> NDArray[np.float32]:
    """Return the depth of a PNG behind the 12 bytes of compressed_depth_image_transport.

    These are a number, and a and b of depth = a / (pixel - b), by which 32FC1 became 16 bits.
    """
    encoding = message.format.split(';')[0].strip()
    if 'compressedDepth' not in message.format or encoding not in _DEPTH or 'rvl' in message.format:
        raise DataError(
            f'depth of the format {message.format!r}; record the depth image uncompressed, or by '
            'the transport compressedDepth as PNG'
        )
    data = np.asarray(message.data, np.uint8)
    pixels = _decoded(data[12:], cv2.IMREAD_UNCHANGED, message).astype(np.float32)
    if pixels.ndim != 2:
        raise DataError(f'depth of the format {message.format!r} is no image of one channel')
    if encoding == '16UC1':
        return pixels * np.float32(_DEPTH[encoding][1])
    a, b = data[4:12].view('<f4')
    with np.errstate(divide='ignore'):
        return np.where(pixels > 0, a / (pixels - b), 0).astype(np.float32)


def _decoded(data: Any, how: int, message: Any) -> NDArray[Any]:
    bytes_ = np.asarray(data, np.uint8)
    image = cv2.imdecode(bytes_, how) if bytes_.size else None
    if image is None:
        raise DataError(f'a compressed image of the format {message.format!r} cannot be decoded')
    return image


def _known(metres: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isfinite(metres) & (metres > 0), metres, 0).astype(np.float32)
