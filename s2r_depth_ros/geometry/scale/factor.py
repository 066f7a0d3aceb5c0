"""The one factor that most anchors agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTLIER_MADS = 3.0
"""Log ratios farther from their median than this many scaled deviations do not count."""

MAD_TO_DEVIATION = 1.4826
"""Times the median deviation from the median is the standard deviation of a normal distribution."""

_LEAST_SPREAD = 0.1  # more agreement than this is a wall that fills the view: the rest counts, too
_ROUNDS = 10


@dataclass(frozen=True)
class Factor:
    """log_scale: the median of the log ratios that count. spread: their scaled median deviation.

    kept: bool [N], which count.
    """

    log_scale: float
    spread: float
    kept: NDArray[np.bool_]


def robust_factor(log_ratio: NDArray[np.float64]) -> Factor:
    """Return the factor of one or more log ratios [N], finite, without outliers.

    The median, then again without what is beyond OUTLIER_MADS of it, until nothing changes.
    """
    kept: NDArray[np.bool_] = np.ones(len(log_ratio), bool)
    for _ in range(_ROUNDS):
        centre = float(np.median(log_ratio[kept]))
        distance = np.abs(log_ratio - centre)
        spread = max(MAD_TO_DEVIATION * float(np.median(distance[kept])), _LEAST_SPREAD)
        before, kept = kept, distance <= OUTLIER_MADS * spread
        if (kept == before).all():
            break
    return Factor(centre, spread, kept)
