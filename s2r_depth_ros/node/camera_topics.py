"""The subscriptions and publishers of one camera."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from rclpy.event_handler import PublisherEventCallbacks, QoSPublisherMatchedInfo
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.latched import LatchedSubscription
from s2r_depth_ros.node.parameters import ParameterError
from s2r_depth_ros.node.qos import Endpoint, overridable, why_not_connected

Picture: TypeAlias = Image | CompressedImage

# Of those that have one name, which a node has again that starts anew: DDS keeps what ended without
# a word for the time of its lease.
OF_A_KILLED_ONE = ' (one that was killed is still seen for about 20 s)'
_OF_ONE_CAMERA = (topics.IMAGE, topics.IMAGE_COMPRESSED, topics.CAMERA_INFO)


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

    image, camera_info: the full names of the topics that are subscribed to. inputs: names in
    topics.INPUTS and the full names of their topics. outputs: the full names of all that is
    published. lost_images: those that were published and did not come.
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
        self.camera = camera
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
        self.inputs = {name: s.topic_name for name, s in self._subscriptions.items()}
        self.outputs = {publisher.topic_name for publisher in self._publishers.values()}
        self.image: str = self.inputs[image]
        self.lost_images = self._subscriptions[image].lost
        self.camera_info: str = self.inputs[topics.CAMERA_INFO]

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

    def crowded(self) -> list[str]:
        """Return which topics have a publisher too many, and the remedy."""
        inputs = {name: self.inputs[name] for name in _OF_ONE_CAMERA if name in self.inputs}
        texts = [
            f'{len(there)} publishers on {topic} ({", ".join(there)}): what they send is '
            f'mixed; end all but one, or remap {topics.of_camera(name, self.camera)} to another '
            f'topic{OF_A_KILLED_ONE if len(set(there)) < len(there) else ""}'
            for name, topic in inputs.items()
            if len(there := self._publishers_on(topic)) > 1
        ]
        own = self._node.get_fully_qualified_name()
        return texts + [
            f'{others[0]} publishes on {topic}, too: subscribers get both; remap one of them, or '
            'give this node a namespace of its own (-r __ns:=/...)'
            for topic in sorted(self.outputs)
            if (others := [name for name in self._publishers_on(topic) if name != own])
        ]

    def _publishers_on(self, topic: str) -> list[str]:
        """Return the full names of the publishers' nodes, none where there is one at most."""
        if self._node.count_publishers(topic) < 2:
            return []
        there = self._node.get_publishers_info_by_topic(topic)
        return sorted(f'{e.node_namespace.rstrip("/")}/{e.node_name}' for e in there)

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

        name = topics.of_camera(topic.name, self.camera)
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
        name = _subscribed_name(self._node, topic.name, self.camera)
        self._subscriptions[topic.name] = LatchedSubscription(self._node, topic, name, take, keep)

    def _disconnected_from(self, topic: topics.Topic) -> Iterator[str]:
        if (subscription := self._subscriptions.get(topic.name)) is not None:
            name, qos = subscription.topic_name, subscription.qos_profile
            others = self._node.get_publishers_info_by_topic(name)
        elif (publisher := self._publishers.get(topic.name)) is not None:
            # Not by the publisher, which another thread may just destroy.
            name = self._node.resolve_topic_name(topics.of_camera(topic.name, self.camera))
            qos = publisher.qos_profile
            others = self._node.get_subscriptions_info_by_topic(name)
        else:
            return
        own = Endpoint(name, topic.type_name, qos, topic.name in self._publishers)
        for other in others:
            yield from why_not_connected(own, other)


def refuse_loops(cameras: Sequence[CameraTopics]) -> None:
    """Raise ParameterError if an input of one camera is an output of any."""
    outputs = {topic for camera in cameras for topic in camera.outputs}
    for camera in cameras:
        for name, topic in camera.inputs.items():
            if topic in outputs:
                raise ParameterError(
                    f'{topics.of_camera(name, camera.camera)} is remapped to {topic}, which this '
                    'node publishes itself: remap it to the topic of the camera or sensor'
                )


def _subscribed_name(node: LifecycleNode, name: str, camera: str) -> str:
    """Return the name to subscribe to for a name of the table.

    Compressed images are beside the raw ones, also where only ``image`` was remapped, as
    image_transport has it.
    """
    own, raw = topics.of_camera(name, camera), topics.of_camera(topics.IMAGE, camera)
    if name != topics.IMAGE_COMPRESSED or _remapped(node, own) or not _remapped(node, raw):
        return own
    return _remapped(node, raw) + topics.COMPRESSED


def _remapped(node: LifecycleNode, name: str) -> str:
    """Return the full name that a name is remapped to, '' if it is not."""
    resolved: str = node.resolve_topic_name(name)
    return '' if resolved == node.resolve_topic_name(name, only_expand=True) else resolved
