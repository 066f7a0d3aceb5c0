"""PointCloud2 messages of any layout."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField

DATATYPES = {
    'i1': PointField.INT8,
    'u1': PointField.UINT8,
    'i2': PointField.INT16,
    'u2': PointField.UINT16,
    'i4': PointField.INT32,
    'u4': PointField.UINT32,
    'f4': PointField.FLOAT32,
    'f8': PointField.FLOAT64,
}


def cloud_message(
    points: NDArray[np.floating],
    *,
    kind: str = 'f4',
    big: bool = False,
    order: str = 'xyz',
    before: int = 0,
    after: int = 0,
    row_padding: int = 0,
) -> PointCloud2:
    """Return points [N, 3] or, organised, [H, W, 3] as a cloud.

    kind: of its numbers. order: of the fields. before, after: bytes of each point beside them.
    """
    rows = points if points.ndim == 3 else points[None]
    size = np.dtype(kind).itemsize
    step = before + 3 * size + after
    dtype = np.dtype(
        {
            'names': list(order),
            'formats': [('>' if big else '<') + kind] * 3,
            'offsets': [before + i * size for i in range(3)],
            'itemsize': step,
        }
    )
    packed = np.zeros(rows.shape[:2], dtype)
    for i, name in enumerate('xyz'):
        packed[name] = rows[..., i].astype(kind)
    height, width = rows.shape[:2]
    data = packed.view(np.uint8).reshape(height, width * step)
    padded = np.pad(data, ((0, 0), (0, row_padding)), constant_values=7)
    fields = [
        PointField(name=name, offset=before + i * size, datatype=DATATYPES[kind], count=1)
        for i, name in enumerate(order)
    ]
    return PointCloud2(
        height=height, width=width, fields=fields, is_bigendian=big, point_step=step,
        row_step=width * step + row_padding, data=array('B', padded.tobytes()),
    )  # fmt: skip


def foreign_cloud() -> PointCloud2:
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
