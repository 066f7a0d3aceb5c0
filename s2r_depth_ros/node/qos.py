"""Overrides of the topics' QoS by parameters, and what is said of impossible ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from s2r_depth_ros.node.parameters import ParameterError


@contextmanager
def qos_overrides(node: Node, topic: str) -> Iterator[QoSOverridingOptions]:
    """Give the overrides to create ``topic``, a name before remapping, with in the ``with`` block.

    Raises ParameterError if it cannot be created with them: rclpy has several types for that.
    """
    try:
        yield QoSOverridingOptions.with_default_policies()
    except (ParameterException, RuntimeError) as error:
        name = node.resolve_topic_name(topic)
        raise ParameterError(
            f'the topic {name} cannot be created ({" ".join(str(error).split())}): correct the '
            f'parameters qos_overrides.{name}.*, or leave them out'
        ) from error
