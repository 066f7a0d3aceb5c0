"""The pixels of raw camera images to RGB: every encoding of sensor_msgs that is a picture.

Takes the fields of sensor_msgs/Image from any object that has them: messages, recordings, clips.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.media.bit_depth import BitDepth


class ConversionError(UserError):
    """A camera message that cannot be read: names the encoding and the remedy."""


class RawImage(Protocol):
    """The fields of sensor_msgs/Image, of rclpy or of a recording."""

    height: int
    width: int
    encoding: str
    step: int
    is_bigendian: Any
    data: Any


class Pixel(NamedTuple):
    """How the pixels of an encoding lie.

    bits: of a channel. code: OpenCV's conversion to RGB; None: it is RGB already. pair: two
    neighbours share their colour.
    """

    channels: int
    bits: int
    code: int | None
    pair: bool = False


# 8UCn and 16UCn are raw OpenCV matrices, whose colours are BGR by convention. 16UC1 is not among
# them: it is what depth images are published as (REP 118).
PIXELS: dict[str, Pixel] = {
    'rgb8': Pixel(3, 8, None),
    'bgr8': Pixel(3, 8, cv2.COLOR_BGR2RGB),
    'rgba8': Pixel(4, 8, cv2.COLOR_RGBA2RGB),
    'bgra8': Pixel(4, 8, cv2.COLOR_BGRA2RGB),
    'mono8': Pixel(1, 8, cv2.COLOR_GRAY2RGB),
    'rgb16': Pixel(3, 16, None),
    'bgr16': Pixel(3, 16, cv2.COLOR_BGR2RGB),
    'rgba16': Pixel(4, 16, cv2.COLOR_RGBA2RGB),
    'bgra16': Pixel(4, 16, cv2.COLOR_BGRA2RGB),
    'mono16': Pixel(1, 16, cv2.COLOR_GRAY2RGB),
    '8UC1': Pixel(1, 8, cv2.COLOR_GRAY2RGB),
    '8UC3': Pixel(3, 8, cv2.COLOR_BGR2RGB),
    '8UC4': Pixel(4, 8, cv2.COLOR_BGRA2RGB),
    '16UC3': Pixel(3, 16, cv2.COLOR_BGR2RGB),
    '16UC4': Pixel(4, 16, cv2.COLOR_BGRA2RGB),
    # Packed 4:2:2, two bytes a pixel; sensor_msgs' yuv422 is UYVY.
    'yuv422': Pixel(2, 8, cv2.COLOR_YUV2RGB_UYVY, pair=True),
    'uyvy': Pixel(2, 8, cv2.COLOR_YUV2RGB_UYVY, pair=True),
    'yuv422_yuy2': Pixel(2, 8, cv2.COLOR_YUV2RGB_YUY2, pair=True),
    'yuyv': Pixel(2, 8, cv2.COLOR_YUV2RGB_YUY2, pair=True),
}
# OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first two.
for _pattern, _code in {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}.items():
    PIXELS[f'bayer_{_pattern}8'] = Pixel(1, 8, _code)
    PIXELS[f'bayer_{_pattern}16'] = Pixel(1, 16, _code)

# A full plane of brightness, then one of interleaved colour (V4L2's names): Cb first, in nv21 Cr
# first. Of nv12 and nv21 (4:2:0) four pixels share a colour, of nv24 (4:4:4) each has its own, in
# twice ``step`` bytes a row. OpenCV's conversion; None: made here.
_PLANAR: dict[str, int | None] = {
    'nv12': cv2.COLOR_YUV2RGB_NV12,
    'nv21': cv2.COLOR_YUV2RGB_NV21,
    'nv24': None,
}

ENCODINGS = (*PIXELS, *_PLANAR)
_CANONICAL = {name.lower(): name for name in ENCODINGS}
_MATRIX = re.compile(r'(8|16|32|64)[usf]c\d*', re.IGNORECASE)


def encoding_of(name: str) -> str:
    """Return the key of ENCODINGS that ``name`` means, in any case and with blanks around it.

    Raises ConversionError for what is no picture, depth images above all, and what is not known.
    """
    known = _CANONICAL.get(name.strip().lower())
    if known is not None:
        return known
    shown = repr(brief(name, 100))
    if _MATRIX.fullmatch(name.strip()):
        raise ConversionError(
            f'image encoding {shown} is not a colour encoding: it holds measurements, such as '
            "depth (16UC1, 32FC1), so remap image to the camera's colour topic; if it is a "
            'picture, have the camera driver say so (mono16 for 16-bit grey)'
        )
    raise ConversionError(
        f'image encoding {shown} is not a colour encoding that is known here: have the '
        f'camera driver publish one of {", ".join(ENCODINGS)}'
    )


def image_to_rgb(image: RawImage, bits: BitDepth | None = None) -> NDArray[np.uint8]:
    """Return a raw image as contiguous uint8 [H, W, 3] RGB, whatever its row step and byte order.

    bits: of the camera that the image is from, by which 16-bit pixels are scaled; None: of this
    image alone. Raises ConversionError for an encoding that has no picture in it, and for data that
    do not fit the stated size.
    """
    encoding = encoding_of(image.encoding)
    if encoding in _PLANAR:
        return _planar_to_rgb(image, encoding)
    pixel = PIXELS[encoding]
    width = _whole_pairs(image) if pixel.pair else image.width
    item = pixel.bits // 8
    rows = rows_of(image, image.height, width * pixel.channels * item)
    values = rows.view(('>' if image.is_bigendian else '<') + f'u{item}').astype(f'u{item}')
    values = values.reshape(image.height, width, pixel.channels)
    rgb = pixels_to_rgb(values, encoding, bits or BitDepth())
    return np.ascontiguousarray(rgb[:, : image.width])


def pixels_to_rgb(values: NDArray[Any], encoding: str, bits: BitDepth) -> NDArray[np.uint8]:
    """Return pixels [H, W, channels] of a key of PIXELS, uint8 or uint16, as uint8 [H, W, 3] RGB.

    bits: as for ``image_to_rgb``.
    """
    code = PIXELS[encoding].code
    if values.dtype == np.uint16 and PIXELS[encoding].channels == 4:
        # Alpha has no part in how bright the picture is.
        values, code = values[..., :3], None if code == cv2.COLOR_RGBA2RGB else cv2.COLOR_BGR2RGB
    levels = bits.to_8_bits(np.ascontiguousarray(values))
    return levels if code is None else np.asarray(cv2.cvtColor(levels, code), np.uint8)


def decoded_to_rgb(
    values: NDArray[Any], bits: BitDepth | None = None, *, swapped: bool = False
) -> NDArray[np.uint8]:
    """Return a decoded picture, grey [H, W] or BGR [H, W, 3] (see ``codecs``), as RGB.

    bits: as for ``image_to_rgb``. swapped: it is RGB.
    """
    if values.ndim == 2:
        return pixels_to_rgb(values[..., None], 'mono8', bits or BitDepth())
    return pixels_to_rgb(values, 'rgb8' if swapped else 'bgr8', bits or BitDepth())


def rows_of(image: RawImage, count: int, row_bytes: int) -> NDArray[np.uint8]:
    """Return the first ``row_bytes`` of each of ``count`` rows, uint8 [count, row_bytes], packed.

    The padding of the last row may be missing, as some drivers leave it out. Raises
    ConversionError if the step or the data are too short.
    """
    check_size(image, count, row_bytes)
    data = np.frombuffer(image.data, np.uint8)
    view = np.lib.stride_tricks.as_strided(
        data, (count, row_bytes), (image.step, 1), writeable=False
    )
    return np.ascontiguousarray(view)


def check_size(image: RawImage, count: int, row_bytes: int) -> None:
    """Raise ConversionError unless ``count`` rows of ``row_bytes`` are in the image's data."""
    shape = f'{image.encoding} image of {image.width}x{image.height} (width x height)'
    if not (image.width and image.height):
        raise ConversionError(f'{shape} is empty: check the camera driver')
    if image.step < row_bytes:
        raise ConversionError(
            f'{shape} has step {image.step}, but a row takes {row_bytes} bytes: the encoding or '
            'the step is wrong; correct it in the camera driver'
        )
    have, need = len(image.data), image.step * (count - 1) + row_bytes
    if have < need:
        raise ConversionError(
            f'{shape} has {have} bytes of data, it needs {need}: the message is truncated or its '
            'encoding is wrong; check the camera driver'
        )


def _whole_pairs(image: RawImage) -> int:
    """Return the width in whole pairs of pixels. Raises ConversionError if a row ends in half."""
    width = image.width + image.width % 2
    if image.width % 2 and image.step < 2 * width:
        raise ConversionError(
            f'{image.encoding} image of odd width {image.width}: two pixels share their '
            f'colour, so a row takes {2 * width} bytes, but step is {image.step}; crop the image '
            'to an even width in the camera driver'
        )
    return width


def _planar_to_rgb(image: RawImage, encoding: str) -> NDArray[np.uint8]:
    height, width = image.height, image.width
    code = _PLANAR[encoding]
    if code is None:
        check_size(image, 3 * height, width)
        data = np.frombuffer(image.data, np.uint8)[: 3 * height * image.step]
        data = np.pad(data, (0, 3 * height * image.step - data.size))
        luma = data[: height * image.step].reshape(height, -1)[:, :width]
        # Twice the bytes a row, padding too.
        chroma = data[height * image.step :].reshape(height, -1)[:, : 2 * width]
        chroma = chroma.reshape(height, width, 2)
        # Each pixel as a pair of two equal ones, of which OpenCV converts one by one.
        pairs = np.stack([chroma[..., 0], luma, chroma[..., 1], luma], axis=-1)
        rgb = cv2.cvtColor(pairs.reshape(height, 2 * width, 2), cv2.COLOR_YUV2RGB_UYVY)
        return np.ascontiguousarray(rgb[:, ::2], np.uint8)
    even_height, even_width = height + height % 2, width + width % 2
    if width % 2 and image.step < even_width:
        raise ConversionError(
            f'{encoding} image of odd width {width}: two pixels share their colour, so a row of '
            f'colour takes {even_width} bytes, but step is {image.step}; crop the image to an '
            'even width in the camera driver'
        )
    rows = rows_of(image, height + even_height // 2, even_width)
    if height % 2:
        rows = np.insert(rows, height, rows[height - 1], axis=0)
    return np.ascontiguousarray(cv2.cvtColor(rows, code)[:height, :width], np.uint8)
