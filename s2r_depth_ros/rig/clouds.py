"""Reading coloured point clouds of any layout, our own and foreign ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2

from s2r_depth_ros.media.point_clouds import coordinates, point_dtype, structured_points


def read_xyz_rgb(cloud: PointCloud2) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the points, float32 [N, 3] metres, and their colours, uint8 [N, 3] RGB.

    Invalid points (any coordinate not finite) are left out; a cloud without a colour field gives
    white. Raises CloudError for a cloud without x, y, z or with truncated data.
    """
    point_dtype(cloud, 'xyz')
    points = structured_points(cloud)
    xyz = coordinates(points).astype(np.float32)
    valid = np.isfinite(xyz).all(axis=-1)
    return xyz[valid], _colours(points)[valid]


def _colours(points: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the colours of the field rgb or rgba, whose 4 bytes are 0xAARRGGBB."""
    name = next((name for name in ('rgb', 'rgba') if name in (points.dtype.names or ())), None)
    if name is None:
        return np.full((len(points), 3), 255, np.uint8)
    packed = np.ascontiguousarray(points[name])
    bits = packed.view(packed.dtype.str[0] + 'u4').astype(np.uint32)
    return np.stack([bits >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
