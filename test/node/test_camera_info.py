"""The rule by which a frame gets a camera_info."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from ros_graph import camera_info
from std_msgs.msg import Header

from s2r_depth_ros.node.camera_info import CameraInfoHistory


def _header(second: int, frame_id: str = 'camera') -> Header:
    return Header(stamp=Time(sec=second), frame_id=frame_id)


def _info(second: int, frame_id: str = 'camera') -> Any:
    return camera_info(header=_header(second, frame_id))


def test_camera_info_of_the_same_stamp_is_preferred() -> None:
    history = CameraInfoHistory()
    for second in (1, 2, 3):
        history.add(_info(second))
    assert history.find(_header(2)) == (_info(2), True)
    assert history.find(_header(9)) == (_info(3), False)


def test_camera_info_of_another_camera_is_not_taken() -> None:
    history = CameraInfoHistory()
    assert history.other_frame_id() is None
    history.add(_info(1, 'left'))
    history.add(_info(1, 'right'))
    assert history.find(_header(1, 'left')) == (_info(1, 'left'), True)
    assert history.find(_header(1, 'rear')) == (None, False)
    assert history.other_frame_id() == 'right'


def test_camera_info_is_waited_for() -> None:
    history = CameraInfoHistory()
    assert history.is_worth_waiting(_header(5))
    history.add(_info(5))
    assert not history.is_worth_waiting(_header(5))
    assert history.is_worth_waiting(_header(6))
    assert history.find(_header(5)) == (_info(5), True)


def test_after_a_miss_no_frame_waits_until_stamps_match_again() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    assert history.is_worth_waiting(_header(2))
    assert history.find(_header(2)) == (_info(1), False)
    assert not history.is_worth_waiting(_header(3))
    assert history.find(_header(3)) == (_info(1), False)
    assert history.is_worth_waiting(_header(3, 'another')), 'nothing could stand in'
    assert history.find(_header(1)) == (_info(1), True)
    assert history.is_worth_waiting(_header(4))
