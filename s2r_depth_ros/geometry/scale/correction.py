"""How unscaled depth becomes true depth: a factor that may change with depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KNOTS = np.geomspace(0.25, 64.0, 17)
"""Unscaled depths, metres, between which the log factor is a straight line in log depth."""
LOG_KNOTS = np.log(KNOTS)
LEAST_SLOPE = 0.2
"""Least growth of log true depth with log unscaled depth: what is farther stays farther."""

# A float32 without its sign and its last 13 bits of mantissa counts 1024 steps from one power of
# two to the next: an index that grows with log depth, without a logarithm for each pixel.
_SHIFT = 13
_FIRST, _LAST = (int(np.float32(d).view(np.int32)) >> _SHIFT for d in (KNOTS[0], KNOTS[-1]))


@dataclass(frozen=True)
class Correction:
    """True depth = unscaled depth * exp(log factor), which is constant beyond the outer knots.

    log_factors: one for each of KNOTS. True depth grows with unscaled depth.
    Raises ValueError for another number of them, or one that is not finite.
    """

    log_factors: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.log_factors) != len(KNOTS) or not np.isfinite(self.log_factors).all():
            raise ValueError(
                f'log_factors are {self.log_factors}; give {len(KNOTS)} finite numbers'
            )

    @classmethod
    def constant(cls, scale: float) -> Correction:
        """Return the correction by one factor. Raises ValueError unless it is above 0."""
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f'the scale is {scale}; it must be a number above 0')
        return cls((math.log(scale),) * len(KNOTS))

    @property
    def is_constant(self) -> bool:
        """Return whether all depths are scaled alike."""
        return len(set(self.log_factors)) == 1

    def log_factor(self, log_depth: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log factor at log unscaled depths (log of metres), any shape."""
        return np.interp(log_depth, LOG_KNOTS, self.log_factors)

    def apply(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return true depth for unscaled depth, float32 of any shape, metres; NaN stays NaN.

        A curve is looked up in a table of steps of 0.1 % of the depth: exact to 0.05 % where the
        factor changes as fast as depth does, and to as many times that as it changes faster.
        """
        if self.is_constant:
            return depth * np.float32(math.exp(self.log_factors[0]))
        index = np.ascontiguousarray(depth).view(np.int32) >> _SHIFT
        return depth * np.take(self._table(), index - _FIRST, mode='clip')

    def _table(self) -> NDArray[np.float32]:
        """Return the factor for every index from that of the first knot to that of the last."""
        middles = (np.arange(_FIRST, _LAST + 1, dtype=np.int32) << _SHIFT) + (1 << _SHIFT - 1)
        log_depth = np.log(middles.view(np.float32).astype(np.float64))
        return np.exp(self.log_factor(log_depth)).astype(np.float32)


def monotone(log_factors: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest log factors at KNOTS with which depth grows at least by LEAST_SLOPE.

    By pooling adjacent violators (Ayer et al., 1955), all knots weighing alike.
    """
    ramp = (1 - LEAST_SLOPE) * LOG_KNOTS
    values = np.asarray(log_factors, np.float64) + ramp
    if (np.diff(values) >= 0).all():
        return values - ramp
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    return np.repeat([mean for mean, _ in blocks], [count for _, count in blocks]) - ramp
