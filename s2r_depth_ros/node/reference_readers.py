"""Messages of other sensors as sources of scale, each by its topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sensor_msgs.msg import Image, LaserScan, PointCloud2, Range
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CalibrationError, Intrinsics, calibration_from
from s2r_depth_ros.geometry.rigid import Matrix, rigid_parts
from s2r_depth_ros.geometry.scale import (
    RangeCone,
    RangeReading,
    ReferencePoints,
    ScaleSource,
    UnscaledView,
    cloud_points,
    depth_image_points,
    scan_points,
    thinned,
    transformed,
)
from s2r_depth_ros.geometry.scale.anchors import MOST_POINTS
from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.media.point_clouds import coordinates, structured_points
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import CameraInfoHistory, same_frame
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.parameters.scale import DEPTH, LIDAR, RANGE
from s2r_depth_ros.node.transforms import Transforms


class ScaledFrame(NamedTuple):
    """What a reference is held against.

    header: of the image. infos: the camera_infos of the reference depth image. curve: the
    parameter scale.curve.
    """

    header: Header
    view: UnscaledView
    transforms: Transforms
    infos: CameraInfoHistory
    curve: bool

    def pose_of(self, header: Header) -> Matrix:
        """Return the transform [4, 4] from a sensor's frame to the optical frame of the image.

        Raises NoTransform.
        """
        return self.transforms.find(self.header.frame_id, header.frame_id, seconds(header.stamp))


def _scan(message: LaserScan, frame: ScaledFrame) -> ScaleSource:
    points = transformed(scan_points(message), frame.pose_of(message.header))
    return ReferencePoints(points, seconds(message.header.stamp), LIDAR, frame.curve)


def _cloud(message: PointCloud2, frame: ScaledFrame) -> ScaleSource:
    pose = frame.pose_of(message.header)
    some = thinned(structured_points(message, 'xyz'), MOST_POINTS)
    points = transformed(cloud_points(coordinates(some)), pose)
    return ReferencePoints(points, seconds(message.header.stamp), LIDAR, frame.curve)


def _range(message: Range, frame: ScaledFrame) -> ScaleSource:
    rotation, (x, y, z) = rigid_parts(frame.pose_of(message.header))
    reading = RangeReading(
        message.range,
        message.field_of_view,
        message.min_range,
        message.max_range,
        nearest=message.radiation_type == Range.ULTRASOUND,
    )
    ahead = rotation[:, 0].tolist()
    axis = (ahead[0], ahead[1], ahead[2])
    return RangeCone(
        reading, (float(x), float(y), float(z)), axis, seconds(message.header.stamp), RANGE
    )


def _depth(message: Image, frame: ScaledFrame) -> ScaleSource:
    pose = frame.pose_of(message.header)
    depth = depth_in_metres(message)
    points = depth_image_points(depth, _intrinsics(message, frame), MOST_POINTS)
    points = transformed(points, pose)
    return ReferencePoints(points, seconds(message.header.stamp), DEPTH, frame.curve)


def _intrinsics(message: Image, frame: ScaledFrame) -> Intrinsics:
    """Return those of a depth image's camera; of the image's, if it is registered to that."""
    size = message.width, message.height
    info, _ = frame.infos.find(message.header, size)
    if info is not None:
        return calibration_from(info, rectified=True, size=size).intrinsics
    own = frame.view.intrinsics
    if size == (own.width, own.height) and same_frame(message.header, frame.header):
        return own
    raise CalibrationError(
        f'no camera_info has come for the depth image of {size[0]}x{size[1]} in '
        f'{message.header.frame_id!r}, and it is not registered to the image of '
        f'{own.width}x{own.height} in {frame.header.frame_id!r}: remap {topics.REFERENCE_INFO}'
    )


READERS: Mapping[str, Callable[[Any, ScaledFrame], ScaleSource]] = {
    topics.REFERENCE_SCAN: _scan,
    topics.REFERENCE_POINTS: _cloud,
    topics.REFERENCE_RANGE: _range,
    topics.REFERENCE_DEPTH: _depth,
}
"""Topic -> what makes a source of its messages; raises UserError for what cannot be used."""
