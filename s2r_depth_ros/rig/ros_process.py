"""How a process of the rig starts, spins and ends: signals, rclpy, its node and executor."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

_Made = TypeVar('_Made', bound=Node)


def stop_on_signals() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set, so that a loop ends between two steps."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def in_namespace(namespace: str) -> list[str]:
    """Return the ROS arguments that put this process's node into a namespace."""
    return ['--ros-args', '-r', f'__ns:={namespace}']


@contextmanager
def ros_node(make: Callable[[], _Made], arguments: Sequence[str] = ()) -> Iterator[_Made]:
    """Start rclpy with ROS ``arguments`` and give the node that ``make`` returns; end both after.

    rclpy leaves signals alone: see stop_on_signals.
    """
    rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make()
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


@contextmanager
def executor_of(node: Node) -> Iterator[SingleThreadedExecutor]:
    """Give an executor with ``node``, which is shut down after the ``with`` block."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield executor
    finally:
        executor.shutdown()


def spin_until(stop: threading.Event, executor: SingleThreadedExecutor) -> None:
    """Spin until ``stop`` is set."""
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
