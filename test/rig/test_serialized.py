"""The header of a serialised message, whatever follows it."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from s2r_depth_ros.rig.serialized import header_frame_id, header_stamp


@pytest.mark.parametrize('kind', [Image, CameraInfo])
@pytest.mark.parametrize('frame_id', ['', 'camera_optical_frame', 'kamera_für_rechts'])
def test_stamp_and_frame_of_what_rclpy_serialises(
    kind: type[Image | CameraInfo], frame_id: str
) -> None:
    header = Header(stamp=Time(sec=1_700_000_000, nanosec=987_654_321), frame_id=frame_id)
    message = serialize_message(kind(header=header, width=3, height=2))
    assert header_stamp(message) == 1_700_000_000_987_654_321
    assert header_frame_id(message) == frame_id


def test_big_endian_messages_are_read() -> None:
    message = bytes([0, 0, 0, 0]) + struct.pack('>iII', 5, 7, 4) + b'cam\0' + b'more'
    assert header_stamp(message) == 5_000_000_007
    assert header_frame_id(message) == 'cam'
