"""Messages to the node and from it."""

from __future__ import annotations

import math
from array import array

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, LaserScan, PointCloud2
from std_msgs.msg import Header

from s2r_depth_ros.geometry import back_project
from simulated_drive.frames import PITCH, DriveFrame
from simulated_drive.truth import in_world, intrinsics_of

OPTICAL, LASER, BASE = 'camera_optical', 'laser', 'base_footprint'
LASER_HEIGHT = 0.25  # m, of the scanner over the floor, right under the camera
_BEAM = math.radians(0.5)
_FARTHEST = 20.0  # m, of the scanner
_EPOCH = 100.0  # s; a stamp of 0 is none

Floats = NDArray[np.float64]


def transforms_of(height: float) -> list[str]:
    """Return the frames of a robot whose camera is ``height`` metres over the floor."""
    level = math.pi / 2
    return [
        f'{BASE} mast 0 0 {height} {-level} 0 {-level}',
        f'mast {OPTICAL} 0 0 0 {PITCH} 0 0',
        f'{BASE} {LASER} 0 0 {LASER_HEIGHT} 0 0 0',
    ]


def image_of(frame: DriveFrame) -> Image:
    """Return the image of a frame."""
    height, width = frame.rgb.shape[:2]
    return Image(
        header=_header(frame, OPTICAL), height=height, width=width, encoding='rgb8',
        step=3 * width, data=array('B', frame.rgb.tobytes()),
    )  # fmt: skip


def camera_info_of(frame: DriveFrame) -> CameraInfo:
    """Return the camera_info of a frame."""
    camera = frame.camera
    return CameraInfo(
        header=_header(frame, OPTICAL), width=camera.width, height=camera.height,
        k=[camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0],
        distortion_model='plumb_bob', d=[0.0] * 5,
    )  # fmt: skip


def scan_of(frame: DriveFrame) -> LaserScan:
    """Return what a level scanner sees of what the camera sees, from true depth."""
    points = back_project(frame.depth, intrinsics_of(frame.camera)).reshape(-1, 3)
    off = np.abs(in_world(points, frame.camera)[:, 2] - LASER_HEIGHT)
    points = points[off < np.maximum(0.01, 0.5 * points[:, 2] / frame.camera.fy)]
    x, y = ahead_and_left(points)
    beams = round(math.pi / 2 / _BEAM)
    beam = np.rint(np.arctan2(y, x) / _BEAM).astype(int) + beams
    ranges: NDArray[np.float32] = np.full(2 * beams + 1, np.inf, np.float32)
    np.minimum.at(ranges, beam, np.hypot(x, y))
    return LaserScan(
        header=_header(frame, LASER), angle_min=-beams * _BEAM, angle_max=beams * _BEAM,
        angle_increment=_BEAM, range_min=0.05, range_max=_FARTHEST, ranges=array('f', ranges),
    )  # fmt: skip


def ahead_and_left(points: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return how far points [N, 3] of the optical frame are along x and y of the laser, m."""
    x, y, z = points.T.astype(np.float64)
    return math.cos(PITCH) * z + math.sin(PITCH) * y, -x


def cloud_points(cloud: PointCloud2) -> NDArray[np.float32]:
    """Return the points [N, 3] of a cloud of the node, m, whose first fields are x, y, z."""
    size = cloud.width * cloud.height
    data = np.frombuffer(cloud.data, np.float32).reshape(size, cloud.point_step // 4)
    return data[:, :3].copy()


def scan_points(scan: LaserScan) -> NDArray[np.float32]:
    """Return the points [N, 3] of a scan as Nav2 takes them with ``inf_is_valid``, m."""
    ranges = np.asarray(scan.ranges, np.float32)
    ranges = np.where(np.isposinf(ranges), np.float32(scan.range_max - 1e-4), ranges)
    angles = scan.angle_min + scan.angle_increment * np.arange(len(ranges))
    kept = (ranges >= scan.range_min) & (ranges < scan.range_max)
    ranges, angles = ranges[kept], angles[kept]
    points = np.stack([ranges * np.cos(angles), ranges * np.sin(angles), 0 * ranges], 1)
    return points.astype(np.float32)


def _header(frame: DriveFrame, frame_id: str) -> Header:
    nanoseconds = round((_EPOCH + frame.stamp) * 1e9)
    return Header(
        stamp=Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9), frame_id=frame_id
    )
