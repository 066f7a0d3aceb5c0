"""Text in pictures for people, and the colours that such pictures share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BACKGROUND, TEXT, DIM = (24, 26, 31), (236, 238, 242), (150, 156, 168)


def write(
    sheet: NDArray[np.uint8],
    text: str,
    origin: tuple[int, int],
    size: float,
    color: tuple[int, int, int],
    thickness: int = 1,
) -> None:
    """Write text with its baseline at ``origin`` (x, y); the font knows ASCII only."""
    text = text.encode('ascii', 'replace').decode()
    cv2.putText(sheet, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, color, thickness, cv2.LINE_AA)
