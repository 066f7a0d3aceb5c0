"""Coloured point clouds are read, ours and foreign ones."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from foreign_clouds import cloud_message, foreign_cloud

from s2r_depth_ros.media.point_clouds import CloudError
from s2r_depth_ros.rig import clouds


def test_foreign_cloud() -> None:
    xyz, colours = clouds.read_xyz_rgb(foreign_cloud())
    assert xyz.tolist() == [[1, 5, 9], [2, 6, 9], [3, 7, 9]]
    assert colours.tolist() == [[0x10, 0x20, 0x30]] * 3


def test_a_cloud_without_colours_is_white() -> None:
    xyz, colours = clouds.read_xyz_rgb(cloud_message(np.array([[1.0, 2.0, 3.0]])))
    assert xyz.tolist() == [[1, 2, 3]]
    assert colours.tolist() == [[255] * 3]


def test_a_cloud_without_a_coordinate_is_named() -> None:
    cloud = foreign_cloud()
    cloud.fields[2].name = 'intensity'
    with pytest.raises(CloudError, match='no field y'):
        clouds.read_xyz_rgb(cloud)
