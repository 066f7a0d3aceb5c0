"""A node that receives serialised messages, notes when each arrived and hands them on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from s2r_depth_ros.rig.channels import Channel
from s2r_depth_ros.rig.events import emit
from s2r_depth_ros.rig.serialized import header_stamp


class MessageSink(Protocol):
    """Where a receiver hands its messages."""

    def put(self, channel: Channel, time: int, message: bytes) -> None:
        """Take a serialised message of ``channel`` that arrived at ``time`` (ns)."""


class Receiver(Node):
    """Subscribes to channels; ``arrivals`` maps topic -> (stamp, arrival) of each message, ns."""

    def __init__(self, name: str, sink: MessageSink) -> None:
        super().__init__(name)
        self.arrivals: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._sink = sink
        self._subscriptions_by_topic: dict[str, Any] = {}

    def receive(self, channel: Channel) -> None:
        """Subscribe to ``channel`` from now on."""
        policy = ReliabilityPolicy.RELIABLE if channel.reliable else ReliabilityPolicy.BEST_EFFORT
        self._subscriptions_by_topic[channel.name] = self.create_subscription(
            channel.topic.type,
            channel.name,
            self._taker(channel),  # type: ignore[arg-type]  # rclpy's hint omits the message info
            QoSProfile(depth=10, reliability=policy),
            raw=True,
        )

    def unmatched(self, channels: tuple[Channel, ...]) -> list[str]:
        """Return the topics among ``channels`` that nobody publishes yet."""
        return [
            channel.name
            for channel in channels
            if self._subscriptions_by_topic[channel.name].get_publisher_count() == 0
        ]

    def _taker(self, channel: Channel) -> Callable[[bytes, dict[str, int]], None]:
        def take(message: bytes, info: dict[str, int]) -> None:
            # When it reached this process, before it waited for its turn in the executor.
            arrived = info['received_timestamp'] or time.time_ns()
            stamp = header_stamp(message)
            self.arrivals[channel.name].append((stamp, arrived))
            self._sink.put(channel, arrived, message)
            if channel.awaited:
                emit('received', topic=channel.name, stamp=stamp)

        return take
