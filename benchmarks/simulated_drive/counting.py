"""What is counted on a drive: a costmap against the truth, frame by frame."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulated_drive.frames import BLOCKED, RATE, Frame
from simulated_drive.grid import Mask, widened
from simulated_drive.paths import STEP
from simulated_drive.rooms import Room
from simulated_drive.truth import TOLERANCE, Seen

LOOSE = 0.2
"""The second tolerance, m."""
_AHEAD = 1.0  # m of the way that a robot looks at before it drives on
_LEFT = 0.1  # share of what was marked; with less left it counts as cleared


class Figures(NamedTuple):
    """Of one room. NaN: there was nothing to count.

    missed, missed_loose: share of the cells of obstacles, of those that the camera sees just now,
    with no lethal cell within TOLERANCE or LOOSE. false, false_loose: share of the cells of free
    floor that it sees just now, no nearer than that to an obstacle, that are lethal. Both over the
    frames in which the robot drives. stopped: share of these frames with a lethal cell less than
    the robot's radius from the next metre of its way, which is free. noticed: share of the cells of
    who stood in the way that were marked, within TOLERANCE. cleared: seconds after he left until
    less than a tenth of these marks is left, infinite if that is never so. left: share of them in
    the end, before the robot drives.
    """

    missed: float
    missed_loose: float
    false: float
    false_loose: float
    stopped: float
    noticed: float
    cleared: float
    left: float


class Tally:
    """Counts on one drive. radius: of the robot, m."""

    def __init__(self, room: Room, radius: float) -> None:
        self._room, self._radius = room, radius
        self._missed, self._seen, self._false, self._free = np.zeros((4, 2))
        self._stopped: list[bool] = []
        self._open = ~widened(room.obstacles, LOOSE)
        self._noticed, self._left, self._cleared = math.nan, math.nan, math.inf
        self._marks: Mask = np.zeros(room.grid.shape, bool)

    def add(self, frame: Frame, seen: Seen, lethal: Mask) -> None:
        """Count after a frame. lethal: the costmap's cells."""
        if frame.moving:
            self._count(seen, lethal)
            self._stopped.append(self._is_blocked(frame, lethal))
        elif frame.number == BLOCKED - 1:
            self._remember(seen, lethal)
        elif not frame.blocked:
            self._wait(frame, lethal)

    def figures(self) -> Figures:
        """Return what was counted."""
        marked = bool(self._marks.any())
        missed, missed_loose = _shares(self._missed, self._seen)
        false, false_loose = _shares(self._false, self._free)
        return Figures(
            missed=missed,
            missed_loose=missed_loose,
            false=false,
            false_loose=false_loose,
            stopped=float(np.mean(self._stopped)) if self._stopped else math.nan,
            noticed=self._noticed,
            cleared=self._cleared if marked else math.nan,
            left=self._left if marked else math.nan,
        )

    def _count(self, seen: Seen, lethal: Mask) -> None:
        self._seen += seen.obstacles.sum()
        for i, tolerance in enumerate((TOLERANCE, LOOSE)):
            self._missed[i] += (seen.obstacles & ~widened(lethal, tolerance)).sum()
        for i, free in enumerate((seen.free, seen.free & self._open)):
            self._free[i] += free.sum()
            self._false[i] += (free & lethal).sum()

    def _is_blocked(self, frame: Frame, lethal: Mask) -> bool:
        """Return whether a costmap stops a robot on its way, where nothing is."""
        ahead = self._room.way[frame.way : frame.way + round(_AHEAD / STEP) + 1]
        return bool((widened(self._room.grid.mask(ahead), self._radius) & lethal).any())

    def _remember(self, seen: Seen, lethal: Mask) -> None:
        """Look at the marks of who stands in the way, in the last frame before he leaves."""
        who = seen.obstacles & self._room.moved
        if who.any():
            self._noticed = float((who & widened(lethal, TOLERANCE)).sum() / who.sum())
        near = widened(self._room.moved, LOOSE) & ~widened(self._room.obstacles, TOLERANCE)
        self._marks = lethal & near

    def _wait(self, frame: Frame, lethal: Mask) -> None:
        """Look at what is left of these marks."""
        self._left = float((self._marks & lethal).sum() / max(self._marks.sum(), 1))
        if self._left < _LEFT:
            # A mark that goes with the first frame after he left, is there for one period.
            self._cleared = min(self._cleared, (frame.number - BLOCKED + 1) / RATE)


def _shares(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> list[float]:
    """Return parts over wholes, NaN where there is no whole."""
    return [part / whole if whole else math.nan for part, whole in zip(parts, wholes)]
