"""Which topics the demo records, by the names that others see."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.qos import ReliabilityPolicy

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.camera_player import IMAGE_TOPIC, INFO_TOPIC

# Only these have one message a frame without fail; the rest may be late or need more input.
AWAITED = (topics.DEPTH, topics.POINTS, topics.STRUCTURE, topics.DEPTH_COLOR)


@dataclass(frozen=True)
class Channel:
    """One recorded topic, by its full name. ``awaited``: the recorder reports each arrival."""

    name: str
    topic: topics.Topic
    awaited: bool = False

    @property
    def reliable(self) -> bool:
        """Whether the publisher offers reliable delivery."""
        return self.topic.qos.reliability == ReliabilityPolicy.RELIABLE


def full_name(name: str, node: str) -> str:
    """Return a topic's name as others see it, for a node named ``node`` in namespace /."""
    return name.replace('~', f'/{node}') if name.startswith('~') else '/' + name.lstrip('/')


def camera_channels() -> tuple[Channel, ...]:
    """Return what the player publishes."""
    by_name = {topic.name: topic for topic in topics.INPUTS}
    return (
        Channel(f'/{INFO_TOPIC}', by_name[topics.CAMERA_INFO]),
        Channel(f'/{IMAGE_TOPIC}', by_name[topics.IMAGE]),
    )


def node_channels(node: str) -> tuple[Channel, ...]:
    """Return what the depth node named ``node`` publishes, but for the attention map."""
    return tuple(
        Channel(full_name(topic.name, node), topic, awaited=topic.name in AWAITED)
        for topic in topics.OUTPUTS
        if topic.name != topics.ATTENTION
    )
