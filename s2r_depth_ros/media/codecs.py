"""Coded pictures to arrays: one rule for files, messages and recordings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.media import exif, jpeg, png
from s2r_depth_ros.media.picture_size import MOST_PIXELS, stated_size, too_large

# Each costs a pass over the whole picture and may take ten bytes. Encoders write up to some 20.
_MOST_SCANS = 64
# Grey stays grey, 16 bits stay 16 bits, alpha goes; EXIF is looked at here, not by OpenCV, whose
# versions differ.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class CodecError(UserError):
    """A coded picture that cannot be decoded whole: says why, its caller says which one."""


def decode(
    content: bytes, *, upright: bool = False, most_pixels: int = MOST_PIXELS
) -> NDArray[Any]:
    """Return a picture as uint8 or uint16, [H, W] if it is grey, else [H, W, 3] BGR.

    upright: turn it as its EXIF entry says. Right for picture files; camera_info describes the
    sensor's pixels, so images of cameras are taken as they are. Raises CodecError for what is
    empty, foreign, damaged, cut short, of another kind of number, or of more than ``most_pixels``
    pixels; the last without decoding it.
    """
    _check_size(content, most_pixels)
    if content.startswith(jpeg.START):
        image: NDArray[Any] | None = _decode_jpeg(content)
    else:
        image = _decode(_checked_png(content) if content.startswith(png.START) else content)
    if image is None:
        raise CodecError('it is damaged, or of a kind that OpenCV does not decode')
    if image.dtype not in (np.uint8, np.uint16):
        raise CodecError(
            f'a picture of numbers of the type {image.dtype}, as depth and measurements have; '
            'colours are in 8 or 16 bits'
        )
    return exif.upright(image, exif.orientation(content)) if upright else image


def _check_size(content: bytes, most_pixels: int) -> None:
    """Raise CodecError for what states no size, or one that is too large."""
    size = stated_size(content)
    if size is not None:
        if told := too_large(*size, most_pixels):
            raise CodecError(told)
    elif content.startswith(jpeg.START):
        raise CodecError(_why_not(content))
    elif content.startswith(png.START):
        raise CodecError('the PNG is cut short or damaged')
    else:
        raise CodecError(
            'not an image: it is empty or damaged, or no JPEG, PNG, WebP, BMP, TIFF or PNM'
        )


def _decode_jpeg(content: bytes) -> NDArray[Any]:
    scans = jpeg.outline(content).scans
    if scans > _MOST_SCANS:
        raise CodecError(f'the JPEG has {scans} scans, more than {_MOST_SCANS}, as no encoder does')
    image = jpeg.decode_jpeg(content, _decode)
    if image is None:
        raise CodecError(_why_not(content))
    return image


def _checked_png(content: bytes) -> bytes:
    """Return what is to be decoded of a PNG."""
    if not png.is_whole(content):
        raise CodecError('the PNG is cut short')
    return png.without_packed_texts(content)


def _why_not(content: bytes) -> str:
    """Return what is wrong with a JPEG that is not decoded."""
    rare = jpeg.rare_kind(content)
    if rare is None:
        return 'the JPEG is cut short or damaged'
    return f'the JPEG is {rare}: only JPEGs of 8 bits that are not lossless are read'


def _decode(content: bytes) -> NDArray[Any] | None:
    """Decode by OpenCV; None for what it does not read."""
    if not content:
        return None
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS)
    except (cv2.error, MemoryError):
        return None
    return image
