"""The points of sensor_msgs/PointCloud2 of any layout, from any object that has its fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError

# The numbers of the types in sensor_msgs/PointField.
# Bytes that no point has; NumPy has a limit of its own, far above.
_LARGEST_POINT = 2**20
_TYPES = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 8: 'f8'}


class CloudError(UserError, ValueError):
    """A point cloud without the fields that are asked for, or whose layout contradicts its data."""


class Cloud(Protocol):
    """The fields of sensor_msgs/PointCloud2, of rclpy or of a recording."""

    height: int
    width: int
    fields: Sequence[Any]
    is_bigendian: Any
    point_step: int
    row_step: int
    data: Any


def structured_points(cloud: Cloud, names: Sequence[str] = ()) -> NDArray[np.void]:
    """Return all points as a structured array [N], without padding between rows; not a copy.

    names: the fields to read, by default all that the cloud has. Raises CloudError.
    """
    dtype = point_dtype(cloud, names)
    row = cloud.width * cloud.point_step
    # Of a single row some drivers leave the step 0.
    step = cloud.row_step or row
    need = step * (cloud.height - 1) + row if cloud.height else 0
    if step < row or len(cloud.data) < need:
        raise CloudError(
            f'the cloud of {cloud.width}x{cloud.height} points has {len(cloud.data)} bytes with '
            f'point_step {cloud.point_step} and row_step {cloud.row_step}: it is truncated, or '
            'its size is wrong; correct it in its publisher'
        )
    if not (cloud.width and cloud.height):
        return np.empty(0, dtype)
    data = np.frombuffer(cloud.data, np.uint8)
    rows = np.lib.stride_tricks.as_strided(data, (cloud.height, row), (step, 1), writeable=False)
    return rows.reshape(-1).view(dtype)


def point_dtype(cloud: Cloud, names: Sequence[str] = ()) -> np.dtype[np.void]:
    """Return the dtype of one point, with the fields ``names`` or all. Raises CloudError."""
    fields = {field.name: field for field in cloud.fields}
    for name in names:
        if name not in fields:
            has = ', '.join(fields) or 'none'
            raise CloudError(f'the cloud has no field {name}; its fields: {has}')
    chosen = [fields[name] for name in names] or list(fields.values())
    if not chosen:
        raise CloudError('the cloud has no fields')
    if cloud.point_step > _LARGEST_POINT:
        raise CloudError(
            f'a point of {cloud.point_step} bytes (point_step) is none: correct it in its publisher'
        )
    order = '>' if cloud.is_bigendian else '<'
    formats = []
    for field in chosen:
        if field.datatype not in _TYPES:
            raise CloudError(f'field {field.name} has the unknown datatype {field.datatype}')
        kind = np.dtype(order + _TYPES[field.datatype])
        count = max(field.count, 1)
        if field.offset + kind.itemsize * count > cloud.point_step:
            raise CloudError(
                f'field {field.name} ends at byte {field.offset + kind.itemsize * count} of a '
                f'point, but point_step is {cloud.point_step}: correct it in its publisher'
            )
        formats.append(kind if count == 1 else (kind, (count,)))
    return np.dtype(
        {
            'names': [field.name for field in chosen],
            'formats': formats,
            'offsets': [field.offset for field in chosen],
            'itemsize': cloud.point_step,
        }
    )


def coordinates(points: NDArray[np.void]) -> NDArray[np.float64]:
    """Return the fields x, y, z of structured points [N] as float64 [N, 3], metres.

    Raises CloudError if one of them has several numbers.
    """
    columns = [points[name] for name in 'xyz']
    if any(column.ndim != 1 for column in columns):
        raise CloudError('a field x, y or z has a count above 1; it must be one number')
    return np.stack(columns, axis=-1).astype(np.float64, copy=False)
