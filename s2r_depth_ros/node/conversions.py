"""Camera messages to RGB uint8 images.

cv_bridge converts what it knows where it can be imported; the numpy and OpenCV path here does the
rest, and all where cv_bridge is missing or broken. Both give the same pixels.
"""

from __future__ import annotations

import functools
import re
from array import array
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.errors import UserError


class ConversionError(UserError):
    """A camera message that cannot be read: names the encoding and the remedy."""


# Encoding -> (channels, bits, OpenCV conversion to RGB; None: it is RGB already).
# 8UCn and 16UCn are raw OpenCV matrices, whose colours are BGR by convention.
_PIXELS: dict[str, tuple[int, int, int | None]] = {
    'rgb8': (3, 8, None),
    'bgr8': (3, 8, cv2.COLOR_BGR2RGB),
    'rgba8': (4, 8, cv2.COLOR_RGBA2RGB),
    'bgra8': (4, 8, cv2.COLOR_BGRA2RGB),
    'mono8': (1, 8, cv2.COLOR_GRAY2RGB),
    'rgb16': (3, 16, None),
    'bgr16': (3, 16, cv2.COLOR_BGR2RGB),
    'rgba16': (4, 16, cv2.COLOR_RGBA2RGB),
    'bgra16': (4, 16, cv2.COLOR_BGRA2RGB),
    'mono16': (1, 16, cv2.COLOR_GRAY2RGB),
    '8UC1': (1, 8, cv2.COLOR_GRAY2RGB),
    '8UC3': (3, 8, cv2.COLOR_BGR2RGB),
    '8UC4': (4, 8, cv2.COLOR_BGRA2RGB),
    '16UC1': (1, 16, cv2.COLOR_GRAY2RGB),
    '16UC3': (3, 16, cv2.COLOR_BGR2RGB),
    '16UC4': (4, 16, cv2.COLOR_BGRA2RGB),
    # Packed 4:2:2, two bytes a pixel; sensor_msgs' yuv422 is UYVY.
    'yuv422': (2, 8, cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': (2, 8, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': (2, 8, cv2.COLOR_YUV2RGB_YUY2),
    'yuyv': (2, 8, cv2.COLOR_YUV2RGB_YUY2),
}
# OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first two.
for _pattern, _code in {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}.items():
    _PIXELS[f'bayer_{_pattern}8'] = (1, 8, _code)
    _PIXELS[f'bayer_{_pattern}16'] = (1, 16, _code)

# A full plane of brightness, then interleaved V and U: of half the height (nv21: 4:2:0), or of
# both bytes for each pixel (nv24: 4:4:4). Encoding -> rows of ``step`` bytes per image row.
_PLANAR = {'nv21': 1.5, 'nv24': 3.0}

ENCODINGS = (*_PIXELS, *_PLANAR)

_BRIDGE_CANDIDATES = (
    'rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8',
    'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8',
)  # fmt: skip


def image_to_rgb(message: Image) -> NDArray[np.uint8]:
    """Return a sensor_msgs/Image as contiguous uint8 [H, W, 3] RGB.

    16-bit encodings are scaled from their full range. Raises ConversionError for an encoding that
    has no colour image in it, and for data that do not fit the stated size.
    """
    encoding = message.encoding
    if encoding not in ENCODINGS:
        raise ConversionError(
            f'image encoding {encoding!r} is not a colour encoding that is known here: have the '
            f'camera driver publish one of {", ".join(ENCODINGS)}'
        )
    if encoding in _bridge_encodings() and _is_plain(message):
        return convert_with_cv_bridge(message)
    return convert_with_numpy(message)


def convert_with_cv_bridge(message: Image) -> NDArray[np.uint8]:
    """Convert by cv_bridge; only for encodings known to come out right, without padding."""
    _check_size(message, len(message.data), message.step, message.height)
    return np.ascontiguousarray(_bridge().imgmsg_to_cv2(message, 'rgb8'))


def convert_with_numpy(message: Image) -> NDArray[np.uint8]:
    """Convert any of ENCODINGS by numpy and OpenCV, whatever the row step and byte order."""
    if message.encoding in _PLANAR:
        return _planar_to_rgb(message)
    channels, bits, code = _PIXELS[message.encoding]
    if code in (cv2.COLOR_YUV2RGB_UYVY, cv2.COLOR_YUV2RGB_YUY2) and message.width % 2:
        raise ConversionError(
            f'{message.encoding} image of odd width {message.width}: two pixels share their '
            'colour, so the width must be even; crop the image in the camera driver'
        )
    rows = _rows(message, message.height, message.width * channels * bits // 8)
    pixels = rows.view(('>' if message.is_bigendian else '<') + f'u{bits // 8}')
    pixels = pixels.astype(f'u{bits // 8}').reshape(message.height, message.width, channels)
    rgb = pixels if code is None else _recolour(pixels, code)
    return rgb if bits == 8 else _to_8_bits(rgb)


def compressed_to_rgb(message: CompressedImage) -> NDArray[np.uint8]:
    """Return a JPEG or PNG sensor_msgs/CompressedImage as uint8 [H, W, 3] RGB.

    Follows image_transport's ``format``: 'bgr8; jpeg compressed bgr8' or just 'jpeg'. Raises
    ConversionError for another codec and for damaged or truncated data.
    """
    stated = message.format
    if 'compressedDepth' in stated:
        raise ConversionError(
            f'compressed image of format {stated!r} is a depth image: remap image/compressed to '
            "the camera's colour topic"
        )
    data = np.frombuffer(message.data, np.uint8)
    image: NDArray[Any] | None = (
        cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
    )
    if image is None or _is_truncated_jpeg(data):
        raise ConversionError(
            f'compressed image of format {stated!r} ({data.size} bytes) is damaged, truncated or '
            'of an unknown codec: JPEG and PNG are read; check the publisher and the network'
        )
    if image.dtype == np.uint16:
        image = _to_8_bits(image)
    # image_transport: 'compressed rgb8' means that red was handed to the codec as blue.
    if re.search(r'compressed rgb', stated):
        return image
    return _recolour(image, cv2.COLOR_BGR2RGB)


def _is_truncated_jpeg(data: NDArray[np.uint8]) -> bool:
    """Return whether a JPEG has no end marker; OpenCV fills the missing part with grey."""
    return data[:2].tobytes() == b'\xff\xd8' and b'\xff\xd9' not in data[-4096:].tobytes()


def _is_plain(message: Image) -> bool:
    """Return whether rows are without padding and little-endian; cv_bridge gets others wrong."""
    channels, bits, _ = _PIXELS[message.encoding]
    return not message.is_bigendian and message.step == message.width * channels * bits // 8


def _recolour(image: NDArray[Any], code: int) -> NDArray[Any]:
    """Convert by OpenCV, which keeps the dtype; its type hints do not say so."""
    return cv2.cvtColor(image, code)


def _to_8_bits(image: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale the full 16-bit range to 0..255, rounded, as cv_bridge does."""
    return cv2.convertScaleAbs(image, alpha=1 / 257).view(np.uint8)


def _rows(message: Image, count: int, row_bytes: int) -> NDArray[np.uint8]:
    """Return the first ``row_bytes`` of each of ``count`` rows, uint8 [count, row_bytes], packed.

    The padding of the last row may be missing, as some drivers leave it out.
    """
    _check_size(message, len(message.data), row_bytes, count)
    data = np.frombuffer(message.data, np.uint8)
    view = np.lib.stride_tricks.as_strided(
        data, (count, row_bytes), (message.step, 1), writeable=False
    )
    return np.ascontiguousarray(view)


def _check_size(message: Image, have: int, row_bytes: int, count: int) -> None:
    shape = f'{message.encoding} image of {message.width}x{message.height} (width x height)'
    if not (message.width and message.height):
        raise ConversionError(f'{shape} is empty: check the camera driver')
    if message.step < row_bytes:
        raise ConversionError(
            f'{shape} has step {message.step}, but a row takes {row_bytes} bytes: the encoding or '
            'the step is wrong; correct it in the camera driver'
        )
    need = message.step * (count - 1) + row_bytes
    if have < need:
        raise ConversionError(
            f'{shape} has {have} bytes of data, it needs {need}: the message is truncated or its '
            'encoding is wrong; check the camera driver'
        )


def _planar_to_rgb(message: Image) -> NDArray[np.uint8]:
    height, width = message.height, message.width
    if message.encoding == 'nv21' and (width % 2 or height % 2):
        raise ConversionError(
            f'nv21 image of {width}x{height} (width x height): both must be even; crop the image '
            'in the camera driver'
        )
    # nv24 stores a row of colour as two rows of ``step``.
    rows = _rows(message, int(height * _PLANAR[message.encoding]), width)
    if message.encoding == 'nv21':
        return _recolour(rows, cv2.COLOR_YUV2RGB_NV21)
    chroma = rows[height:].reshape(height, width, 2).astype(np.float32) - 128
    luma = (rows[:height].astype(np.float32) - 16) * 1.164383
    v, u = chroma[..., 0], chroma[..., 1]
    # ITU-R BT.601, studio range, the one OpenCV uses for the other YUV encodings.
    rgb = np.stack(
        [luma + 1.596027 * v, luma - 0.391762 * u - 0.812968 * v, luma + 2.017232 * u], axis=-1
    )
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


@functools.cache
def _bridge() -> Any:
    from cv_bridge import CvBridge

    return CvBridge()


@functools.cache
def _bridge_encodings() -> frozenset[str]:
    """Return the encodings that the installed cv_bridge converts correctly; found once per process.

    A cv_bridge built against another NumPy fails in many ways, some only at the first call, so a
    small image of each encoding is tried.
    """
    return frozenset(encoding for encoding in _BRIDGE_CANDIDATES if _bridge_is_correct(encoding))


def _bridge_is_correct(encoding: str) -> bool:
    """Return whether cv_bridge converts a small image of this encoding as this module does."""
    channels = _PIXELS[encoding][0]
    pixels = np.arange(8 * 8 * channels, dtype=np.uint8)
    message = Image(height=8, width=8, encoding=encoding, step=8 * channels)
    message.data = array('B', pixels.tobytes())
    try:
        return np.array_equal(convert_with_cv_bridge(message), convert_with_numpy(message))
    except Exception:  # whatever is wrong with it, there is the numpy path
        return False
