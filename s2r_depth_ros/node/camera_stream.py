"""One camera of the node: its topics, its frames and what went wrong with them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.estimator import Prediction
from s2r_depth_ros.node import diagnostics, topics
from s2r_depth_ros.node.camera_info import CameraInfoHistory
from s2r_depth_ros.node.diagnostics import ERROR, STALE, WARN
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.pipeline import FramePipeline, Prepared, Result

# Seconds without an image after which an active node calls a camera stale.
_STALE_AFTER = 2.0


class CameraStream:
    """Subscribes to one camera and publishes what is made of it.

    name: of the camera, '' for a single one, whose topics are not beneath a name.
    image_arrived: called with this object and each image. info_arrived: called after each
    camera_info. The frames are those of one worker: prepare, finish and publish have one caller at
    a time.

    image_topic: the full name of the topic that the images come from.
    """

    def __init__(
        self,
        node: Any,
        name: str,
        compressed: bool,
        image_arrived: Callable[[CameraStream, Image | CompressedImage], None],
        info_arrived: Callable[[], None],
    ) -> None:
        self.name = name
        self.statistics = diagnostics.Statistics()
        self._node = node
        self._image_arrived, self._info_arrived = image_arrived, info_arrived
        self._infos = CameraInfoHistory()
        self._pipeline = FramePipeline()
        self._throttle = diagnostics.Throttle()
        self._outputs: dict[str, Any] = {}
        self._inputs: dict[str, Any] = {}
        self._image = topics.IMAGE_COMPRESSED if compressed else topics.IMAGE
        self.reset()
        self._create_topics()
        self.image_topic: str = self._inputs[self._image].topic_name

    def reset(self) -> None:
        """Start the counts anew, as on activation."""
        self.statistics.reset()
        self._error, self._last = '', Result()

    def destroy(self) -> None:
        """Let go of the topics."""
        for subscription in self._inputs.values():
            self._node.destroy_subscription(subscription)
        outputs, self._outputs = self._outputs, {}
        for publisher in outputs.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def _create_topics(self) -> None:
        overrides = QoSOverridingOptions.with_default_policies()
        for topic in topics.OUTPUTS:
            self._outputs[topic.name] = self._node.create_lifecycle_publisher(
                topic.type,
                topics.of_camera(topic.name, self.name),
                topic.qos,
                qos_overriding_options=overrides,
            )
        callbacks: dict[str, Callable[[Any], None]] = {
            self._image: lambda message: self._image_arrived(self, message),
            topics.CAMERA_INFO: self._add_info,
        }
        for topic in topics.INPUTS:
            if topic.name in callbacks:
                self._inputs[topic.name] = self._node.create_subscription(
                    topic.type,
                    topics.of_camera(topic.name, self.name),
                    callbacks[topic.name],
                    topic.qos,
                    callback_group=MutuallyExclusiveCallbackGroup(),
                    qos_overriding_options=overrides,
                )

    def _add_info(self, message: Any) -> None:
        self._infos.add(message)
        self._info_arrived()

    # ------------------------------------------------------------------ frames

    def patience(self, header: Header, values: Values) -> float:
        """Return how long a frame should wait for its camera_info: seconds, 0 for not at all."""
        return values.camera_info_timeout if self._infos.is_worth_waiting(header) else 0.0

    def prepare(self, message: Image | CompressedImage, values: Values) -> Prepared | None:
        """Read a frame; None if nobody wants anything of it. Raises as FramePipeline.prepare."""
        wanted = {
            name
            for name, publisher in list(self._outputs.items())
            if values.publish_always or publisher.get_subscription_count() > 0
        }
        if not wanted:
            self.statistics.skipped()
            return None
        info, _ = self._infos.find(message.header)
        prepared = self._pipeline.prepare(message, info, wanted, values)
        if info is None:
            prepared.result.camera_problem = self._missing_info(message.header.frame_id)
        return prepared

    def finish(self, frame: Prepared, prediction: Prediction | None, values: Values) -> Result:
        """Make the messages of a frame."""
        return self._pipeline.finish(frame, prediction, values)

    def publish(self, result: Result) -> None:
        """Publish the messages of a frame."""
        for name, output in result.messages.items():
            self._outputs[name].publish(output)

    def published(self, header: Header, result: Result) -> None:
        """Count a frame that was published, and warn of what it lacked."""
        # By nanoseconds: the two need not be on the same clock type.
        now = self._node.get_clock().now().nanoseconds
        latency = now - Time.from_msg(header.stamp).nanoseconds
        self.statistics.published(latency / 1e9, result.inference)
        self._error, self._last = '', result
        self._warn_about(result)

    def failed(self, error: Exception) -> None:
        """Count a frame that gave an error, and report it."""
        self.statistics.failed()
        self._error = describe(error)
        if self._throttle.is_due(f'frame: {type(error).__name__}'):
            self._node.get_logger().error(f'{self._label}frame skipped: {self._error}')

    @property
    def _label(self) -> str:
        """What a line of the log begins with."""
        return f'camera {self.name}: ' if self.name else ''

    def _missing_info(self, frame_id: str) -> str:
        other = self._infos.other_frame_id()
        name = topics.of_camera(topics.CAMERA_INFO, self.name)
        topic = self._node.resolve_topic_name(name)
        if other is None:
            return (
                f'no camera_info on {topic}: remap {name} to the topic of your camera '
                f'(-r {name}:=...)'
            )
        return (
            f'camera_info on {topic} has frame_id {other!r} but the image has {frame_id!r}: remap '
            f'{name} to the topic of the same camera'
        )

    def _warn_about(self, result: Result) -> None:
        logger = self._node.get_logger()
        if result.camera_problem and self._throttle.is_due('camera_info'):
            logger.warning(
                f'{self._label}{result.camera_problem}. Until then depth is not corrected for the '
                'focal length, and no cloud and no camera_info are published'
            )
        image = self.image_topic
        if (
            result.rectified
            and 'rect' in image.rsplit('/', 1)[-1]
            and self._throttle.is_due('rect')
        ):
            logger.warning(
                f'{image} looks rectified already, and is being rectified again: set rectify to off'
            )

    # ------------------------------------------------------------------ diagnostics

    def values(self, summary: diagnostics.Summary | None) -> dict[str, str]:
        """Return what /diagnostics says of the camera; ``summary`` only of an active node."""
        last = self._last
        counts = {} if summary is None else diagnostics.summary_values(summary)
        factor = 'n/a' if last.focal_scale is None else f'{last.focal_scale:.4f}'
        return {
            **counts,
            'camera_info': last.camera_problem or 'ok',
            'focal length correction': factor,
            'images in the last batch': str(last.batch),
        }

    def problems(self, summary: diagnostics.Summary, values: Values) -> list[tuple[bytes, str]]:
        """Return what is wrong with the camera of an active node, each as (level, text)."""
        problems = []
        if summary.since_image > max(_STALE_AFTER, values.diagnostics_period):
            topic, name = self.image_topic, topics.of_camera(topics.IMAGE, self.name)
            problems.append(
                (STALE, f'no image on {topic} for {summary.since_image:.0f} s: check the camera, '
                 f'the remapping of {name}, and `ros2 topic info -v {topic}`')
            )  # fmt: skip
        if self._error:
            problems.append((ERROR, self._error))
        if self._last.camera_problem:
            problems.append((WARN, self._last.camera_problem))
        if summary.stamp_offset is not None:
            problems.append(
                (WARN, f"stamps are {summary.stamp_offset:.1f} s behind the node's clock: for a "
                 'bag, play it with --clock and set use_sim_time; else synchronise the clocks')
            )  # fmt: skip
        return problems


def describe(error: Exception) -> str:
    """Return an error for its user; what is a defect of this package keeps its traceback."""
    if isinstance(error, UserError):
        return str(error)
    return ''.join(traceback.format_exception(error)).rstrip()
