"""The subscriptions and publishers of one camera."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from rclpy.event_handler import PublisherEventCallbacks, QoSPublisherMatchedInfo
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.latched import LatchedSubscription
from s2r_depth_ros.node.qos import Endpoint, overridable, why_not_connected

Picture: TypeAlias = Image | CompressedImage


@dataclass(frozen=True)
class CameraCallbacks:
    """What a camera's topics call.

    image, info: with each message, each on one thread at a time. still: after ``image``, with an
    image that its publisher keeps for late subscribers. subscribed: after an output got a new
    subscriber. reference: with the name in the table and each message of another sensor.
    """

    image: Callable[[Picture], None]
    info: Callable[[CameraInfo], None]
    still: Callable[[Picture], None]
    subscribed: Callable[[], None]
    reference: Callable[[str, Any], None]


class CameraTopics:
    """Subscribes to the images and camera_info of one camera, and publishes what is made of them.

    camera: its name, '' for a single one, whose topics are not beneath a name.
    compressed: whether the images come as CompressedImage. sources: values of scale.source, of
    which the topics are subscribed to.

    image, camera_info: the full names of the topics that are subscribed to. lost_images: those that
    were published and did not come.
    Raises ParameterError for an impossible override of a QoS, and leaves no topic then.
    """

    def __init__(
        self,
        node: LifecycleNode,
        camera: str,
        compressed: bool,
        sources: Collection[str],
        callbacks: CameraCallbacks,
    ) -> None:
        self._node = node
        self._camera = camera
        self._publishers: dict[str, Any] = {}
        self._subscriptions: dict[str, LatchedSubscription] = {}
        image = topics.IMAGE_COMPRESSED if compressed else topics.IMAGE
        try:
            for topic in topics.OUTPUTS:
                self._publish_on(topic, callbacks.subscribed)
            for topic in topics.INPUTS:
                if topic.name == image:
                    self._subscribe_to(topic, callbacks.image, callbacks.still)
                elif topic.name == topics.CAMERA_INFO:
                    self._subscribe_to(topic, callbacks.info)
                elif topic.source in sources:
                    self._subscribe_to(topic, partial(callbacks.reference, topic.name))
        except Exception:  # an impossible QoS override, for one
            self.destroy()
            raise
        self.image: str = self._subscriptions[image].topic_name
        self.lost_images = self._subscriptions[image].lost
        self.camera_info: str = self._subscriptions[topics.CAMERA_INFO].topic_name

    def wanted(self, always: bool) -> frozenset[str]:
        """Return the names in topics.OUTPUTS that have a subscriber.

        One that keeps its last message for late subscribers is wanted without any. always: all but
        those that change how depth is made, and need what few know, such as the floor.
        """
        return frozenset(
            name
            for name, publisher in list(self._publishers.items())
            if (always and name not in topics.OF_CLEAN_DEPTH)
            or publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            or publisher.get_subscription_count() > 0
        )

    def publish(self, messages: Mapping[str, Any]) -> None:
        """Publish messages by their names in topics.OUTPUTS, in the order given."""
        for name, message in messages.items():
            self._publishers[name].publish(message)

    def look_around(self) -> None:
        """Subscribe for what was published before, too, where a publisher that keeps it came."""
        for subscription in self._subscriptions.values():
            subscription.look_around()

    def disconnected(self) -> list[str]:
        """Return who is on one of the topics without being connected, why, and the remedy."""
        return [
            text
            for topic in (*topics.INPUTS, *topics.OUTPUTS)
            for text in self._disconnected_from(topic)
        ]

    def destroy(self) -> None:
        """Let go of the topics."""
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions.values():
            subscription.destroy()
        # Replaced, not emptied: another thread may be looking at it.
        publishers, self._publishers = self._publishers, {}
        for publisher in publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def _publish_on(self, topic: topics.Topic, subscribed: Callable[[], None]) -> None:
        def matched(change: QoSPublisherMatchedInfo) -> None:
            if change.current_count_change > 0:
                subscribed()

        name = topics.of_camera(topic.name, self._camera)
        with overridable(self._node, name, topic.qos) as qos:
            # Without rclpy's own events: ``disconnected`` tells more, and each costs the executor.
            events = PublisherEventCallbacks(matched=matched, use_default_callbacks=False)
            self._publishers[topic.name] = self._node.create_lifecycle_publisher(
                topic.type, name, event_callbacks=events, **qos
            )

    def _subscribe_to(
        self,
        topic: topics.Topic,
        take: Callable[[Any], None],
        keep: Callable[[Any], None] = lambda message: None,
    ) -> None:
        name = topics.of_camera(topic.name, self._camera)
        self._subscriptions[topic.name] = LatchedSubscription(self._node, topic, name, take, keep)

    def _disconnected_from(self, topic: topics.Topic) -> Iterator[str]:
        if (subscription := self._subscriptions.get(topic.name)) is not None:
            name, qos = subscription.topic_name, subscription.qos_profile
            others = self._node.get_publishers_info_by_topic(name)
        elif (publisher := self._publishers.get(topic.name)) is not None:
            # Not by the publisher, which another thread may just destroy.
            name = self._node.resolve_topic_name(topics.of_camera(topic.name, self._camera))
            qos = publisher.qos_profile
            others = self._node.get_subscriptions_info_by_topic(name)
        else:
            return
        own = Endpoint(name, topic.type_name, qos, topic.name in self._publishers)
        for other in others:
            yield from why_not_connected(own, other)
