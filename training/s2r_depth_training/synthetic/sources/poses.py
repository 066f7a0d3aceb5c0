"""How far the cameras of a source are turned and raised: as usual, or wider."""

from __future__ import annotations

from dataclasses import dataclass

_LOWEST = 0.1  # m above the floor


@dataclass(frozen=True)
class PoseSpread:
    """Times the usual: the standard deviations of pitch and roll, and the span of heights."""

    pitch: float = 1.0
    roll: float = 1.0
    height: float = 1.0

    def span(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of the heights that usually reach from ``low`` to ``high``, m."""
        more = (self.height - 1) * (high - low) / 2
        return max(low - more, min(low, _LOWEST)), high + more


USUAL = PoseSpread()
POSES = {'usual': USUAL, 'wide': PoseSpread(pitch=2.0, roll=4.0, height=2.2)}
"""By name. Wide are those of legged robots, of drones, and of cameras that are mounted askew."""
