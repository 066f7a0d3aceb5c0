"""Where down is, from what an inertial measurement unit measures (REP-145)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.rigid import rotation_of_quaternion

Direction = NDArray[np.float64]
"""[3], of unit length."""

STANDARD_GRAVITY = 9.80665  # m/s^2
_MOST_OFF = 0.1  # of the acceleration's norm from that; more is a movement
_TIME_CONSTANT = 0.5  # s, of the low pass of accelerations
_LONGEST_GAP = 1.0  # s; after a longer one the low pass begins again
_REMEMBERED = 512  # measurements: more than a second of the fastest units


def down_from_orientation(quaternion: Sequence[float]) -> Direction | None:
    """Return down in the unit's frame, None for a quaternion (x, y, z, w) that is no rotation.

    The orientation is that of the unit in a world whose z is up.
    """
    try:
        rotation = rotation_of_quaternion(quaternion)
    except ValueError:
        return None
    return -rotation[2]


class AccelerationFilter:
    """Down from accelerations: at rest a unit measures gravity's reaction, which points up.

    A low pass over the directions; measurements whose norm is more than 10 % off gravity's are left
    out, as the unit is moving.
    """

    def __init__(self) -> None:
        self._up: Direction | None = None
        self._stamp = 0.0

    def add(self, stamp: float, acceleration: Sequence[float] | Direction) -> Direction | None:
        """Return down in the unit's frame, None if this measurement does not tell.

        stamp: s. acceleration: m/s^2 along x, y, z, with gravity.
        """
        norm = math.hypot(*acceleration)
        if not abs(norm / STANDARD_GRAVITY - 1) <= _MOST_OFF:
            return None
        up = np.asarray(acceleration, np.float64) / norm
        passed = stamp - self._stamp
        if self._up is not None and 0 <= passed <= _LONGEST_GAP:
            up = self._up + (up - self._up) * -math.expm1(-passed / _TIME_CONSTANT)
            up /= max(float(np.linalg.norm(up)), 1e-9)
        self._up, self._stamp = up, stamp
        return -up


class DownHistory:
    """Directions of down and their stamps; those of the future, as seen from a new one, are gone.

    So a recording that begins again, or simulated time, begins a new history.
    """

    def __init__(self) -> None:
        self._entries: deque[tuple[float, Direction]] = deque(maxlen=_REMEMBERED)

    def add(self, stamp: float, down: Direction) -> None:
        """Remember a direction; stamp: s."""
        while self._entries and self._entries[-1][0] >= stamp:
            self._entries.pop()
        self._entries.append((stamp, down))

    def nearest(self, stamp: float) -> tuple[float, Direction] | None:
        """Return stamp and direction of the measurement nearest in time, None if there is none."""
        return min(list(self._entries), key=lambda entry: abs(entry[0] - stamp), default=None)
