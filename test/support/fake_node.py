"""What a camera stream needs of a node, without a graph: topics that a test reads and writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rclpy.clock import Clock


@dataclass
class FakePublisher:
    """Keeps what is published; ``subscribers`` says how many there are."""

    topic_name: str
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
    callback: Callable[[Any], None]
    destroyed: bool = False


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
    """Creates fake topics by their names; ``impossible``: those that raise instead."""

    def __init__(self, *impossible: str) -> None:
        self.publishers: dict[str, FakePublisher] = {}
        self.subscriptions: dict[str, FakeSubscription] = {}
        self.logger = FakeLogger()
        self._impossible = impossible

    def create_lifecycle_publisher(
        self, _type: Any, name: str, _qos: Any, **_more: Any
    ) -> FakePublisher:
        self._refuse(name)
        self.publishers[name] = FakePublisher(f'/{name}')
        return self.publishers[name]

    def create_subscription(
        self, _type: Any, name: str, callback: Callable[[Any], None], _qos: Any, **_more: Any
    ) -> FakeSubscription:
        self._refuse(name)
        self.subscriptions[name] = FakeSubscription(f'/{name}', callback)
        return self.subscriptions[name]

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
