"""What a camera stream needs of a node, without a graph: topics that a test reads and writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.qos import QoSProfile
from rclpy.topic_endpoint_info import TopicEndpointInfo


@dataclass
class FakePublisher:
    """Keeps what is published; ``subscribers`` says how many there are."""

    topic_name: str
    qos_profile: QoSProfile
    subscribed: Callable[[], None]
    subscribers: int = 1
    messages: list[Any] = field(default_factory=list)
    destroyed: bool = False

    def get_subscription_count(self) -> int:
        assert not self.destroyed
        return self.subscribers

    def publish(self, message: Any) -> None:
        assert not self.destroyed
        self.messages.append(copy.deepcopy(message))


@dataclass
class FakeSubscription:
    """``callback`` is to be called with what arrives."""

    topic_name: str
    callback: Callable[[Any, Any], None]
    qos_profile: QoSProfile
    events: Any
    destroyed: bool = False
    stamp: int = 0

    def arrive(self, message: Any, stamp: int | None = None, lost: int = 0) -> None:
        """Deliver a message; without a stamp, one of its own; after ``lost`` others."""
        self.stamp += 1 + lost
        published = self.stamp if stamp is None else stamp
        info = {'source_timestamp': published, 'publication_sequence_number': self.stamp}
        self.callback(message, info)


@dataclass
class FakeLogger:
    """Keeps the lines, each with its severity."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def info(self, text: str) -> None:
        self.lines.append(('info', text))

    def warning(self, text: str) -> None:
        self.lines.append(('warning', text))

    def error(self, text: str) -> None:
        self.lines.append(('error', text))


class FakeNode:
    """Creates fake topics by their names; ``impossible``: those that raise instead.

    subscriptions: the first of each topic. latched: the second. others: what the graph tells of
    the other nodes on a topic, by its full name. services: by name, what serves them.
    parameters: by name, that were set. remaps: from names to names.
    """

    def __init__(self, *impossible: str) -> None:
        self.publishers: dict[str, FakePublisher] = {}
        self.subscriptions: dict[str, FakeSubscription] = {}
        self.latched: dict[str, FakeSubscription] = {}
        self.others: dict[str, list[TopicEndpointInfo]] = {}
        self.services: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.remaps: dict[str, str] = {}
        self.logger = FakeLogger()
        self._impossible = impossible

    def create_lifecycle_publisher(
        self, _type: Any, name: str, qos_profile: Any, event_callbacks: Any, **_more: Any
    ) -> FakePublisher:
        self._refuse(name)
        came = SimpleNamespace(current_count_change=1)
        self.publishers[name] = FakePublisher(
            self.resolve_topic_name(name), qos_profile, lambda: event_callbacks.matched(came)
        )
        return self.publishers[name]

    def create_subscription(
        self,
        _type: Any,
        name: str,
        callback: Callable[[Any, Any], None],
        qos_profile: Any,
        event_callbacks: Any,
        **_more: Any,
    ) -> FakeSubscription:
        self._refuse(name)
        made = FakeSubscription(
            self.resolve_topic_name(name), callback, qos_profile, event_callbacks
        )
        (self.latched if name in self.subscriptions else self.subscriptions)[name] = made
        return made

    def get_parameter(self, name: str) -> Any:
        return SimpleNamespace(value=self.parameters[name])

    def set_parameters_atomically(self, changes: list[Any]) -> SetParametersResult:
        self.parameters |= {change.name: change.value for change in changes}
        return SetParametersResult(successful=True)

    def create_service(self, _type: Any, name: str, serve: Any, **_more: Any) -> str:
        self.services[name] = serve
        return name

    def destroy_service(self, name: str) -> None:
        del self.services[name]

    def get_publishers_info_by_topic(self, name: str) -> list[TopicEndpointInfo]:
        return self.others.get(name, [])

    def get_subscriptions_info_by_topic(self, name: str) -> list[TopicEndpointInfo]:
        return self.others.get(name, [])

    def count_publishers(self, name: str) -> int:
        return len(self.others.get(name, []))

    def resolve_topic_name(self, name: str, *, only_expand: bool = False) -> str:
        remapped = name if only_expand else self.remaps.get(name, name)
        return f'/{remapped.lstrip("/")}'

    def get_fully_qualified_name(self) -> str:
        return '/depth'

    def destroy_lifecycle_publisher(self, publisher: FakePublisher) -> None:
        publisher.destroyed = True

    def destroy_subscription(self, subscription: FakeSubscription) -> None:
        subscription.destroyed = True

    def get_clock(self) -> Clock:
        return Clock()

    def get_logger(self) -> FakeLogger:
        return self.logger

    def _refuse(self, name: str) -> None:
        if name in self._impossible:
            raise ValueError(f'{name} is impossible')
