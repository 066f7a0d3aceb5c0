"""Calling services so that a lost answer costs a second and nothing else.

The answer to a client's first request can be lost: the client knows the service, but the service
does not know the client's reader yet. Fast DDS then waits 0.1 s (max_blocking_time of the writer of
answers), which is too short on a busy machine, and throws the answer away; the server's process
warns of it ("client will not receive response"), the client is told nothing. ``service_is_ready``
speaks of the client's side alone, so whoever waits must ask again. Once one answer has come, none
that follows to the same client is lost: what must not be served twice is asked after one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.task import Future

# Seconds without an answer after which a request is sent again.
AGAIN_AFTER = 1.0

# until(condition, what): spin until condition() is true and return its value, or raise and say
# that ``what`` did not come.
Until = Callable[[Callable[[], Any], str], Any]

_REACHES = {
    'configure': State.PRIMARY_STATE_INACTIVE,
    'activate': State.PRIMARY_STATE_ACTIVE,
    'deactivate': State.PRIMARY_STATE_INACTIVE,
    'cleanup': State.PRIMARY_STATE_UNCONFIGURED,
}


class ServiceClient(Protocol):
    """What is needed of an rclpy Client here."""

    def service_is_ready(self) -> bool:
        """Return whether the service is there."""

    def call_async(self, request: Any) -> Future:
        """Send a request; the future gets the answer."""

    def remove_pending_request(self, future: Future) -> None:
        """Wait for that answer no longer."""


class RepeatedRequest:
    """A request that is sent every AGAIN_AFTER seconds until one answer is there.

    Only for requests that may be served twice, also after the answer has come.
    """

    def __init__(self, client: ServiceClient, request: Any) -> None:
        self._client = client
        self._request = request
        self._pending: list[Any] = []
        self._send_at = 0.0

    def answer(self) -> Any | None:
        """Return the first answer, None while there is none; to be called between spins."""
        done = next((future for future in self._pending if future.done()), None)
        if done is not None:
            self.give_up()
            return done.result()
        if time.monotonic() >= self._send_at and self._client.service_is_ready():
            self._pending.append(self._client.call_async(self._request))
            self._send_at = time.monotonic() + AGAIN_AFTER
        return None

    def give_up(self) -> None:
        """Forget the requests without an answer."""
        for future in self._pending:
            self._client.remove_pending_request(future)


def change_state(
    changer: ServiceClient, state_asker: ServiceClient, label: str, until: Until
) -> bool:
    """Return whether a managed node made the transition ``label``, which it is asked for.

    changer, state_asker: clients of the node's change_state and get_state. A transition must not
    be asked for twice blindly: it is sent again only while the node is where it started.
    """
    request = ChangeState.Request(transition=Transition(label=label))
    start = state = current_state(state_asker, until)
    sent: list[Any] = []
    answers: list[bool] = []
    try:
        while True:
            if state == start:
                sent.append(changer.call_async(request))
            answers = _next_answers(sent, len(answers), until, label)
            if any(answers):
                return True
            if answers and len(sent) == 1:
                return False
            # An answer was lost, maybe a success: then the repetition was refused.
            state = current_state(state_asker, until)
            passing = state >= State.TRANSITION_STATE_CONFIGURING
            if not passing and (answers or state != start):
                return state != start and state == _REACHES.get(label)
    finally:
        for future in sent:
            changer.remove_pending_request(future)


def current_state(state_asker: ServiceClient, until: Until) -> int:
    """Return the lifecycle_msgs/State id of the node whose get_state is ``state_asker``."""
    request = RepeatedRequest(state_asker, GetState.Request())
    return until(request.answer, 'the state of the node').current_state.id


def _next_answers(sent: list[Any], known: int, until: Until, label: str) -> list[bool]:
    """Return all answers when there are more than ``known``, or after AGAIN_AFTER seconds."""
    end = time.monotonic() + AGAIN_AFTER

    def news() -> bool:
        return sum(future.done() for future in sent) > known or time.monotonic() >= end

    until(news, f'an answer to {label}')
    return [future.result().success for future in sent if future.done()]
