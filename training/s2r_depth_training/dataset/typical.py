"""Which depths are typical of what a small network will see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def depths_are_typical(depth: NDArray[np.floating], scale: float, limits: Sequence[float]) -> bool:
    """Return whether the depths of a view are within limits.

    depth: [H, W], m, 0 where unknown or sky; a quarter of it must be known. scale: of the depths
    that the limits are for, to these. limits: least and largest median, m, and the largest 95th
    percentile over the median.
    """
    known = depth[depth > 0] * scale
    if known.size < depth.size / 4:
        return False
    least, largest, ratio = limits
    median, far = np.percentile(known, (50, 95))
    return bool(least <= median <= largest and far <= ratio * median)
