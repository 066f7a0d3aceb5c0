"""What is counted on a drive: a costmap against the truth, frame by frame."""

from __future__ import annotations

import math

import numpy as np

from simulated_drive.frames import BLOCKED, RATE, DriveFrame
from simulated_drive.grid import Mask, widened
from simulated_drive.paths import STEP
from simulated_drive.rooms import Room
from simulated_drive.truth import Seen

MISSED, FALSE = (0.1, 0.2, 0.5), (0.1, 0.5)
"""Tolerances, m: how far a mark may be from an obstacle."""
_AHEAD = 1.0  # m of the way that a robot looks at before it drives on
_NEAR = 0.2  # m; marks this near to who stands in the way are his
_LEFT = 0.1  # share of what was marked; with less left it counts as cleared

Figures = dict[str, float]
"""What was counted in one room, by name; NaN: there was nothing to count.

missed, T m: share of the cells of obstacles, of those that the camera sees just now, with no lethal
cell within T. false, T m: share of the cells of free floor that it sees just now, farther than T
from any obstacle, that are lethal. Both over the frames in which the robot drives. stopped: share
of these frames with a lethal cell less than the robot's radius from the next metre of its way,
which is free. noticed: share of the cells of who stood in the way that were marked, to 0.2 m.
cleared: seconds after he left until less than a tenth of these marks is left, infinite if that is
never so. left: share of them in the end, before the robot drives.
"""


class Tally:
    """Counts on one drive. radius: of the robot, m."""

    def __init__(self, room: Room, radius: float) -> None:
        self._room, self._radius = room, radius
        self._missed, self._seen = np.zeros(len(MISSED)), 0
        self._false, self._free = np.zeros((2, len(FALSE)))
        self._open = [~widened(room.obstacles, tolerance) for tolerance in FALSE]
        self._stopped: list[bool] = []
        self._noticed, self._left, self._cleared = math.nan, math.nan, math.inf
        self._marks: Mask = np.zeros(room.grid.shape, bool)

    def add(self, frame: DriveFrame, seen: Seen, lethal: Mask) -> None:
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
        return {
            **{f'missed, {t} m': _share(n, self._seen) for t, n in zip(MISSED, self._missed)},
            **{
                f'false, {t} m': _share(n, free)
                for t, n, free in zip(FALSE, self._false, self._free)
            },
            'stopped': _share(sum(self._stopped), len(self._stopped)),
            'noticed': self._noticed,
            'cleared': self._cleared if marked else math.nan,
            'left': self._left if marked else math.nan,
        }

    def _count(self, seen: Seen, lethal: Mask) -> None:
        self._seen += int(seen.obstacles.sum())
        for i, tolerance in enumerate(MISSED):
            self._missed[i] += (seen.obstacles & ~widened(lethal, tolerance)).sum()
        for i, is_open in enumerate(self._open):
            self._free[i] += (seen.free & is_open).sum()
            self._false[i] += (seen.free & is_open & lethal).sum()

    def _is_blocked(self, frame: DriveFrame, lethal: Mask) -> bool:
        """Return whether a costmap stops a robot on its way, where nothing is."""
        ahead = self._room.way[frame.way : frame.way + round(_AHEAD / STEP) + 1]
        return bool((widened(self._room.grid.mask(ahead), self._radius) & lethal).any())

    def _remember(self, seen: Seen, lethal: Mask) -> None:
        """Look at the marks of who stands in the way, in the last frame before he leaves."""
        who = seen.obstacles & self._room.moved
        if who.any():
            self._noticed = float((who & widened(lethal, _NEAR)).sum() / who.sum())
        near = widened(self._room.moved, _NEAR) & ~widened(self._room.obstacles, _NEAR / 2)
        self._marks = lethal & near

    def _wait(self, frame: DriveFrame, lethal: Mask) -> None:
        """Look at what is left of these marks."""
        self._left = float((self._marks & lethal).sum() / max(self._marks.sum(), 1))
        if self._left < _LEFT:
            # A mark that goes with the first frame after he left, is there for one period.
            self._cleared = min(self._cleared, (frame.number - BLOCKED + 1) / RATE)


def _share(part: float, whole: float) -> float:
    """Return part over whole, NaN where there is no whole."""
    return float(part / whole) if whole else math.nan
