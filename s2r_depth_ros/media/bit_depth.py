"""16-bit pixels to 8 bits by what is in them: sensors deliver 10, 12 or 14 bits in 16."""

from __future__ import annotations

import bisect
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# What the converters of sensors have.
_WIDTHS = (8, 10, 12, 14, 16)


class BitDepth:
    """How many bits the 16-bit pixels of one camera use, as seen so far.

    It only grows, so that pictures do not flicker with their brightest pixel. Data whose bits are
    at the upper end fill all 16.

    Attribute ``bits``: 8, 10, 12, 14 or 16.
    """

    def __init__(self) -> None:
        self.bits = _WIDTHS[0]

    def to_8_bits(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return ``pixels`` [H, W, ...], uint16, scaled to 0..255; uint8 is returned as it is."""
        if pixels.dtype == np.uint8:
            return pixels
        seen = int(pixels.max()).bit_length()
        self.bits = max(self.bits, _WIDTHS[bisect.bisect_left(_WIDTHS, seen)])
        scaled = cv2.convertScaleAbs(pixels, alpha=255 / (2**self.bits - 1))
        return np.asarray(scaled, np.uint8).reshape(pixels.shape)
