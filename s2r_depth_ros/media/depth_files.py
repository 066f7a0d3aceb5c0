"""Depth images in files: pictures of whole numbers, mostly PNGs of 16 bits, and NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.checks import SourceError, check_path
from s2r_depth_ros.media.sources import read_picture

Numbers = type[np.uint8] | type[np.uint16]


def read_depth_file(
    path: Path, unit: float, *, numbers: Numbers = np.uint16, sky: int | None = None
) -> NDArray[np.float32]:
    """Return the depth in a picture file, float32 [H, W], m, 0 = unknown.

    unit: m. numbers: of what type they are. sky: the least number that stands for none. Raises
    SourceError naming the file for one that cannot be read or holds something else.
    """
    pixels = read_numbers(path, numbers)
    depth = pixels.astype(np.float32) * np.float32(unit)
    if sky is not None:
        depth[pixels >= sky] = 0
    return depth


def read_numbers(path: Path, numbers: Numbers = np.uint16) -> NDArray[Any]:
    """Return the numbers in a picture file, [H, W], as ``read_depth_file`` does."""
    pixels = read_picture(path)
    # Some write the same number into three channels.
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim != 2 or pixels.dtype != numbers:
        bits = 8 * np.dtype(numbers).itemsize
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        raise SourceError(
            f'{path} holds {8 * pixels.itemsize} bits in {channels} channels; depth is {bits} bits '
            'in one: give the depth image itself, not a picture of it'
        )
    return np.ascontiguousarray(pixels)


def read_array(path: Path) -> NDArray[Any]:
    """Return the array in a .npy file, [H, W]; axes of length 1 about it are dropped.

    Raises SourceError naming the file for one that cannot be read or holds something else.
    """
    check_path(path)
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise SourceError(f'{path} is no array in an npy file: {error}') from error
    shape = np.shape(values)
    if isinstance(values, np.ndarray) and len(shape) > 2:
        # Of one image and one channel.
        values = values.reshape([side for side in shape if side > 1])
    if not isinstance(values, np.ndarray) or values.ndim != 2 or not values.size:
        raise SourceError(f'{path} holds {shape}; a depth map is (height, width)')
    return values
