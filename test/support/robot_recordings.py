"""Recordings of a robot that drives towards a wall: colour, depth images, a lidar, transforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from floor_scenes import CAMERA, floor_plane, seen_depth
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin
from written_bags import CLOUD, IMAGE, INFO, TYPES, Message, image, nanoseconds, write

from s2r_depth_ros.geometry.projection import back_project

SCAN, TF = 'sensor_msgs/msg/LaserScan', 'tf2_msgs/msg/TFMessage'
COLOUR, INFO_TOPIC, DEPTH = '/camera/color/image_raw', '/camera/color/camera_info', '/camera/depth'
POINTS, LASER = '/velodyne_points', '/scan'
# Of the lidar in the optical frame: 10 cm over the camera, x where the camera's z is.
MOUNTED = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.1], [1, 0, 0, 0], [0, 0, 0, 1]])
_QUATERNION = (0.5, -0.5, 0.5, 0.5)  # of that rotation, x y z w


def truth(distance: float) -> NDArray[np.float32]:
    """Return the depth of a floor before a wall, m."""
    return seen_depth(floor_plane(), [(distance, -9.0, 9.0)])


def picture(depth: NDArray[np.float32], seed: int) -> NDArray[np.uint8]:
    """Return colours that go by depth, with a texture."""
    noise = np.random.default_rng(seed).integers(0, 60, (*depth.shape, 3))
    return (180 / np.maximum(depth, 1)[..., None] + noise).astype(np.uint8)


def camera_info(stamp: float, d: Sequence[float] = (0.0,) * 5) -> Any:
    """Return the camera_info of CAMERA."""
    roi = TYPES['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    p = np.zeros((3, 4))
    p[:, :3] = CAMERA.matrix
    return TYPES[INFO](
        framed(stamp, 'optical'), CAMERA.height, CAMERA.width, 'plumb_bob', np.array(d),
        CAMERA.matrix.ravel(), np.eye(3).ravel(), p.ravel(), 0, 0, roi,
    )  # fmt: skip


def framed(stamp: float, frame: str) -> Any:
    """Return a header."""
    seconds, rest = divmod(round(stamp * 1e9), 10**9)
    time = TYPES['builtin_interfaces/msg/Time'](seconds, rest)
    return TYPES['std_msgs/msg/Header'](stamp=time, frame_id=frame)


def in_frame(message: Any, frame: str) -> Any:
    """Return a message with another frame_id."""
    message.header.frame_id = frame
    return message


def transform(
    parent: str,
    child: str,
    quaternion: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
    place: Sequence[float] = (0.0, 0.0, 0.0),
) -> Any:
    """Return a TFMessage of one transform."""
    pose = TYPES['geometry_msgs/msg/Transform'](
        TYPES['geometry_msgs/msg/Vector3'](*place),
        TYPES['geometry_msgs/msg/Quaternion'](*quaternion),
    )
    stamped = TYPES['geometry_msgs/msg/TransformStamped'](framed(0.0, parent), child, pose)
    return TYPES[TF]([stamped])


MOUNTING = transform('optical', 'lidar', _QUATERNION, MOUNTED[:3, 3].tolist())


def cloud(stamp: float, depth: NDArray[np.float32], every: int = 6) -> Any:
    """Return a PointCloud2 of every n-th row of the image, in the frame of the lidar."""
    points = back_project(depth, CAMERA)[::every].reshape(-1, 3).astype(np.float64)
    own = ((points - MOUNTED[:3, 3]) @ MOUNTED[:3, :3]).astype('<f4')
    fields = [
        TYPES['sensor_msgs/msg/PointField'](name, 4 * i, 7, 1) for i, name in enumerate('xyz')
    ]
    return TYPES[CLOUD](
        framed(stamp, 'lidar'), 1, len(own), fields, False, 12, 12 * len(own),
        own.reshape(-1).view(np.uint8), False,
    )  # fmt: skip


def scan(stamp: float, distance: float) -> Any:
    """Return a LaserScan of the wall straight ahead and of one 1 m to the right."""
    angles = np.arange(-60, 61) * np.radians(0.5)
    right = np.where(angles < 0, 1.0 / np.maximum(-np.sin(angles), 1e-6), np.inf)
    ranges = np.minimum(distance / np.cos(angles), right).astype(np.float32)
    return TYPES[SCAN](
        framed(stamp, 'lidar'), float(angles[0]), float(angles[-1]), float(np.radians(0.5)),
        0.0, 0.1, 0.1, 30.0, ranges, np.zeros(0, np.float32),
    )  # fmt: skip


def messages(
    distances: Sequence[float], by: str = DEPTH, period: float = 1.0, d: Sequence[float] = (0.0,)
) -> list[Message]:
    """Return a drive with a frame at each distance; by: DEPTH, POINTS or LASER."""
    result: list[Message] = [('/tf_static', TF, MOUNTING)]
    for number, distance in enumerate(distances):
        stamp = 100 + number * period
        depth = truth(distance)
        rgb = in_frame(image(stamp, picture(depth, number), 'rgb8'), 'optical')
        result += [(INFO_TOPIC, INFO, camera_info(stamp, [*d, 0, 0, 0, 0])), (COLOUR, IMAGE, rgb)]
        if by == DEPTH:
            metres = in_frame(image(stamp + 0.001, depth, '32FC1'), 'optical')
            result.append((DEPTH, IMAGE, metres))
        elif by == POINTS:
            result.append((POINTS, CLOUD, cloud(stamp + 0.01, depth)))
        else:
            result.append((LASER, SCAN, scan(stamp + 0.01, distance)))
    return result


def record(path: Path, content: Sequence[Message]) -> Path:
    """Write messages, at the stamps in their headers."""
    times = [
        nanoseconds(m.header.stamp) if hasattr(m, 'header') else 99 * 10**9 for _, _, m in content
    ]
    return write(path, list(content), StoragePlugin.MCAP, times)
