"""Depth images of other cameras in metres (REP-118), from any object with an Image's fields."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.pixels import ConversionError, RawImage, rows_of


class _Depth(NamedTuple):
    """How depths lie: a pixel's type without byte order, and how many of its units are a metre."""

    type: str
    per_metre: float


_ENCODINGS = {
    '16UC1': _Depth('u2', 1000.0),
    'mono16': _Depth('u2', 1000.0),
    '32FC1': _Depth('f4', 1.0),
    '64FC1': _Depth('f8', 1.0),
}
_CANONICAL = {name.lower(): name for name in _ENCODINGS}


def depth_in_metres(image: RawImage) -> NDArray[np.float32]:
    """Return a depth image as float32 [H, W] metres, whatever its row step and byte order.

    0, negative and NaN are unknown, and NaN. Raises ConversionError for an encoding that is no
    depth, and for data that do not fit the stated size.
    """
    name = _CANONICAL.get(image.encoding.strip().lower())
    if name is None:
        raise ConversionError(
            f'image encoding {image.encoding!r} is no depth: it must be one of '
            f'{", ".join(_ENCODINGS)} (millimetres in 16 bits, else metres)'
        )
    depth = _ENCODINGS[name]
    kind = np.dtype(('>' if image.is_bigendian else '<') + depth.type)
    values = rows_of(image, image.height, image.width * kind.itemsize).view(kind)
    with np.errstate(over='ignore', invalid='ignore'):
        metres = values.astype(np.float32) / np.float32(depth.per_metre)
        return np.where(metres > 0, metres, np.float32('nan'))
