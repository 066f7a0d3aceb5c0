"""Pictures of depth and of the network's maps for people to look at."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

# Percentiles of inverse depth that bound the colours when no range is given: robust to specks.
_FAR_PERCENTILE, _NEAR_PERCENTILE = 2, 98
_SAMPLES = 5_000


def colorize_depth(
    depth: NDArray[np.float32], near: float | None = None, far: float | None = None
) -> NDArray[np.uint8]:
    """Return uint8 RGB [H, W, 3]: turbo over inverse depth, near red, far blue, invalid black.

    depth: float [H, W] metres, NaN (or not positive) where invalid. near, far: metres at the ends
    of the colours; None takes that end from this frame's own robust range. Distances outside get
    the colour of the nearer end. Raises ValueError unless 0 < near < far where given.
    """
    low_end, high_end = 0.0 if near is None else near, np.inf if far is None else far
    if not low_end < high_end or (near is not None and near <= 0):
        raise ValueError(f'the colour range needs 0 < near < far, not near {near}, far {far}')
    with np.errstate(divide='ignore', invalid='ignore'):
        inverse = np.where(depth > 0, 1 / depth, np.nan).astype(np.float32)
    valid = np.isfinite(inverse)
    low, high = _bounds(inverse, near, far)
    with np.errstate(invalid='ignore'):
        return _apply((inverse - low) / max(high - low, 1e-9), valid, cv2.COLORMAP_TURBO)


def colorize_map(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return uint8 RGB [H, W, 3] of a map in [0, 1] (clipped): viridis, NaN black."""
    return _apply(values, np.isfinite(values), cv2.COLORMAP_VIRIDIS)


def _bounds(
    inverse: NDArray[np.float32], near: float | None, far: float | None
) -> tuple[float, float]:
    """Return inverse depth at the far and at the near end of the colours."""
    low, high = 0.0, 1.0
    if near is None or far is None:
        step = max(1, inverse.size // _SAMPLES)
        while math.gcd(step, inverse.shape[1]) > 1:  # else only some columns would be looked at
            step += 1
        sample = inverse.ravel()[::step]
        if np.isfinite(sample).mean() < 0.1:  # few pixels are valid: look at each
            sample = inverse.ravel()
        sample = sample[np.isfinite(sample)]
        if sample.size:
            # Python floats: NumPy's would turn the whole picture into float64.
            low, high = np.percentile(sample, (_FAR_PERCENTILE, _NEAR_PERCENTILE)).tolist()
    return (low if far is None else 1 / far), (high if near is None else 1 / near)


def _apply(
    values: NDArray[np.float32], valid: NDArray[np.bool_], colours: int
) -> NDArray[np.uint8]:
    """Return the colours of ``values``, clipped to [0, 1], black where not ``valid``."""
    levels = np.where(valid, np.clip(values, 0, 1) * 255 + 0.5, 0).astype(np.uint8)
    rgb = cv2.cvtColor(cv2.applyColorMap(levels, colours), cv2.COLOR_BGR2RGB)
    rgb[~valid] = 0
    return np.asarray(rgb, np.uint8)
