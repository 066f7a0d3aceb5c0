"""A subscription that also gets what was published before it, where the publisher keeps it."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from s2r_depth_ros.node.lost_messages import LostMessages
from s2r_depth_ros.node.qos import WITHOUT_EVENTS, overridable
from s2r_depth_ros.node.topics import Topic

_REMEMBERED = 64  # messages of which a second copy is known


class LatchedSubscription:
    """Subscribes to a topic; and once more where a publisher keeps messages for late subscribers.

    A transient-local subscription is not connected with volatile publishers, and a volatile one
    gets nothing that was published before it, so one alone loses either. The second one is made
    when ``look_around`` sees such a publisher: others would warn of it. What arrives by both is
    taken once.

    name: of the topic, before remapping. take: called with each message. keep: called, after
    ``take``, with the newest message if its publisher keeps it for late subscribers. Both on one
    thread at a time. One lock guards the subscriptions. lost: the messages that did not come.
    Raises ParameterError for an impossible override.
    """

    def __init__(
        self,
        node: Node,
        topic: Topic,
        name: str,
        take: Callable[[Any], None],
        keep: Callable[[Any], None] = lambda message: None,
    ) -> None:
        self._node, self._topic, self._name = node, topic, name
        self._take, self._keep = take, keep
        self._seen: deque[int] = deque(maxlen=_REMEMBERED)
        self.lost = LostMessages()
        self._group = MutuallyExclusiveCallbackGroup()
        self._lock = threading.Lock()
        self._subscriptions: list[Any] = []
        self._closed = False
        with self._lock, overridable(node, name, topic.qos) as qos:
            first = self._subscribe(**qos)
            self.topic_name: str = first.topic_name
            self.qos_profile: QoSProfile = qos['qos_profile']
        self.look_around()

    def look_around(self) -> None:
        """Subscribe for what was published before, if there is a publisher that keeps it."""
        with self._lock:
            if self._closed or len(self._subscriptions) > 1 or _is_latched(self.qos_profile):
                return
            others = self._node.get_publishers_info_by_topic(self.topic_name)
            if not any(_is_latched(other.qos_profile) for other in others):
                return
            latched = copy.copy(self.qos_profile)
            # What was published before is sent to reliable subscriptions alone.
            latched.reliability = ReliabilityPolicy.RELIABLE
            latched.durability = DurabilityPolicy.TRANSIENT_LOCAL
            self._subscribe(qos_profile=latched)

    def destroy(self) -> None:
        """Let go of the topic."""
        with self._lock:
            self._closed = True
            for subscription in self._subscriptions:
                self._node.destroy_subscription(subscription)

    def _subscribe(self, qos_profile: QoSProfile, **options: Any) -> Any:
        def arrived(message: Any, info: Mapping[str, Any]) -> None:
            # rclpy has written the overrides into the profile before the first message comes.
            self._arrived(message, info, _is_latched(qos_profile))

        # rclpy calls it with the message and what is known of it; its type hints do not say so.
        subscription = self._node.create_subscription(
            self._topic.type,
            self._name,
            cast(Callable[[Any], None], arrived),
            qos_profile=qos_profile,
            callback_group=self._group,
            event_callbacks=WITHOUT_EVENTS,
            **options,
        )
        self._subscriptions.append(subscription)
        return subscription

    def _arrived(self, message: Any, info: Mapping[str, Any], latched: bool) -> None:
        """Take a message, unless it came before."""
        published = info['source_timestamp']  # ns, 0 if it is not known
        if not published or published not in self._seen:
            self._seen.append(published)
            self.lost.see(info['publication_sequence_number'])
            self._take(message)
        if latched and self._seen[-1] == published:
            self._keep(message)


def _is_latched(qos: QoSProfile) -> bool:
    """Return whether a publisher keeps, or a subscription gets, what was published before."""
    return bool(
        qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        and qos.reliability == ReliabilityPolicy.RELIABLE
    )
