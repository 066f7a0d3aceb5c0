"""Images and clouds as messages."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.media.point_clouds import structured_points
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.rig import clouds


def _header(second: int) -> Header:
    return Header(stamp=Time(sec=second), frame_id='camera')


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'shape'),
    [('32FC1', np.float32, (3, 5)), ('16UC1', np.uint16, (3, 5)), ('rgb8', np.uint8, (3, 5, 3))],
)
def test_image_buffer_is_filled_again_and_grows(
    encoding: str, dtype: Any, shape: tuple[int, ...]
) -> None:
    buffer = ImageBuffer()
    for height in (2, shape[0], 3 * shape[0]):
        size = (height, *shape[1:])
        values = np.random.default_rng(height).integers(0, 200, size).astype(dtype)
        message = buffer.fill(_header(height), encoding, values[:, ::-1])
        assert (message.height, message.width, message.encoding) == (height, 5, encoding)
        assert message.step * height == len(message.data) == values.nbytes
        assert message.header == _header(height)
        assert isinstance(message.data, array)
        back = np.frombuffer(message.data, dtype).reshape(size)
        assert np.array_equal(back, values[:, ::-1])


def test_memory_of_a_message_is_used_again() -> None:
    """What is given as bytes is looked at byte by byte (rosidl_python #156)."""
    camera = Intrinsics(20.0, 20.0, 2.0, 1.5, 5, 4)
    depth, rgb = np.ones((4, 5), np.float32), np.zeros((4, 5, 3), np.uint8)
    packer, images, of_points = CloudPacker(camera), ImageBuffer(), CloudBuffer()
    for fill in (
        lambda: images.fill(_header(1), '32FC1', depth),
        lambda: of_points.fill(_header(1), packer, depth, rgb),
    ):
        memory = fill().data
        assert isinstance(memory, array)
        assert fill().data is memory


def test_cloud_round_trip_leaves_invalid_points_out() -> None:
    depth = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    depth[1, 2] = np.nan
    rgb = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).astype(np.uint8)
    packer = CloudPacker(Intrinsics(10.0, 20.0, 1.5, 1.0, 4, 3))
    cloud = CloudBuffer().fill(_header(1), packer, depth, rgb)
    xyz, colours = clouds.read_xyz_rgb(cloud)
    valid = np.isfinite(depth)
    assert np.array_equal(xyz[:, 2], depth[valid])
    assert np.array_equal(colours, rgb[valid])
    raw = structured_points(cloud).reshape(3, 4)
    assert np.isnan(raw[1, 2]['x'])
    assert raw[2, 3]['x'] == pytest.approx((3 - 1.5) / 10 * 12)
    assert raw[2, 3]['y'] == pytest.approx((2 - 1.0) / 20 * 12)
