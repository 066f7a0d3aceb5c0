"""Depths that are too near, too far, or sky, as REP-117 writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.filling import fill
from s2r_depth_ros.geometry.settings import check_between, check_order

SKY_SHARE = 0.5
"""Of the farthest depth that a model can give: what an outdoor model says is farther, is sky. On
rendered streets 89 % of the sky and 0.8 % of what is not sky (benchmarks/cloud_filters.py)."""


@dataclass(frozen=True)
class RangeLimits:
    """minimum, maximum: depths that are kept, m along the optical axis. Raises FilterError."""

    minimum: float = 0.0
    maximum: float = math.inf

    def __post_init__(self) -> None:
        check_between('min_depth', self.minimum, 0.0)
        check_order('min_depth', self.minimum, 'max_depth', self.maximum)

    def without_sky(self, farthest: float) -> RangeLimits:
        """Return the limits that also make sky too far.

        farthest: the depth that the model's output ends at, m, after all corrections of scale.
        Where sky begins nearer than ``minimum``, nothing is left.
        """
        beyond = math.nextafter(self.minimum, math.inf)
        return RangeLimits(self.minimum, min(self.maximum, max(SKY_SHARE * farthest, beyond)))

    def apply(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Set what is too near to -inf and what is too far to +inf in place; return ``depth``.

        depth: float32 [H, W], m. So REP-117 wants it: a robot may take +inf for free space and
        must not take -inf or NaN for it. NaN and infinite depths stay as they are.
        """
        if self.maximum < math.inf:
            fill(depth, math.inf, depth > np.float32(self.maximum))
        if self.minimum > 0:
            fill(depth, -math.inf, depth < np.float32(self.minimum))
        return depth
