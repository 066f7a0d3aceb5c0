"""Lost answers of services: asked for again, and no transition made twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from fake_managed_node import INACTIVE, UNCONFIGURED, FakeClient, FakeClock, FakeNode

from s2r_depth_ros.rig import services
from s2r_depth_ros.rig.services import RepeatedRequest, change_state

pytestmark = pytest.mark.usefixtures('clock')


def until(condition: Callable[[], Any], what: str) -> Any:
    for _ in range(1000):
        if value := condition():
            return value
    raise AssertionError(what)


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
