"""A level laser scan from depth: the nearest obstacle at each bearing, free floor, or unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.depth_bounds import NEAREST, DepthBounds
from s2r_depth_ros.geometry.navigation.floor_view import FloorView
from s2r_depth_ros.geometry.settings import FilterError, check_between, check_order

_BAND = 4  # rows that share a bearing, if that changes by less than half a beam from band to band
_SPARSE = 8  # rows; in every eighth it is looked for what is free, where rows share a bearing
_LEAST_KNOWN = 0.9  # of the pixels of a bearing that could show an obstacle, to call it free


@dataclass(frozen=True)
class ScanSettings:
    """What is an obstacle, and how far the scan sees.

    min_height, max_height: m over the floor; what is higher, a robot passes under. max_slope: rad,
    by which min_height grows with distance, as in GroundSettings. min_range, max_range: m over
    ground. Raises FilterError.
    """

    min_height: float = 0.1
    max_height: float = 1.0
    max_slope: float = 0.0524
    min_range: float = 0.1
    max_range: float = 10.0

    def __post_init__(self) -> None:
        check_between('scan.min_height', self.min_height, 0.0)
        check_order('scan.min_height', self.min_height, 'scan.max_height', self.max_height)
        check_between('scan.max_slope', self.max_slope, 0.0, math.radians(45))
        check_between('scan.min_range', self.min_range, 0.0)
        check_order('scan.min_range', self.min_range, 'scan.max_range', self.max_range)
        check_between('scan.max_range', self.max_range, 0.0, 1e6)


@dataclass(frozen=True)
class ScanBeams:
    """Bearings of sensor_msgs/LaserScan: rad around z of the level frame, left is positive.

    angle_min: of the first beam. angle_increment: between two, > 0. count: of beams, >= 1.
    Raises FilterError.
    """

    angle_min: float
    angle_increment: float
    count: int

    def __post_init__(self) -> None:
        check_between('scan.angle_increment', self.angle_increment, 1e-4, math.pi)
        check_between('the number of beams', self.count, 1)

    @property
    def angle_max(self) -> float:
        """Bearing of the last beam, rad."""
        return self.angle_min + (self.count - 1) * self.angle_increment


def level_beams(view: FloorView, angle_increment: float) -> ScanBeams:
    """Return the beams towards all that a camera sees, one of them straight on.

    Turned about its axis or downwards it sees other bearings than level, near by even more of them.
    angle_increment: rad. Raises FilterError if it is finer than a pixel.
    """
    pixel = math.atan(1 / view.intrinsics.fx)
    if not angle_increment >= pixel:
        raise FilterError(
            f'scan.angle_increment is {angle_increment:g} rad; a pixel of this camera is '
            f'{pixel:.2g} rad wide, and it must be at least that'
        )
    bearing = np.arctan2(view.left, view.forward)
    first, last = (round(float(end) / angle_increment) for end in (bearing.min(), bearing.max()))
    return ScanBeams(first * angle_increment, angle_increment, last - first + 1)


class Scanner:
    """Makes scans for one camera and floor. Keeps its scratch images: one caller at a time.

    Attributes: ``settings``, ``beams``. ``sees_end``: bool [count], of which beams the image has
    the end, at max_range.
    """

    def __init__(self, view: FloorView, settings: ScanSettings, beams: ScanBeams) -> None:
        """Raise FilterError where min_height is not less than the camera's height."""
        view.check_below_camera('scan.min_height', settings.min_height)
        self.settings, self.beams = settings, beams
        slope = math.tan(settings.max_slope)
        over_floor = view.higher_than(settings.min_height, slope)
        in_band = over_floor.and_also(view.lower_than(settings.max_height, 0.0))
        self._reach = view.reach
        with np.errstate(divide='ignore'):  # straight down
            far = np.minimum(in_band.far, settings.max_range / view.reach)
        self._obstacle = DepthBounds(in_band.near, far)
        height, width = far.shape
        band, sparse = (_BAND, _SPARSE) if _share_a_bearing(view, beams) else (1, 1)
        beam = _beam_of_rows(view, beams, np.arange(0, height, band) + band // 2)
        # Pixels one beam after the other, without those of none; and where each of them begins.
        # In 16 bits, which hold the most beams that there may be, it is a radix sort.
        in_beam = int((beam < beams.count).sum())
        self._order = np.argsort(beam.astype(np.uint16), kind='stable')[:in_beam]
        self._starts = np.flatnonzero(np.diff(beam[self._order], prepend=-1))
        self._seen = beam[self._order][self._starts]
        self._free = _FreeBeams(view, settings, beams, self._obstacle, sparse)
        self.sees_end = self._free.sees_end
        self._mask = np.empty(far.shape, np.uint8)
        self._range = np.empty_like(far)
        self._bands = np.empty((-(-height // band), band, width), np.float32)

    def scan(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the ranges (float32 [count], m over ground from the camera), as REP-117 has them.

        depth: float32 [H, W], m. The nearest obstacle of each bearing; -inf where it is nearer
        than min_range; +inf where the bearing is free: no obstacle, and of the pixels whose rays
        meet the floor or are in the band at max_range nine in ten are known to be floor, higher
        than the band, or farther than max_range; NaN where too little is known, or where the
        image would not show the foot of an obstacle at max_range. What is beneath the floor
        counts as unknown.
        Raises ValueError for another shape.
        """
        self._obstacle.inside(depth, self._mask)
        cv2.multiply(depth, self._reach, dst=self._range)
        self._bands.fill(np.inf)
        rows = self._bands.reshape(-1, depth.shape[1])[: len(depth)]
        cv2.copyTo(self._range, self._mask, rows)
        nearest: NDArray[np.float32] = np.full(self.beams.count, np.inf, np.float32)
        if len(self._starts):
            found = np.take(self._bands.min(axis=1).ravel(), self._order)
            nearest[self._seen] = np.minimum.reduceat(found, self._starts)
        nearest[nearest < self.settings.min_range] = -np.inf
        nearest[np.isposinf(nearest) & ~self._free.known(depth, self._mask)] = np.nan
        return nearest


class _FreeBeams:
    """Which beams know enough to be called free where they have no obstacle."""

    def __init__(
        self,
        view: FloorView,
        settings: ScanSettings,
        beams: ScanBeams,
        obstacle: DepthBounds,
        sparse: int,
    ) -> None:
        """Take the bounds of an obstacle; sparse: of so many rows one is looked at."""
        self._sparse = sparse
        looked_at = np.arange(0, len(view.reach), sparse)
        with np.errstate(divide='ignore', over='ignore'):
            at_end = settings.max_range / view.reach[looked_at]
            height = view.height + view.up[looked_at] * at_end
        beam = _beam_of_rows(view, beams, looked_at)
        can_show = obstacle.near[looked_at] <= obstacle.far[looked_at]
        can_show &= height <= settings.max_height
        self._pixels = np.flatnonzero(can_show)
        self._beam = beam[self._pixels]
        self._shown = np.bincount(self._beam, minlength=beams.count + 1)
        foot = settings.min_height + math.tan(settings.max_slope) * settings.max_range
        above, beneath = (
            np.bincount(beam[side.ravel()], minlength=beams.count + 1) > 0
            for side in (height >= foot, height <= foot)
        )
        self._shown[~(above & beneath)] = 0  # the end is out of view
        self.sees_end: NDArray[np.bool_] = self._shown[:-1] > 0
        self._known = _known_depths(view, settings, looked_at)

    def known(self, depth: NDArray[np.float32], obstacle: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return whether enough is known of each beam, bool [count]; obstacle: mask [H, W]."""
        mask = self._known.inside(np.ascontiguousarray(depth[:: self._sparse]))
        cv2.subtract(mask, obstacle[:: self._sparse], dst=mask)
        count = np.bincount(self._beam, mask.ravel()[self._pixels], len(self._shown)) / 255
        return (count >= _LEAST_KNOWN * self._shown)[:-1] & self.sees_end


def _share_a_bearing(view: FloorView, beams: ScanBeams) -> bool:
    """Return whether the pixels of a band and column see one bearing: not so in a rolled camera."""
    bearing = np.arctan2(view.left[::_BAND], view.forward[::_BAND])
    change = np.abs(np.diff(bearing, axis=0))
    change = np.minimum(change, 2 * math.pi - change)
    return bool(change.max(initial=0.0) < beams.angle_increment / 2)


def _beam_of_rows(view: FloorView, beams: ScanBeams, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the beam of each pixel of these rows, one after the other; ``count`` for none.

    A row below the image is the last one.
    """
    rows = np.minimum(rows, len(view.left) - 1)
    bearing = np.arctan2(view.left[rows], view.forward[rows])
    beam = np.rint((bearing - beams.angle_min) / beams.angle_increment)
    there = (beam >= 0) & (beam < beams.count)
    return np.where(there, beam, beams.count).astype(np.intp).ravel()


def _known_depths(view: FloorView, settings: ScanSettings, rows: NDArray[np.intp]) -> DepthBounds:
    """Return from which to which depth a pixel is known; to infinity where its ray passes the band.

    A depth beneath the floor is none that the scan can trust, nor is infinity on a ray that meets
    the floor before max_range.
    """
    slope = math.tan(settings.max_slope)
    floor = view.higher_than(-settings.min_height, -slope).far[rows]
    with np.errstate(over='ignore'):
        passes = floor * view.reach[rows] >= settings.max_range
    far = np.where(passes, np.float32(np.inf), floor)
    return DepthBounds(np.full_like(far, NEAREST), far)
