"""Every topic of the node, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import (
    CameraInfo,
    CompressedImage,
    Image,
    Imu,
    LaserScan,
    PointCloud2,
    Range,
)

from s2r_depth_ros.node.parameters import scale

# Sensor QoS (REP-2003): a best-effort subscriber matches every camera.
_NEWEST = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
_SENSOR = QoSProfile(depth=10, reliability=QoSReliabilityPolicy.BEST_EFFORT)
# Reliable publishers match every subscriber; five frames leave time to send lost parts again.
_RELIABLE = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE)

DEPTH = 'depth_registered/image_rect'
DEPTH_COMPRESSED = 'depth_registered/image_rect/compressedDepth'
DEPTH_INFO = 'depth_registered/camera_info'
# The names that depth_image_proc has for a colour image that is registered to depth.
RECT_COLOR = 'rgb/image_rect_color'
RECT_INFO = 'rgb/camera_info'
POINTS = 'depth_registered/points'
CONFIDENCE = 'depth_registered/confidence'
OBSTACLES = 'depth_registered/points_obstacles'
GROUND = 'depth_registered/points_ground'
CLEARING = 'depth_registered/points_clearing'
SCAN = 'depth_registered/scan'  # not scan, which may be a lidar's
DEPTH_COLOR = '~/depth_color'
STRUCTURE = '~/structure'
ATTENTION = '~/attention'
SCALE = '~/scale'
IMAGE = 'image'
COMPRESSED = '/compressed'
"""What image_transport appends to the name of a topic."""
IMAGE_COMPRESSED = f'image{COMPRESSED}'
CAMERA_INFO = 'camera_info'
REFERENCE_SCAN = 'reference/scan'
REFERENCE_POINTS = 'reference/points'
REFERENCE_RANGE = 'reference/range'
REFERENCE_DEPTH = 'reference/depth'
REFERENCE_INFO = 'reference/camera_info'
CALIBRATE_SCALE = '~/calibrate_scale'
IMU = 'imu'
DIAGNOSTICS = '/diagnostics'


def of_camera(name: str, camera: str) -> str:
    """Return the name that a topic of the table has for one of several cameras.

    Beneath the camera's name; a private one beneath the node's and the camera's. ``camera`` is
    empty for a single camera, whose topics are those of the table.
    """
    if not camera:
        return name
    return f'~/{camera}/{name[2:]}' if name.startswith('~/') else f'{camera}/{name}'


@dataclass(frozen=True)
class Topic:
    """One topic: name before remapping, message class, default QoS and what it carries.

    metric: whether it is wrong where the scale of depth is, so that it is not published where
    scale.on_timeout forbids it. source: the value of scale.source without which it is not
    subscribed to, '' if there is none.
    """

    name: str
    type: Any
    qos: QoSProfile
    description: str
    metric: bool = False
    source: str = ''

    @property
    def type_name(self) -> str:
        """The type as ROS tools print it, such as sensor_msgs/msg/Image."""
        package = self.type.__module__.split('.')[0]
        return f'{package}/msg/{self.type.__name__}'

    @property
    def reliability(self) -> str:
        """The default reliability: 'reliable' or 'best effort'."""
        return self.qos.reliability.name.lower().replace('_', ' ')


INPUTS = (
    Topic(IMAGE, Image, _NEWEST, 'camera image, any colour encoding (image_transport: raw)'),
    Topic(
        IMAGE_COMPRESSED,
        CompressedImage,
        _NEWEST,
        'JPEG or PNG camera image (image_transport: compressed); beside image, if that is remapped',
    ),
    Topic(CAMERA_INFO, CameraInfo, _SENSOR, 'calibration of that camera'),
    Topic(
        REFERENCE_SCAN,
        LaserScan,
        _SENSOR,
        'scan of a lidar, in any frame (scale.source: lidar)',
        source=scale.LIDAR,
    ),
    Topic(
        REFERENCE_POINTS,
        PointCloud2,
        _SENSOR,
        'cloud of a lidar, in any frame, with fields x, y, z (scale.source: lidar)',
        source=scale.LIDAR,
    ),
    Topic(
        REFERENCE_RANGE,
        Range,
        _SENSOR,
        'distance by ultrasound or infrared, in any frame (scale.source: range)',
        source=scale.RANGE,
    ),
    Topic(
        REFERENCE_DEPTH,
        Image,
        _SENSOR,
        'rectified depth image of another camera, sparse or slow, in any frame: 16UC1 millimetres '
        'or 32FC1 metres (scale.source: depth)',
        source=scale.DEPTH,
    ),
    Topic(
        REFERENCE_INFO,
        CameraInfo,
        _SENSOR,
        'calibration of that camera; may be left out where the depth image is registered to the '
        'image, of the same size and frame (scale.source: depth)',
        source=scale.DEPTH,
    ),
)

# What is made from a frame, in the order of publishing: camera_info ahead of what it belongs to.
OUTPUTS = (
    Topic(
        DEPTH_INFO,
        CameraInfo,
        _RELIABLE,
        'intrinsics of the depth image: its size, no distortion; needs a valid camera_info',
    ),
    Topic(RECT_INFO, CameraInfo, _RELIABLE, 'the same intrinsics, beside image_rect_color'),
    Topic(
        RECT_COLOR,
        Image,
        _RELIABLE,
        'rgb8: the undistorted colour image, pixel for pixel that of depth; needs a valid '
        'camera_info unless rectify is never',
    ),
    Topic(
        DEPTH,
        Image,
        _RELIABLE,
        'depth along the optical axis: 32FC1 metres, NaN invalid; or 16UC1 millimetres, 0 invalid',
        metric=True,
    ),
    Topic(
        DEPTH_COMPRESSED,
        CompressedImage,
        _RELIABLE,
        'that depth image as PNG (image_transport: compressedDepth), 32FC1 as inverse depth of 16 '
        'bits between the nearest and the farthest depth of the frame',
        metric=True,
    ),
    Topic(
        POINTS,
        PointCloud2,
        _RELIABLE,
        'organised XYZRGB cloud in the optical frame, NaN invalid; needs a valid camera_info',
        metric=True,
    ),
    Topic(
        CONFIDENCE,
        Image,
        _RELIABLE,
        '32FC1: how likely each depth is within 25 % of the truth, once the scale is right, 0 to 1',
    ),
    Topic(
        OBSTACLES,
        PointCloud2,
        _RELIABLE,
        'XYZRGB points higher than the floor, all finite, not organised; needs the floor',
        metric=True,
    ),
    Topic(GROUND, PointCloud2, _RELIABLE, 'as that, the points on the floor', metric=True),
    Topic(
        CLEARING,
        PointCloud2,
        _RELIABLE,
        'points at max_depth where the view is free up to it, for clearing a costmap; needs '
        'max_depth and a valid camera_info',
        metric=True,
    ),
    Topic(
        SCAN,
        LaserScan,
        _RELIABLE,
        'nearest obstacle per bearing in a band over the floor, in scan.frame; +inf free, -inf too '
        'near, NaN unknown (REP-117); needs the floor and the transform to scan.frame',
        metric=True,
    ),
    Topic(DEPTH_COLOR, Image, _RELIABLE, 'depth as rgb8 colours, near red, far blue'),
    Topic(STRUCTURE, Image, _RELIABLE, "mono8: the network's structure map, [0, 1] as 0 to 255"),
    Topic(ATTENTION, Image, _RELIABLE, "mono8: the network's attention map, [0, 1] as 0 to 255"),
    Topic(
        SCALE,
        DiagnosticArray,
        _RELIABLE,
        'what depth was scaled by besides depth_scale: one status whose values are numbers: scale, '
        'deviation, anchors_used, anchors_rejected, residual, source, age, freshness, curve',
    ),
)

METRIC = frozenset(topic.name for topic in OUTPUTS if topic.metric)
"""Outputs that are wrong where the scale is."""
OF_FLOOR = frozenset({OBSTACLES, GROUND, SCAN})
"""Outputs that need to know where the floor is."""
OF_NAVIGATION = OF_FLOOR | {CLEARING}
OF_CLEAN_DEPTH = OF_NAVIGATION | {CONFIDENCE}
"""Outputs that need what ``frame_cleaning`` knows besides depth: confidence, what is too far."""

IMU_TOPIC = Topic(
    IMU,
    Imu,
    _SENSOR,
    'where down is, by orientation, else by acceleration (REP-145); only with gravity: imu',
)
DIAGNOSTICS_TOPIC = Topic(
    DIAGNOSTICS, DiagnosticArray, _RELIABLE, 'rates, drops, latency, device, model, warnings'
)
