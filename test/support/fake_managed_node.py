"""A managed node and its services for tests without a graph; requests and answers get lost."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from lifecycle_msgs.msg import State
from rclpy.task import Future

UNCONFIGURED, INACTIVE, ACTIVE = (
    State.PRIMARY_STATE_UNCONFIGURED,
    State.PRIMARY_STATE_INACTIVE,
    State.PRIMARY_STATE_ACTIVE,
)
_STEPS = {
    'configure': (UNCONFIGURED, State.TRANSITION_STATE_CONFIGURING, INACTIVE),
    'activate': (INACTIVE, State.TRANSITION_STATE_ACTIVATING, ACTIVE),
}


class FakeClock:
    """Stands in for the module ``time``; every look at it is 0.1 s later."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


class FakeClient:
    """A client whose server loses the requests or the answers with the given numbers."""

    def __init__(
        self,
        serve: Callable[[Any, Callable[[Any], None]], None],
        lost_requests: tuple[int, ...] = (),
        lost_answers: tuple[int, ...] = (),
    ) -> None:
        self.sent: list[Any] = []
        self.forgotten: list[Any] = []
        self._serve = serve
        self._lost_requests, self._lost_answers = lost_requests, lost_answers

    def service_is_ready(self) -> bool:
        return True

    def call_async(self, request: Any) -> Future:
        number, future = len(self.sent), Future()
        self.sent.append(request)
        if number not in self._lost_requests:
            lost = number in self._lost_answers
            self._serve(request, (lambda _: None) if lost else future.set_result)
        return future

    def remove_pending_request(self, future: Future) -> None:
        self.forgotten.append(future)


class FakeNode:
    """A managed node whose transitions take ``polls`` looks at its state."""

    def __init__(self, polls: int = 0, fails: bool = False) -> None:
        self.state = UNCONFIGURED
        self.made: list[str] = []
        self._polls, self._fails = polls, fails
        self._after: Callable[[], None] | None = None
        self._left = 0

    def change(self, request: Any, answer: Callable[[Any], None]) -> None:
        label = request.transition.label
        start, passing, goal = _STEPS.get(label, (None, None, None))
        if self.state != start:
            return answer(SimpleNamespace(success=False))
        self.made.append(label)

        def after() -> None:
            self.state = start if self._fails else goal
            answer(SimpleNamespace(success=not self._fails))

        self.state, self._after, self._left = passing, after, self._polls
        return self._advance()

    def get(self, _request: Any, answer: Callable[[Any], None]) -> None:
        answer(SimpleNamespace(current_state=State(id=self.state)))
        self._left -= 1
        self._advance()

    def _advance(self) -> None:
        if self._after and self._left <= 0:
            after, self._after = self._after, None
            after()
