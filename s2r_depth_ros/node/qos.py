"""The topics' QoS: overrides by parameters, and what keeps two endpoints of a topic apart."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rclpy.duration import Duration, Infinite
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.node import Node
from rclpy.qos import (
    LivelinessPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

from s2r_depth_ros.node.parameters import ParameterError

# What a parameter may override; rclpy leaves out lifespan where it declares a subscription's.
POLICIES = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
    QoSPolicyKind.DEADLINE,
    QoSPolicyKind.LIFESPAN,
    QoSPolicyKind.LIVELINESS,
    QoSPolicyKind.LIVELINESS_LEASE_DURATION,
)
# Those that an offer may be too weak in for a request.
_REQUESTED = ('reliability', 'durability', 'deadline', 'liveliness', 'liveliness_lease_duration')

WITHOUT_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)
"""Of a subscription that messages come to often. Who is not connected is told all the same.

An executor that waits for a subscription's events, too, does not sleep while a message waits to be
taken (Fast DDS): it goes round some five times a message, which keeps the message waiting.
"""


@contextmanager
def overridable(node: Node, topic: str, qos: QoSProfile) -> Iterator[dict[str, Any]]:
    """Give the arguments to create ``topic``, a name before remapping, with in the ``with`` block.

    qos: what holds without an override. Raises ParameterError if it cannot be created: rclpy has
    several types for an impossible override.
    """
    try:
        # A copy, because rclpy writes the overrides into it.
        yield {
            'qos_profile': copy.copy(qos),
            'qos_overriding_options': QoSOverridingOptions(POLICIES),
        }
    except NameValidationException as error:
        raise ParameterError(
            f'the topic {topic} cannot be created ({" ".join(str(error).split())}): give the '
            'camera or the namespace a shorter name'
        ) from error
    except (
        ParameterException,
        RuntimeError,
        AssertionError,
        TypeError,
        ValueError,
        OverflowError,
    ) as error:
        name = node.resolve_topic_name(topic)
        raise ParameterError(
            f'the topic {name} cannot be created ({" ".join(str(error).split())}): correct the '
            f'parameters qos_overrides.{name}.*, or leave them out'
        ) from error


class Endpoint(NamedTuple):
    """This node's side of a topic; ``topic`` is the full name, type_name as ROS tools print it."""

    topic: str
    type_name: str
    qos: QoSProfile
    publishes: bool


def why_not_connected(own: Endpoint, other: TopicEndpointInfo) -> Iterator[str]:
    """Give what keeps the endpoint of another node from this node's, each with its remedy."""
    node = f'{other.node_namespace.rstrip("/")}/{other.node_name}'
    does = 'takes' if own.publishes else 'publishes'
    if other.topic_type != own.type_name:
        yield (
            f'{own.topic}: {node} {does} {other.topic_type} there, this node has '
            f'{own.type_name}: remap one of them to another topic'
        )
        return
    offered, requested = (
        (own.qos, other.qos_profile) if own.publishes else (other.qos_profile, own.qos)
    )
    for policy, offer, request in mismatches(offered, requested):
        verb, theirs, mine = (
            ('asks for', request, f'offers {offer}')
            if own.publishes
            else ('offers', offer, f'asks for {request}')
        )
        side = 'publisher' if own.publishes else 'subscription'
        yield (
            f'{own.topic}: {node} {verb} {policy} {theirs}, this node {mine}, so they are not '
            f'connected: set the parameter `qos_overrides.{own.topic}.{side}.{policy}: {theirs}` '
            'and start the node again'
        )


class Mismatch(NamedTuple):
    """A policy in which a publisher offers less than a subscription asks for, as YAML values."""

    policy: str
    offered: str | int
    requested: str | int


def mismatches(offered: QoSProfile, requested: QoSProfile) -> list[Mismatch]:
    """Return the policies for which a publisher and a subscription are not connected."""
    offered, requested = _definite(offered), _definite(requested)
    found = []
    for policy in _REQUESTED:
        # Equal in all but one policy, so that it is this one which does not fit.
        like = copy.copy(offered)
        setattr(like, policy, getattr(requested, policy))
        if qos_check_compatible(offered, like)[0] == QoSCompatibility.ERROR:
            values = (_plain(getattr(qos, policy)) for qos in (offered, requested))
            found.append(Mismatch(policy, *values))
    return found


def _definite(qos: QoSProfile) -> QoSProfile:
    """Return what the defaults that a profile leaves open come to, as the graph reports them."""
    result = copy.copy(qos)
    for policy in ('deadline', 'lifespan', 'liveliness_lease_duration'):
        if getattr(qos, policy) == Duration():
            setattr(result, policy, Infinite)
    if qos.liveliness == LivelinessPolicy.SYSTEM_DEFAULT:
        result.liveliness = LivelinessPolicy.AUTOMATIC
    return result


def _plain(value: Any) -> str | int:
    """Return a policy's value as a parameter has it: durations in nanoseconds."""
    return int(value.nanoseconds) if isinstance(value, Duration) else str(value.name).lower()
