"""Writes one value into some pixels of an image, in place."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray


def fill(depth: NDArray[np.float32], value: float, where: NDArray[np.bool_]) -> None:
    """Set ``depth`` (float32 [H, W]) to ``value`` in place where ``where`` (bool [H, W])."""
    if depth.flags.c_contiguous and depth.size:
        cv2.copyTo(_everywhere(value, depth.shape), where.view(np.uint8), depth)
    else:  # OpenCV, several times faster, would write to a copy
        np.copyto(depth, np.float32(value), where=where)


# By the text of the value: NaN is not equal to itself.
def _everywhere(value: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return _image_of(str(value), shape)


@functools.lru_cache(maxsize=6)
def _image_of(value: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.full(shape, float(value), np.float32)
