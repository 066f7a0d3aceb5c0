"""One camera of the node: what its frames need on their way."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_health import CameraFacts, CameraHealth
from s2r_depth_ros.node.camera_info import (
    CameraInfoHistory,
    ImageSize,
    is_foreign,
    numbers,
    same_frame,
)
from s2r_depth_ros.node.camera_topics import CameraCallbacks, CameraTopics, Picture
from s2r_depth_ros.node.pipeline import FramePipeline
from s2r_depth_ros.node.scale_calibration import ScaleCalibration

# Calibrations in a camera's life after which they are told to change too often.
_CHANGES_OFTEN = 20
# Images that their publisher keeps for late subscribers are a stream if they come within seconds.
_STREAM = 30.0


class CameraStream:
    """The topics of one camera, its camera_info, its pipeline and its health.

    name: of the camera, '' for a single one, whose topics are not beneath a name.
    compressed: whether its images come as CompressedImage. pipeline: of its frames alone.
    image_arrived: called with this object and each image. info_arrived: called after each
    camera_info. Both may be called before the constructor returns.
    """

    def __init__(
        self,
        node: LifecycleNode,
        name: str,
        compressed: bool,
        pipeline: FramePipeline,
        image_arrived: Callable[[CameraStream, Picture], None],
        info_arrived: Callable[[CameraStream], None],
    ) -> None:
        self.name = name
        self.infos = CameraInfoHistory()
        self.pipeline = pipeline
        self._node = node
        self._image_arrived, self._info_arrived = image_arrived, info_arrived
        # The newest image, if it is one that its publisher keeps for late subscribers. The lock is
        # held while it arrives again, or it could displace a newer one that comes just then.
        self._still_lock = threading.Lock()
        self._still: Picture | None = None
        self._still_time = -math.inf  # when one was kept, monotonic seconds
        self._sends_stills = False  # not as a stream
        self._numbers: tuple[object, ...] = ()  # of the newest camera_info
        self._foreign_info = ''  # why the newest camera_info may be of another camera
        self.topics = CameraTopics(
            node,
            name,
            compressed,
            pipeline.scale.references.sources if pipeline.scale else (),
            CameraCallbacks(
                self._take_image,
                self._take_info,
                self._keep_still,
                self.repeat_still,
                self._take_reference,
            ),
        )
        self.calibration = ScaleCalibration(node, name, self.repeat_still)
        self.health = CameraHealth(name, self.topics.image, node.get_logger(), node.get_clock())

    def repeat_still(self) -> None:
        """Let a still image arrive again, for who came after it: no other image will come."""
        with self._still_lock:
            if self._still is not None:
                self._image_arrived(self, self._still)

    def find_info(self, header: Header, size: ImageSize) -> tuple[CameraInfo | None, str]:
        """Return the camera_info for the image with ``header``, or None and the reason why.

        size: of the image, (width, height) in pixels.
        """
        info, _ = self.infos.find(header, size)
        name = topics.of_camera(topics.CAMERA_INFO, self.name)
        topic = self.topics.camera_info
        if info is None:
            return None, self._why_nothing_came(topic, name)
        if self.infos.changes > _CHANGES_OFTEN:
            self.health.report_once(
                f'camera_info on {topic} has changed {_CHANGES_OFTEN} times: the maps of '
                'undistortion are computed anew for each, which costs time; publish one '
                'calibration, or rectified images'
            )
        self._foreign_info = ''
        if not same_frame(info.header, header):
            text = (
                f'camera_info on {topic} has frame_id {info.header.frame_id!r} but the image has '
                f'{header.frame_id!r}: it is used all the same. If it is of another camera, remap '
                f'{name} to the topic of the right one'
            )
            self.health.report_once(text)
            if is_foreign(info.header, header):
                self._foreign_info = text
        return info, ''

    def facts(self, active: bool) -> CameraFacts:
        """Return what there is to report of the camera."""
        self.health.counter.count_lost(self.topics.lost_images.take())
        # Again, because a publisher may be told of before its QoS is known.
        self.topics.look_around()
        publishers = self._node.count_publishers(self.topics.image)
        facts = self.health.facts(
            active,
            publishers,
            [*self.topics.disconnected(), *self.topics.crowded()],
            '' if publishers else self._elsewhere(),
        )
        return replace(
            facts,
            info_topic=self.topics.camera_info,
            info_silence=self.infos.silence(),
            foreign_info=self._foreign_info,
            still=self._still is not None and self._sends_stills,
        )

    def restart_counts(self) -> None:
        """Count frames anew, as on activation."""
        self.topics.lost_images.take()
        self.health.reset()
        self._foreign_info = ''

    def destroy(self) -> None:
        """Let go of the topics and of the service."""
        self.topics.destroy()
        self.calibration.destroy()

    def _take_image(self, message: Picture) -> None:
        with self._still_lock:
            self._still = None
            self._image_arrived(self, message)

    def _keep_still(self, message: Picture) -> None:
        now = time.monotonic()
        with self._still_lock:
            self._still = message
            self._sends_stills = now - self._still_time > _STREAM
            self._still_time = now

    def _take_info(self, message: CameraInfo) -> None:
        before, self._numbers = self._numbers, numbers(message)
        self.infos.add(message)
        self._info_arrived(self)
        if self._numbers != before:
            self.repeat_still()

    def _take_reference(self, topic: str, message: Any) -> None:
        if self.pipeline.scale is not None:
            self.pipeline.scale.references.take(topic, message)

    def _elsewhere(self) -> str:
        """Return the topic of the other image_transport if somebody publishes on it, else ''."""
        topic = self.topics.image
        other = topic.removesuffix(topics.COMPRESSED)
        if other == topic:
            other += topics.COMPRESSED
        return other if self._node.count_publishers(other) else ''

    def _why_nothing_came(self, topic: str, name: str) -> str:
        if self._node.count_publishers(topic):
            return (
                f'no camera_info on {topic} yet, though somebody publishes there: look at '
                f'`ros2 topic echo {topic}` and at the warnings about its QoS'
            )
        return (
            f'no camera_info on {topic}: remap {name} to the topic of your camera '
            f'(-r {name}:=...), nobody publishes on this one'
        )
