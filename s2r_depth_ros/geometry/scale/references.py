"""Measurements of other sensors as points, from the plain numbers of their messages."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import check_shape, ray_slopes
from s2r_depth_ros.geometry.rigid import rigid_parts

_Item = TypeVar('_Item', bound=np.generic)

Points = NDArray[np.float64]
"""[N, 3], x, y, z in metres, all finite."""

_MOST_RANGES = 1_000_000  # of a scan: a beam every 1.3 arc seconds
_ANGLES_OFF = 0.1  # share of a scan's sweep that its last angle may be from angle_max


class ScanError(UserError, ValueError):
    """A laser scan whose angles contradict each other: nobody knows where its points are."""


class Scan(Protocol):
    """The fields of sensor_msgs/LaserScan, of rclpy or of a recording; radians and metres."""

    angle_min: float
    angle_max: float
    angle_increment: float
    range_min: float
    range_max: float
    ranges: Any


def scan_points(scan: Scan) -> Points:
    """Return the points of a LaserScan in the scanner's frame: x forward, y left, z up.

    Left out are NaN, infinite ranges (REP-117) and those outside [range_min, range_max); what is at
    range_max saw nothing, as many drivers have it; a range_max of 0, as some leave it, is no limit.
    Raises ScanError for angles that contradict each other, and for more ranges than a scanner has.
    """
    if len(scan.ranges) > _MOST_RANGES:
        raise ScanError(f'a laser scan of {len(scan.ranges)} ranges is none: correct its publisher')
    distance = np.asarray(scan.ranges, np.float64).ravel()
    farthest = scan.range_max if scan.range_max > 0 else math.inf
    _check_angles(scan, len(distance))
    with np.errstate(invalid='ignore', over='ignore'):
        angle = scan.angle_min + scan.angle_increment * np.arange(len(distance))
        seen = (distance > 0) & (distance >= scan.range_min) & (distance < farthest)
        x, y = distance * np.cos(angle), distance * np.sin(angle)
    return cloud_points(np.stack([x, y, np.zeros_like(x)], -1)[seen])


def _check_angles(scan: Scan, count: int) -> None:
    """Refuse degrees, and another number of ranges than the angles say.

    The last angle may be off by a tenth, as drivers count the beams of a turn anew each time; and
    by whole turns.
    """
    angles = scan.angle_min, scan.angle_max, scan.angle_increment
    sweep = scan.angle_increment * max(count - 1, 0)
    tolerance = _ANGLES_OFF * abs(sweep) + 2 * abs(scan.angle_increment)
    if not (
        all(map(math.isfinite, angles))
        and abs(sweep) <= math.tau * (1 + _ANGLES_OFF)
        and abs(math.remainder(scan.angle_min + sweep - scan.angle_max, math.tau)) <= tolerance
    ):
        raise ScanError(
            f'the scan has {count} ranges from angle_min {angles[0]:.4g} to angle_max '
            f'{angles[1]:.4g} by angle_increment {angles[2]:.4g}, which contradict each other: '
            'they must be radians; correct them in its driver'
        )


def cloud_points(points: ArrayLike) -> Points:
    """Return the finite ones of points [..., 3], in metres. Raises ValueError for another shape."""
    array = np.asarray(points, np.float64)
    if array.ndim < 1 or array.shape[-1] != 3:
        raise ValueError(f'points have shape {array.shape}; the last axis must be x, y, z')
    array = array.reshape(-1, 3)
    return array[np.isfinite(array).all(1)]


def depth_image_points(
    depth: NDArray[np.floating], intrinsics: Intrinsics, most: int | None = None
) -> Points:
    """Return the points of a depth image [H, W], metres, in its own optical frame.

    0, negative, NaN and infinite are unknown. most: of more known pixels some are taken, see
    ``thinned``. Raises ValueError unless ``intrinsics`` is of this size.
    """
    check_shape('depth', depth, (intrinsics.height, intrinsics.width))
    known = np.flatnonzero((depth > 0) & np.isfinite(depth))
    if most is not None:
        known = thinned(known, most)
    row, column = np.divmod(known, intrinsics.width)
    x, y = (slopes.ravel() for slopes in ray_slopes(intrinsics))
    z = depth.ravel()[known].astype(np.float64)
    return cloud_points(np.stack([x[column] * z, y[row] * z, z], -1))


def thinned(items: NDArray[_Item], most: int) -> NDArray[_Item]:
    """Return all items [N, ...], or evenly chosen ones if there are more than ``most``.

    The step is odd: clouds go through the rings of a lidar, of which there is a power of two, and
    an even step would always meet the same ones.
    """
    return items if len(items) <= most else items[:: -(-len(items) // most) | 1]


def transformed(points: Points, transform: ArrayLike) -> Points:
    """Return points [N, 3] moved by a rigid transform [4, 4] from their frame to another.

    Raises ValueError if it is not rigid (rotation, translation in metres, 0 0 0 1) and finite.
    """
    rotation, translation = rigid_parts(transform)
    with np.errstate(over='ignore', invalid='ignore'):
        return cloud_points(points @ rotation.T + translation)
