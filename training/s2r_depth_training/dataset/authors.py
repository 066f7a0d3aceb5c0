"""What the authors do to a frame: mixed bicubically, turned, darkened (docs/paper.md).

Here for experiments that follow theirs; windows and sizes are those of augmentation.py.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from s2r_depth_ros.inference.preprocessing import resize_uint8
from s2r_depth_training.dataset.augmentation import Image, Rng, Window
from s2r_depth_training.errors import DataError

_SKY = 655.35  # m: what Virtual KITTI has for sky, which is mixed like any depth
_NEAREST = 1e-4  # m: of what overshoots beside the sky, so that it is neither sky nor known
_LEFT = 0.1  # of the known pixels, or their depth is a lidar's
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of R, G and B, ITU-R BT.601


def bicubic_colour(
    rgb: NDArray[np.uint8], window: Window, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a window of uint8 [H, W, 3] at ``size`` = (height, width), resized as Pillow does."""
    image = torch.from_numpy(np.array(_cut(rgb, window))).permute(2, 0, 1)[None]
    return resize_uint8(image, size, 'bicubic')[0].permute(1, 2, 0).numpy()


def bicubic_depth(
    depth: NDArray[np.floating], window: Window, size: tuple[int, int], zero_is_sky: bool
) -> NDArray[np.float32]:
    """Return a window of depth [H, W], m, at ``size``; 0 is sky or unknown, before and after.

    Sky is mixed as 655.35 m. What would be mixed with unknown depth is unknown. Raises DataError
    where that leaves hardly any.
    """
    metres = np.array(_cut(depth, window), np.float32)
    missing = ~(metres > 0)
    metres[missing] = _SKY if zero_is_sky else 0
    both = torch.from_numpy(np.stack([metres, missing.astype(np.float32)]))[None]
    mixed, share = functional.interpolate(both, size, mode='bicubic', antialias=True)[0].numpy()
    gone = share > 0.5 if zero_is_sky else np.abs(share) > 1e-6
    if not zero_is_sky:
        _check_dense(1 - missing.mean(), 1 - gone.mean(), 'resize: bicubic', 'area')
    return np.where(gone, np.float32(0), np.maximum(mixed, np.float32(_NEAREST)))


def turned(rgb: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Return uint8 [H, W, 3], turned counter-clockwise about its middle; corners are black."""
    return _turned(rgb, degrees, cv2.INTER_CUBIC, 0)


def turned_depth(
    depth: NDArray[np.float32], weight: NDArray[np.float32], degrees: float, nearest: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return depth, m, and its weight, both [H, W], turned as ``turned`` does.

    Corners are ``nearest`` m away, with weight 1: the authors learn them so. Where unknown depth is
    mixed in the weight is 0. Raises DataError where that leaves hardly any.
    """
    if not degrees:
        return depth, weight
    known = _turned((weight > 0).astype(np.float32), degrees, cv2.INTER_CUBIC, 1)
    weights = _turned(weight, degrees, cv2.INTER_NEAREST, 1)
    metres = _turned(depth, degrees, cv2.INTER_CUBIC, nearest)
    metres = np.clip(metres, nearest, max(nearest, float(depth.max())))
    weights = np.where(np.abs(known - 1) < 1e-3, weights, np.float32(0))
    inside = _turned(np.ones_like(weight), degrees, cv2.INTER_NEAREST, 0) > 0
    _check_dense((weight > 0).mean(), (inside & (weights > 0)).mean(), 'rotation', '0')
    return metres, weights


def darkened(image: Image, rng: Rng) -> Image:
    """Return [H, W, 3] in [0, 1] with brightness, contrast and saturation times 0.8 to 1, each."""
    brightness, contrast, saturation = rng.uniform(0.8, 1.0, 3).astype(np.float32)
    image = image * brightness
    mean = (image @ _GREY).mean()
    image = mean + (image - mean) * contrast
    grey = (image @ _GREY)[..., None]
    return grey + (image - grey) * saturation


def _check_dense(before: float, after: float, key: str, instead: str) -> None:
    """Raise DataError if mixing, by a key of the data, left hardly any of the known pixels."""
    if after < _LEFT * before:
        raise DataError(
            f'the depth of a frame is too sparse for data.{key}, which mixes neighbours that '
            f'are all known; use {instead}'
        )


def _cut(array: NDArray[Any], window: Window) -> NDArray[Any]:
    top, left, height, width = window
    return array[top : top + height, left : left + width]


def _turned(array: NDArray[Any], degrees: float, how: int, outside: float) -> NDArray[Any]:
    if not degrees:
        return array
    height, width = array.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(array), matrix, (width, height),
            flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=outside,
        )
    )  # fmt: skip
