"""The subscriptions and publishers of one camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.qos import qos_overrides


class CameraTopics:
    """Subscribes to the images and camera_info of one camera, and publishes what is made of them.

    camera: its name, '' for a single one, whose topics are not beneath a name.
    compressed: whether the images come as CompressedImage.
    on_image, on_info: called with each message, each on one thread at a time.

    image, camera_info: the full names of the topics that are subscribed to.
    Raises ParameterError for an impossible override of a QoS, and leaves no topic then.
    """

    def __init__(
        self,
        node: LifecycleNode,
        camera: str,
        compressed: bool,
        on_image: Callable[[Image | CompressedImage], None],
        on_info: Callable[[CameraInfo], None],
    ) -> None:
        self._node = node
        self._camera = camera
        self._publishers: dict[str, Any] = {}
        self._subscriptions: dict[str, Any] = {}
        image = topics.IMAGE_COMPRESSED if compressed else topics.IMAGE
        try:
            for topic in topics.OUTPUTS:
                self._publish_on(topic)
            for topic in topics.INPUTS:
                if topic.name == image:
                    self._subscribe_to(topic, on_image)
                elif topic.name == topics.CAMERA_INFO:
                    self._subscribe_to(topic, on_info)
        except Exception:  # an impossible QoS override, for one
            self.destroy()
            raise
        self.image: str = self._subscriptions[image].topic_name
        self.camera_info: str = self._subscriptions[topics.CAMERA_INFO].topic_name

    def wanted(self, always: bool) -> frozenset[str]:
        """Return the names in topics.OUTPUTS that have a subscriber, or all of them."""
        return frozenset(
            name
            for name, publisher in list(self._publishers.items())
            if always or publisher.get_subscription_count() > 0
        )

    def publish(self, messages: Mapping[str, Any]) -> None:
        """Publish messages by their names in topics.OUTPUTS, in the order given."""
        for name, message in messages.items():
            self._publishers[name].publish(message)

    def destroy(self) -> None:
        """Let go of the topics."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        # Replaced, not emptied: another thread may be looking at it.
        publishers, self._publishers = self._publishers, {}
        for publisher in publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def _publish_on(self, topic: topics.Topic) -> None:
        name = topics.of_camera(topic.name, self._camera)
        with qos_overrides(self._node, name) as overrides:
            self._publishers[topic.name] = self._node.create_lifecycle_publisher(
                topic.type, name, topic.qos, qos_overriding_options=overrides
            )

    def _subscribe_to(self, topic: topics.Topic, callback: Callable[[Any], None]) -> None:
        name = topics.of_camera(topic.name, self._camera)
        with qos_overrides(self._node, name) as overrides:
            self._subscriptions[topic.name] = self._node.create_subscription(
                topic.type,
                name,
                callback,
                topic.qos,
                callback_group=MutuallyExclusiveCallbackGroup(),
                qos_overriding_options=overrides,
            )
