"""The points of a lidar out of the messages of a recording."""

from __future__ import annotations

from typing import Any

from s2r_depth_ros.geometry.scale.references import Points, cloud_points, scan_points
from s2r_depth_ros.media.point_clouds import coordinates, structured_points

LASER_SCAN = 'sensor_msgs/msg/LaserScan'
LIDARS = (LASER_SCAN, 'sensor_msgs/msg/PointCloud2')


def lidar_points(message: Any) -> Points:
    """Return the points of a recorded LaserScan or PointCloud2 in its own frame, metres.

    Raises CloudError for a cloud that cannot be read, ScanError for a scan whose angles contradict
    each other.
    """
    if message.__msgtype__ == LASER_SCAN:
        return scan_points(message)
    return cloud_points(coordinates(structured_points(message, 'xyz')))
