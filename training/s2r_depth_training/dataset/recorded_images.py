"""Colour and depth images of recorded ROS messages as arrays; needs no ROS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media import codecs
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.media.pixels import ConversionError, image_to_rgb
from s2r_depth_training.errors import DataError

# What compressed_depth_image_transport makes of 16 bits, in units a metre, and of 32 (see below).
_COMPRESSED = {'32FC1': 1.0, '16UC1': 1000.0, 'mono16': 1000.0}


def colour_image(message: Any, bits: BitDepth | None = None) -> NDArray[np.uint8]:
    """Return a sensor_msgs/Image or CompressedImage (JPEG, PNG) as uint8 [H, W, 3] RGB.

    As the node reads it: see ``pixels.image_to_rgb``, also for ``bits``. Raises DataError for
    another encoding, or data that cannot be decoded.
    """
    read = compressed_to_rgb if hasattr(message, 'format') else image_to_rgb
    try:
        return read(message, bits)
    except ConversionError as error:
        raise DataError(str(error)) from error


def depth_image(message: Any) -> NDArray[np.float32]:
    """Return a depth image as float32 [H, W] in m, 0 where it is 0, negative, NaN or infinite.

    message: a sensor_msgs/Image as depth_in_metres reads it, or a CompressedImage, a PNG
    of 16UC1 or of the transport compressedDepth. Raises DataError for anything else.
    """
    if hasattr(message, 'format'):
        return _known(_compressed_depth(message))
    try:
        return _known(depth_in_metres(message))
    except ConversionError as error:
        raise DataError(str(error)) from error


def _compressed_depth(message: Any) -> NDArray[np.float32]:
    """Return the depth of a PNG: by itself, or behind compressed_depth_image_transport's 12 bytes.

    These are a number, and a and b of depth = a / (pixel - b), by which 32FC1 became 16 bits.
    """
    encoding, _, rest = message.format.partition(';')
    encoding, words = encoding.strip(), rest.split()
    by_transport = 'compressedDepth' in words
    plain = words[:1] == ['png'] and encoding != '32FC1'
    if not (by_transport or plain) or encoding not in _COMPRESSED or 'rvl' in words:
        raise DataError(
            f'depth of the format {message.format!r}; record the depth image uncompressed, or by '
            'the transport compressedDepth as PNG'
        )
    data = np.asarray(message.data, np.uint8)
    try:
        pixels = codecs.decode(data[12 * by_transport :].tobytes())
    except codecs.CodecError as error:
        raise DataError(f'depth of the format {message.format!r}: {error}') from error
    if pixels.ndim != 2 or pixels.dtype != np.uint16:
        raise DataError(f'depth of the format {message.format!r} is no image of 16-bit numbers')
    if encoding != '32FC1':
        return pixels.astype(np.float32) / np.float32(_COMPRESSED[encoding])
    a, b = data[4:12].view('<f4')
    with np.errstate(divide='ignore'):
        return np.where(pixels > 0, a / (pixels - b), 0).astype(np.float32)


def _known(metres: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isfinite(metres) & (metres > 0), metres, 0).astype(np.float32)
