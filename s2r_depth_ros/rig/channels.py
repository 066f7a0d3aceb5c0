"""The topics of a running graph by the names that others see: the camera's and the depth node's."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.qos import ReliabilityPolicy

from s2r_depth_ros.node import topics

# What the camera player publishes, relative to its namespace.
IMAGE_TOPIC = 'camera/image_raw'
INFO_TOPIC = 'camera/camera_info'
DEPTH_TOPIC = 'camera/depth/image_rect'
# What is not recorded: these are made only for who asks, and to make them takes the node's time.
_NOT_RECORDED = (topics.ATTENTION, topics.DEPTH_COMPRESSED)
# Only these have one message for every frame; the others may be late or need more input.
_AWAITED = (topics.DEPTH, topics.POINTS, topics.STRUCTURE, topics.DEPTH_COLOR, topics.SCALE)


@dataclass(frozen=True)
class Channel:
    """One topic to receive, by its full name. ``awaited``: each arrival is told as an event."""

    name: str
    topic: topics.Topic
    awaited: bool = False

    @property
    def reliable(self) -> bool:
        """Return whether the publisher offers reliable delivery."""
        return self.topic.qos.reliability == ReliabilityPolicy.RELIABLE


DIAGNOSTICS = Channel(topics.DIAGNOSTICS, topics.DIAGNOSTICS_TOPIC)


def full_name(name: str, namespace: str = '/', node: str = '') -> str:
    """Return a topic's name as others see it, for a node in ``namespace``.

    ``node`` is the node's name, needed for a private topic (~/...).
    """
    beneath = namespace.rstrip('/')
    if name.startswith('~'):
        return f'{beneath}/{node}{name[1:]}'
    return name if name.startswith('/') else f'{beneath}/{name}'


def camera_channels() -> tuple[Channel, ...]:
    """Return what the player publishes."""
    by_name = {topic.name: topic for topic in topics.INPUTS}
    return (
        Channel(f'/{INFO_TOPIC}', by_name[topics.CAMERA_INFO]),
        Channel(f'/{IMAGE_TOPIC}', by_name[topics.IMAGE]),
        Channel(f'/{DEPTH_TOPIC}', by_name[topics.REFERENCE_DEPTH]),
    )


def node_channels(node: str) -> tuple[Channel, ...]:
    """Return what the depth node named ``node`` publishes and a recorder takes.

    That is all but the attention map, and the second form of the depth image.
    """
    return tuple(
        Channel(full_name(topic.name, node=node), topic, awaited=topic.name in _AWAITED)
        for topic in topics.OUTPUTS
        if topic.name not in _NOT_RECORDED
    )
