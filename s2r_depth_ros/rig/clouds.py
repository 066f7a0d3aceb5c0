"""Reading point clouds of any layout, our own and foreign ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField

try:
    from sensor_msgs_py.point_cloud2 import dtype_from_fields
except ImportError:  # it is in no wheel, only in ROS installations
    dtype_from_fields = None

_TYPES = {
    PointField.INT8: 'i1',
    PointField.UINT8: 'u1',
    PointField.INT16: 'i2',
    PointField.UINT16: 'u2',
    PointField.INT32: 'i4',
    PointField.UINT32: 'u4',
    PointField.FLOAT32: 'f4',
    PointField.FLOAT64: 'f8',
}


class CloudError(ValueError):
    """A point cloud without the fields that are asked for, or with too few data."""


def read_xyz_rgb(cloud: PointCloud2) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the points, float32 [N, 3] metres, and their colours, uint8 [N, 3] RGB.

    Invalid points (any coordinate not finite) are left out; a cloud without a colour field gives
    white. Raises CloudError for a cloud without x, y, z or with truncated data.
    """
    points = structured_points(cloud)
    missing = [name for name in 'xyz' if name not in (points.dtype.names or ())]
    if missing:
        raise CloudError(f'the cloud has no field {missing[0]}; its fields: {points.dtype.names}')
    xyz = np.stack([points[name].astype(np.float32) for name in 'xyz'], axis=-1)
    valid = np.isfinite(xyz).all(axis=-1)
    return xyz[valid], _colours(points)[valid]


def structured_points(cloud: PointCloud2) -> NDArray[np.void]:
    """Return all points as a structured array [N] with the cloud's own fields, padding skipped."""
    if cloud.row_step < cloud.width * cloud.point_step or (
        len(cloud.data) < cloud.row_step * cloud.height
    ):
        raise CloudError(
            f'the cloud of {cloud.width}x{cloud.height} points has {len(cloud.data)} bytes with '
            f'point_step {cloud.point_step} and row_step {cloud.row_step}: it is truncated'
        )
    rows = np.frombuffer(cloud.data, np.uint8, cloud.row_step * cloud.height)
    packed = rows.reshape(cloud.height, -1)[:, : cloud.width * cloud.point_step]
    return np.ascontiguousarray(packed).reshape(-1).view(point_dtype(cloud))


def point_dtype(cloud: PointCloud2) -> np.dtype:
    """Return the dtype of one point; by sensor_msgs_py where that is installed."""
    if dtype_from_fields is not None:
        dtype = dtype_from_fields(cloud.fields, cloud.point_step)
        return dtype.newbyteorder('>' if cloud.is_bigendian else '<')
    return stand_in_dtype(cloud)


def stand_in_dtype(cloud: PointCloud2) -> np.dtype:
    """Return the dtype of one point without the help of sensor_msgs_py."""
    order = '>' if cloud.is_bigendian else '<'
    formats = []
    for field in cloud.fields:
        if field.datatype not in _TYPES:
            raise CloudError(f'field {field.name} has the unknown datatype {field.datatype}')
        kind = order + _TYPES[field.datatype]
        formats.append(kind if field.count <= 1 else (kind, (field.count,)))
    return np.dtype(
        {
            'names': [field.name for field in cloud.fields],
            'formats': formats,
            'offsets': [field.offset for field in cloud.fields],
            'itemsize': cloud.point_step,
        }
    )


def _colours(points: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the colours of the field rgb or rgba, whose 4 bytes are 0xAARRGGBB."""
    name = next((name for name in ('rgb', 'rgba') if name in (points.dtype.names or ())), None)
    if name is None:
        return np.full((len(points), 3), 255, np.uint8)
    packed = np.ascontiguousarray(points[name])
    bits = packed.view(packed.dtype.str[0] + 'u4').astype(np.uint32)
    return np.stack([bits >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
