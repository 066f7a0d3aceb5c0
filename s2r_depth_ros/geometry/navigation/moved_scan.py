"""A scan of the camera as a scanner at the origin of another level frame would make it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.navigation.scan import ScanBeams, Scanner
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError

_MOST_TILT = math.radians(3)  # of the frame's z axis from that of the floor
_STEPS = 64  # distances of a beam at which it is asked whether the camera saw it free

Floats = NDArray[np.floating[Any]]


class MovedScan:
    """Moves scans from the level frame of a camera to another level frame.

    Made once for a camera, a floor and a frame. Immutable, so threads may share it.

    Attributes: ``beams``, in the other frame; ``max_range``, m: how far they reach.
    """

    def __init__(self, plane: Plane, transform: NDArray[np.float64], scanner: Scanner) -> None:
        """Take the floor, the transform from the optical frame, and what scans for the camera.

        transform: [4, 4], metres. Raises FilterError for a frame that is not level, or farther away
        than the scan reaches.
        """
        turn = transform[:3, :3] @ plane.level_rotation().T
        tilt = math.acos(min(1.0, max(-1.0, turn[2, 2])))
        if tilt > _MOST_TILT:
            raise FilterError(
                f'the frame of the scan is tilted by {math.degrees(tilt):.0f} degrees from the '
                f'floor; give scan.frame one whose z axis is up, such as base_footprint'
            )
        self._yaw = math.atan2(turn[1, 0], turn[0, 0])
        self._origin = np.asarray(transform[:2, 3], np.float64)
        self._nearest, farthest = scanner.settings.min_range, scanner.settings.max_range
        self.max_range = farthest - float(np.hypot(*self._origin))
        if not self.max_range > self._nearest:
            raise FilterError(
                f'the camera is {np.hypot(*self._origin):.2g} m from the frame of the scan, which '
                f'reaches {farthest:g} m: make scan.max_range (and max_depth) larger, or give '
                f'scan.frame a frame nearer to the camera'
            )
        self._camera_beams = beams = scanner.beams
        self._bearings = beams.angle_min + beams.angle_increment * np.arange(beams.count)
        self.beams = self._own_beams(farthest)
        self._beam, self._distance = self._along_own_beams()
        self._sees_end = np.append(scanner.sees_end, False)[self._beam]

    def move(self, ranges: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a scan of the camera (float32, REP-117) as ranges (float32 [count]) of ``beams``.

        The obstacle of each beam of the camera lies in the beam that its place is in. A beam
        without one is +inf where the camera saw it free to its end, as far as it is in the view;
        else NaN. What was nearer than the least range is -inf.
        """
        moved = np.full(self.beams.count, np.nan, np.float32)
        moved[self._free(ranges)] = np.inf
        hit = np.isfinite(ranges) | np.isneginf(ranges)
        # Where it is nearer than the least range its place is not known better than this.
        place = np.where(np.isneginf(ranges), self._nearest, ranges)[hit].astype(np.float64)
        distance, number = self._polar(self._bearings[hit], place)
        distance[np.isneginf(ranges[hit]) | (distance < self._nearest)] = -np.inf
        beam = number - self._first
        within = (beam >= 0) & (beam < self.beams.count) & (distance <= self.max_range)
        np.fmin.at(moved, beam[within], distance[within].astype(np.float32))
        return moved

    def _free(self, ranges: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which beams were seen free, bool [count].

        On its way a beam may pass what is not in the view; what is, at its foot too, must be free.
        """
        reached = np.append(ranges, np.float32(np.nan))[self._beam]
        with np.errstate(invalid='ignore'):
            stopped = self._distance > reached
        free = ~stopped & (~self._sees_end | ~np.isnan(reached))
        return np.asarray(free.all(axis=1) & self._sees_end[:, -1])

    def _own_beams(self, farthest: float) -> ScanBeams:
        """Return beams towards all that the camera can see, as wide as the camera's."""
        increment = self._camera_beams.angle_increment
        distances = np.linspace(self._nearest, farthest, _STEPS)
        bearings, places = (
            np.tile(self._bearings, _STEPS),
            np.repeat(distances, len(self._bearings)),
        )
        _, number = self._polar(bearings, places)
        self._first = int(number.min())
        count = int(number.max()) - self._first + 1
        return ScanBeams(self._yaw + self._first * increment, increment, count)

    def _along_own_beams(self) -> tuple[NDArray[np.intp], Floats]:
        """Return the camera's beam, ``count`` for none, and its range along each own beam."""
        bearings = self.beams.angle_min + self.beams.angle_increment * np.arange(self.beams.count)
        distances = np.linspace(self.max_range / _STEPS, self.max_range, _STEPS)
        x = np.outer(np.cos(bearings), distances) - self._origin[0]
        y = np.outer(np.sin(bearings), distances) - self._origin[1]
        there = self._camera_beams
        bearing = _within_a_turn(np.arctan2(y, x) - self._yaw)
        beam = np.rint((bearing - there.angle_min) / there.angle_increment)
        inside = (beam >= 0) & (beam < there.count)
        return np.where(inside, beam, there.count).astype(np.intp), np.hypot(x, y)

    def _polar(self, bearings: Floats, ranges: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Return from the frame the range, and the number of the beam from the camera's way on."""
        x = self._origin[0] + ranges * np.cos(bearings + self._yaw)
        y = self._origin[1] + ranges * np.sin(bearings + self._yaw)
        turned = _within_a_turn(np.arctan2(y, x) - self._yaw)
        number = np.rint(turned / self._camera_beams.angle_increment)
        return np.hypot(x, y), number.astype(np.intp)


def _within_a_turn(angle: Floats) -> Floats:
    """Return angles, rad, from -pi to pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
