"""Coded pictures to arrays: one rule for files, messages and recordings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.media import exif, jpeg

_PNG = b'\x89PNG'
# Grey stays grey, 16 bits stay 16 bits, alpha goes; EXIF is looked at here, not by OpenCV, whose
# versions differ.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class CodecError(UserError):
    """A coded picture that cannot be decoded whole: says why, its caller says which one."""


def decode(content: bytes, *, upright: bool = False) -> NDArray[Any]:
    """Return a picture as uint8 or uint16, [H, W] if it is grey, else [H, W, 3] BGR.

    upright: turn it as its EXIF entry says. Right for picture files; camera_info describes the
    sensor's pixels, so images of cameras are taken as they are. Raises CodecError for what is
    empty, foreign, damaged, cut short, or of another kind of number.
    """
    if content.startswith(jpeg.START):
        image = jpeg.decode_jpeg(content, _decode)
        if image is None:
            raise CodecError(_why_not(content))
    else:
        if content.startswith(_PNG) and b'IEND' not in (k for k, _ in exif.png_chunks(content)):
            raise CodecError('the PNG is cut short')
        image = _decode(content)
    if image is None:
        raise CodecError(
            'not an image that OpenCV can decode: damaged, of another kind, or of more than 2^30 '
            'pixels'
        )
    if image.dtype not in (np.uint8, np.uint16):
        raise CodecError(
            f'a picture of numbers of the type {image.dtype}, as depth and measurements have; '
            'colours are in 8 or 16 bits'
        )
    return exif.upright(image, exif.orientation(content)) if upright else image


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
