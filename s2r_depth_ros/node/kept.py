"""What is made once and kept until something else is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar('T')

_SAME_POSE = 0.002  # of each number of a transform: metres, and of rotation matrices


class Kept(Generic[T]):
    """The last thing that was made, and the key that it was made for."""

    def __init__(self) -> None:
        self._last: tuple[object, T] | None = None

    def get(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made last if that was for an equal key, else make it anew."""
        if self._last is None or self._last[0] != key:
            self._last = None  # whatever make raises: the old one is not that of the key
            self._last = key, make()
        return self._last[1]

    def forget(self) -> None:
        """Make it anew next time."""
        self._last = None


class KeptPose:
    """A transform that jitters is the same until it is 2 mm or a tenth of a degree off."""

    def __init__(self) -> None:
        self._pose = np.eye(4)

    def near(self, pose: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the transform [4, 4] that was kept if it is close to ``pose``, else that."""
        if np.abs(pose - self._pose).max() > _SAME_POSE:
            self._pose = pose
        return self._pose
