"""The floor that is fitted to depth, over time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from floor_scenes import CAMERA, floor_plane, seen_depth
from std_msgs.msg import Header

from s2r_depth_ros.node.fitted_floor import FittedFloor
from s2r_depth_ros.node.gravity import Gravity


def height_at(floor: FittedFloor, stamp: float, height: float | None) -> float | None:
    """Return the height of the camera by a frame of a floor, or of none: metres."""
    wall = np.full((120, 160), 2.0, np.float32)
    depth = wall if height is None else seen_depth(floor_plane(height=height))
    header = Header(stamp=Time(sec=int(stamp // 1), nanosec=round(stamp % 1 * 1e9)))
    plane = floor.find(header, depth, CAMERA)
    return None if plane is None else plane.offset


@pytest.fixture
def floor() -> FittedFloor:
    unknown = SimpleNamespace(down=lambda frame, stamp: SimpleNamespace(vector=None))
    return FittedFloor(cast(Gravity, unknown))


def test_the_floor_is_smoothed_over_a_second(floor: FittedFloor) -> None:
    assert height_at(floor, 10.0, 0.5) == pytest.approx(0.5, rel=0.02)
    first = height_at(floor, 10.1, 0.6)
    assert first is not None
    assert 0.5 < first < 0.53
    last = [height_at(floor, 10.1 + n / 10, 0.6) for n in range(1, 50)][-1]
    assert last == pytest.approx(0.6, rel=0.02)


def test_a_floor_out_of_view_is_remembered_for_five_seconds(floor: FittedFloor) -> None:
    height_at(floor, 10.0, 0.5)
    assert height_at(floor, 14.0, None) == pytest.approx(0.5, rel=0.02)
    assert height_at(floor, 15.5, None) is None


@pytest.mark.parametrize('later', [9.0, 3.0, -800.0, 5000.0, 2e9])
def test_a_clock_that_jumps_begins_a_new_floor(floor: FittedFloor, later: float) -> None:
    """A recording that begins again, and a camera whose clock was wrong when it started."""
    for stamp in (2000.0, later, later + 0.1):
        assert height_at(floor, stamp, 0.5) == pytest.approx(0.5, rel=0.02)
    assert height_at(floor, -1e6, None) is None


def test_images_without_a_stamp_have_the_floor_that_they_show(floor: FittedFloor) -> None:
    for height in (0.5, 0.6, 0.55):
        assert height_at(floor, 0.0, height) == pytest.approx(height, rel=0.02)
