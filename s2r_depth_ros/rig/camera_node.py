"""A node that publishes the frames of a clip as a camera driver does."""

from __future__ import annotations

import math
from array import array

import numpy as np
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Calibration
from s2r_depth_ros.node.camera_info import camera_info_message
from s2r_depth_ros.rig.channels import DEPTH_TOPIC, IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.rig.clip import ClipFrame, ImageData

_DEPTH_PERIOD = 0.5  # s


class CameraNode(Node):
    """Publishes with sensor QoS (best effort), image and camera_info paired.

    Stamps are the time of publishing, so that latency can be measured against them. has_depth:
    whether frames may have depth, which is published twice a second, as by a slow depth camera.
    """

    def __init__(self, frame_id: str, *, has_depth: bool = False) -> None:
        super().__init__('camera_player')
        self._frame_id = frame_id
        qos = qos_profile_sensor_data
        self._image_publisher = self.create_publisher(Image, IMAGE_TOPIC, qos)
        self._info_publisher = self.create_publisher(CameraInfo, INFO_TOPIC, qos)
        self._depth_publisher = (
            self.create_publisher(Image, DEPTH_TOPIC, qos) if has_depth else None
        )
        self._depth_at = -math.inf

    def subscribers(self) -> int:
        """Return how many subscribers both topics have."""
        publishers = (self._image_publisher, self._info_publisher)
        return min(publisher.get_subscription_count() for publisher in publishers)

    def publish(self, frame: ClipFrame) -> int:
        """Publish one frame stamped with the present time; return the stamp in nanoseconds."""
        header = Header(frame_id=self._frame_id)
        image = image_message(frame.image, header)
        info = info_message(frame.calibration, header)
        depth = None
        if frame.depth and self._depth_publisher and frame.time - self._depth_at >= _DEPTH_PERIOD:
            depth, self._depth_at = image_message(frame.depth, header), frame.time
        # All messages refer to this header. Building them takes time, so the stamp comes last.
        now = self.get_clock().now()
        header.stamp = now.to_msg()
        # The image last: whoever gets it already has its calibration and its depth.
        self._info_publisher.publish(info)
        if depth is not None and self._depth_publisher:
            self._depth_publisher.publish(depth)
        self._image_publisher.publish(image)
        return now.nanoseconds


def image_message(image: ImageData, header: Header) -> Image:
    """Return the image as a message."""
    data = array('B')
    # From an ndarray or bytes, rclpy's setter would check every single byte.
    data.frombytes(np.ascontiguousarray(np.frombuffer(image.data, np.uint8)).data)
    return Image(
        header=header,
        height=image.height,
        width=image.width,
        encoding=image.encoding,
        is_bigendian=image.is_bigendian,
        step=image.step,
        data=data,
    )


def info_message(calibration: Calibration, header: Header) -> CameraInfo:
    """Return the calibration as a message, with its binning and window of the sensor."""
    info = camera_info_message(calibration, header)
    info.binning_x, info.binning_y = calibration.binning_x, calibration.binning_y
    roi = calibration.roi
    info.roi = RegionOfInterest(
        x_offset=roi.x_offset, y_offset=roi.y_offset, width=roi.width, height=roi.height
    )
    return info
