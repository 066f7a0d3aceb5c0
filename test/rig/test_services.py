"""Lost answers of services: asked for again, and no transition made twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState
from rclpy.task import Future

from s2r_depth_ros.rig import services
from s2r_depth_ros.rig.lifecycle import BringUpError, bring_up
from s2r_depth_ros.rig.services import RepeatedRequest, change_state

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
    """Replaces the module ``time``; every look at it is 0.1 s later."""

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


def until(condition: Callable[[], Any], what: str) -> Any:
    for _ in range(1000):
        if value := condition():
            return value
    raise AssertionError(what)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(services, 'time', clock)
    return clock


def _echo(request: Any, answer: Callable[[Any], None]) -> None:
    answer(request)


def test_an_answered_request_is_sent_once() -> None:
    client = FakeClient(_echo)
    assert until(RepeatedRequest(client, 'hello').answer, 'an answer') == 'hello'
    assert client.sent == ['hello']


def test_a_lost_answer_is_asked_for_again_after_a_second(clock: FakeClock) -> None:
    client = FakeClient(_echo, lost_answers=(0, 1))
    start = clock.now
    assert until(RepeatedRequest(client, 'hello').answer, 'an answer') == 'hello'
    assert client.sent == ['hello'] * 3
    assert clock.now - start >= 2 * services.AGAIN_AFTER
    assert len(client.forgotten) == 3


def test_a_late_answer_counts() -> None:
    answers: list[Callable[[Any], None]] = []
    client = FakeClient(lambda _, answer: answers.append(answer))
    request = RepeatedRequest(client, 'hello')
    while len(client.sent) < 3:
        assert request.answer() is None
    answers[0]('late')
    assert request.answer() == 'late'


@pytest.mark.parametrize('polls', [0, 3])
@pytest.mark.parametrize('lost', [{}, {'lost_requests': (0,)}, {'lost_answers': (0, 1)}])
def test_a_transition_is_made_once_whatever_is_lost(polls: int, lost: dict[str, Any]) -> None:
    node = FakeNode(polls)
    changer = FakeClient(node.change, **lost)
    asker = FakeClient(node.get, lost_answers=(1,))
    assert change_state(changer, asker, 'configure', until)
    assert node.made == ['configure']
    assert node.state == INACTIVE


def test_a_repetition_that_is_refused_is_no_failure() -> None:
    """The first request is served only after the state was asked for; its answer is lost."""
    node = FakeNode()
    held: list[Any] = []

    def serve(request: Any, answer: Callable[[Any], None]) -> None:
        held.append(request)
        if len(held) == 2:
            node.change(held[0], lambda _: None)
            node.change(held[1], answer)

    assert change_state(FakeClient(serve), FakeClient(node.get), 'configure', until)
    assert node.made == ['configure']


@pytest.mark.parametrize('lost', [{}, {'lost_requests': (0,)}, {'lost_answers': (0,)}])
@pytest.mark.parametrize('label', ['configure', 'activate', 'nonsense'])
def test_a_refusal_is_told(label: str, lost: dict[str, Any]) -> None:
    node = FakeNode(polls=2, fails=True)
    changer = FakeClient(node.change, **lost)
    assert not change_state(changer, FakeClient(node.get), label, until)
    assert node.state == UNCONFIGURED


def _helper(node: FakeNode, **lost: Any) -> Any:
    def create_client(kind: type, _name: str) -> FakeClient:
        return FakeClient(node.change if kind is ChangeState else node.get, **lost)

    return SimpleNamespace(create_client=create_client)


_EXECUTOR: Any = SimpleNamespace(spin_once=lambda timeout_sec: None)


def test_bring_up_survives_lost_answers() -> None:
    node = FakeNode(polls=1)
    bring_up(_helper(node, lost_answers=(0,)), _EXECUTOR, '/depth', threading.Event(), 30.0)
    assert node.made == ['configure', 'activate']
    assert node.state == ACTIVE


def test_bring_up_tells_a_refusal_and_a_silence() -> None:
    with pytest.raises(BringUpError, match='node /depth refused to configure; its log says why'):
        bring_up(_helper(FakeNode(fails=True)), _EXECUTOR, '/depth', threading.Event(), 30.0)
    silent = _helper(FakeNode(), lost_requests=tuple(range(100_000)))
    with pytest.raises(BringUpError, match=r'node /depth: waited 0\.1 s for the state of the node'):
        bring_up(silent, _EXECUTOR, '/depth', threading.Event(), 0.1)


def test_bring_up_returns_when_it_is_stopped() -> None:
    stop = threading.Event()
    stop.set()
    node = FakeNode()
    bring_up(_helper(node, lost_requests=(0,)), _EXECUTOR, '/depth', stop, 30.0)
    assert node.made == []
