"""Compressed camera images (sensor_msgs/CompressedImage) to RGB."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import brief
from s2r_depth_ros.media import codecs
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.picture_size import MOST_PIXELS
from s2r_depth_ros.media.pixels import (
    PIXELS,
    ConversionError,
    decoded_to_rgb,
    encoding_of,
    pixels_to_rgb,
)


class CompressedImage(Protocol):
    """The fields of sensor_msgs/CompressedImage, of rclpy or of a recording."""

    format: str
    data: Any


def compressed_to_rgb(
    image: CompressedImage, bits: BitDepth | None = None, most_pixels: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """Return a JPEG or PNG image as contiguous uint8 [H, W, 3] RGB.

    Follows image_transport's ``format``, 'bgr8; jpeg compressed bgr8': the encoding of the camera's
    pixels, and what the codec got of them, where that is not the same. Drivers write just 'jpeg'.
    EXIF entries are not looked at: camera_info describes the sensor's pixels. bits: as for
    ``pixels.image_to_rgb``. Raises ConversionError for a depth image, another codec, damaged or
    truncated data, and, without decoding it, for one that states more than ``most_pixels`` pixels.
    """
    stated = image.format
    shown = f'compressed image of format {brief(stated, 100)!r}'
    if 'compresseddepth' in stated.lower():
        raise ConversionError(
            f"{shown} is a depth image: remap image/compressed to the camera's colour topic"
        )
    encoding = _stated_encoding(stated)
    content = bytes(image.data)
    try:
        values = codecs.decode(content, most_pixels=most_pixels)
    except codecs.CodecError as error:
        raise ConversionError(
            f'{shown} ({len(content)} bytes) cannot be used: {error} '
            '(JPEG and PNG are read); check the publisher and the network'
        ) from error
    if values.ndim == 2 and encoding is None and values.dtype == np.uint16:
        raise ConversionError(
            f'{shown} has 16-bit grey pixels, as depth images have, '
            'and does not say what they are: remap image/compressed to the colour topic; if it is '
            "a picture, have its publisher write the format 'mono16; png compressed '"
        )
    if values.ndim == 2 and encoding is not None and encoding.startswith('bayer_'):
        return pixels_to_rgb(values[..., None], encoding, bits or BitDepth())
    # 'compressed rgb8' means that red was handed to the codec as blue.
    swapped = 'compressed rgb' in stated.lower()
    return decoded_to_rgb(values, bits, swapped=swapped)


def _stated_encoding(stated: str) -> str | None:
    """Return the key of PIXELS that ``format`` begins with, None if it says none.

    Raises ConversionError for an encoding that is no picture.
    """
    name = stated.partition(';')[0].strip()
    try:
        encoding = encoding_of(name)
    except ConversionError:
        if name[:1].isdigit():  # an OpenCV matrix that holds measurements
            raise
        return None
    return encoding if encoding in PIXELS else None
