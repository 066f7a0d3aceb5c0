"""The executor outlives what is destroyed while it looks for work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.waitable import NumberOfEntities, Waitable
from std_msgs.msg import Header

from s2r_depth_ros.node.main import spin_on


class _Destroyer(Waitable):
    """Destroys a subscription just before the executor adds what belongs to it to its wait set.

    A transition on another thread does so once in some hundred cleanups.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(ReentrantCallbackGroup())
        self._node = node
        self.done = threading.Event()
        node.add_waitable(self)  # ahead of the subscription's
        self._subscription = node.create_subscription(Header, 'gone', lambda message: None, 1)

    def get_num_entities(self) -> NumberOfEntities:
        return NumberOfEntities()

    def is_ready(self, wait_set: Any) -> bool:
        return False

    def add_to_wait_set(self, wait_set: Any) -> None:
        if not self.done.is_set():
            self._node.destroy_subscription(self._subscription)
            self.done.set()


def _unexpected(error: BaseException) -> None:
    raise AssertionError('no callback fails here') from error


@pytest.fixture
def node() -> Iterator[Any]:
    context = rclpy.Context()
    rclpy.init(context=context)
    yield rclpy.create_node('spun', context=context, use_global_arguments=False)
    rclpy.shutdown(context=context)


def test_a_topic_that_is_destroyed_while_it_is_waited_for_ends_no_spinning(node: Any) -> None:
    ticks: list[float] = []
    node.create_timer(0.01, lambda: ticks.append(time.monotonic()))
    destroyer = _Destroyer(node)
    executor = MultiThreadedExecutor(2, context=node.context)
    executor.add_node(node)
    thread = threading.Thread(target=spin_on, args=(executor, _unexpected))
    thread.start()
    try:
        assert destroyer.done.wait(PATIENCE)
        seen, end = len(ticks), time.monotonic() + PATIENCE
        while len(ticks) < seen + 3 and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        assert len(ticks) >= seen + 3, 'the timer of the node no longer ticks'
    finally:
        executor.shutdown()
        thread.join()


def test_a_callback_that_fails_is_reported_and_ends_no_spinning(node: Any) -> None:
    ticks: list[float] = []
    seen: list[BaseException] = []

    def fail(_message: Header) -> None:
        raise ValueError('Seconds value must not be negative')

    publisher = node.create_publisher(Header, 'bad', 10)
    node.create_subscription(Header, 'bad', fail, 10)
    node.create_timer(0.01, lambda: ticks.append(time.monotonic()))
    executor = MultiThreadedExecutor(2, context=node.context)
    executor.add_node(node)
    thread = threading.Thread(target=spin_on, args=(executor, seen.append))
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while len(seen) < 2 and thread.is_alive() and time.monotonic() < end:
            publisher.publish(Header())
            time.sleep(0.02)
        assert [str(error) for error in seen[:2]] == ['Seconds value must not be negative'] * 2
        before = len(ticks)
        while len(ticks) < before + 3 and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        assert len(ticks) >= before + 3, 'the timer of the node no longer ticks'
    finally:
        executor.shutdown()
        thread.join()


@pytest.mark.parametrize('part', ['_wait_for_ready_callbacks', '_take_subscription'])
def test_what_no_callback_raised_ends_spinning(
    part: str, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the node would stay, and do nothing."""

    def fail(*_arguments: Any) -> Any:
        raise RuntimeError('broken')

    monkeypatch.setattr(MultiThreadedExecutor, part, fail)
    publisher = node.create_publisher(Header, 'taken', 10)
    node.create_subscription(Header, 'taken', lambda message: None, 10)
    node.create_timer(0.02, lambda: publisher.publish(Header()))
    executor = MultiThreadedExecutor(2, context=node.context)
    executor.add_node(node)
    with pytest.raises(RuntimeError, match='broken'):
        spin_on(executor, _unexpected)
    executor.shutdown()
