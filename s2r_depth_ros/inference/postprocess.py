"""Depth images in metres: masking a range, and millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The farthest distance (metres) that a 16-bit millimetre image can hold.
MILLIMETRE_LIMIT = 65.535


def mask_range(
    depth: NDArray[np.float32], min_depth: float, max_depth: float
) -> NDArray[np.float32]:
    """Return a copy of ``depth`` (float32 metres) with NaN outside [min_depth, max_depth]."""
    inside = (depth >= min_depth) & (depth <= max_depth)
    return np.where(inside, depth, np.float32(np.nan)).astype(np.float32, copy=False)


def depth_to_millimetres(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return ``depth`` (float metres) as uint16 millimetres (REP-118), rounded; 0 means invalid.

    Invalid are NaN, what is not positive, and what is beyond 65.535 m: clipped to that limit it
    would look like a wall.
    """
    with np.errstate(over='ignore'):
        millimetres = np.rint(depth * np.float32(1000))
    fits = (millimetres > 0) & (millimetres <= np.iinfo(np.uint16).max)
    return np.where(fits, millimetres, 0).astype(np.uint16)
