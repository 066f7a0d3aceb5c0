"""Point clouds of any layout are read."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from sensor_msgs.msg import PointCloud2, PointField

from s2r_depth_ros.rig import clouds


def _foreign_cloud() -> PointCloud2:
    """Return two rows of two points: big-endian, doubles, padding in points and rows."""
    names = [('z', 0), ('x', 8), ('y', 16)]
    fields = [PointField(name=n, offset=o, datatype=PointField.FLOAT64, count=1) for n, o in names]
    fields.append(PointField(name='rgba', offset=24, datatype=PointField.UINT32, count=1))
    dtype = np.dtype(
        {
            'names': ['z', 'x', 'y', 'rgba'],
            'formats': ['>f8', '>f8', '>f8', '>u4'],
            'offsets': [0, 8, 16, 24],
            'itemsize': 30,
        }
    )
    points = np.zeros((2, 2), dtype)
    points['x'], points['y'], points['z'] = [[1, 2], [3, 4]], [[5, 6], [7, np.inf]], 9
    points['rgba'] = 0xFF102030
    rows = np.pad(points.view(np.uint8).reshape(2, 60), ((0, 0), (0, 5)))
    return PointCloud2(
        height=2, width=2, fields=fields, is_bigendian=True, point_step=30, row_step=65,
        data=array('B', rows.tobytes()),
    )  # fmt: skip


def test_foreign_cloud() -> None:
    xyz, colours = clouds.read_xyz_rgb(_foreign_cloud())
    assert xyz.tolist() == [[1, 5, 9], [2, 6, 9], [3, 7, 9]]
    assert colours.tolist() == [[0x10, 0x20, 0x30]] * 3


def test_sensor_msgs_py_and_stand_in_agree() -> None:
    pytest.importorskip('sensor_msgs_py', reason='needs sensor_msgs_py (in no wheel)')
    cloud = _foreign_cloud()
    assert clouds.point_dtype(cloud) == clouds.stand_in_dtype(cloud)


def test_impossible_clouds_are_named() -> None:
    cloud = _foreign_cloud()
    cloud.data = cloud.data[:-1]
    with pytest.raises(clouds.CloudError, match='truncated'):
        clouds.read_xyz_rgb(cloud)
    cloud = _foreign_cloud()
    cloud.fields[2].name = 'intensity'
    with pytest.raises(clouds.CloudError, match='no field y'):
        clouds.read_xyz_rgb(cloud)
