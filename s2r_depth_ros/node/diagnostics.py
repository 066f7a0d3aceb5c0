"""Publishes the node's status on /diagnostics, in every state of the node."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.qos import overridable
from s2r_depth_ros.node.status import NodeFacts, statuses


class DiagnosticsPublisher:
    """Asks for the facts once a period, in seconds of the steady clock, and publishes them.

    Raises ParameterError for an impossible override of the topic's QoS.
    """

    def __init__(self, node: Node, period: float, facts: Callable[[], NodeFacts]) -> None:
        self._clock = node.get_clock()
        self._facts = facts
        topic = topics.DIAGNOSTICS_TOPIC
        with overridable(node, topic.name, topic.qos) as qos:
            self._publisher = node.create_publisher(topic.type, topic.name, **qos)
        self._timer = node.create_timer(
            period,
            self._publish,
            MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def set_period(self, seconds: float) -> None:
        """Publish once in so many seconds from now on."""
        self._timer.timer_period_ns = seconds * 1e9

    def _publish(self) -> None:
        message = DiagnosticArray(status=statuses(self._facts()))
        message.header.stamp = self._clock.now().to_msg()
        self._publisher.publish(message)
