"""A node is brought up, or waited for, though answers get lost."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from fake_managed_node import ACTIVE, UNCONFIGURED, FakeClient, FakeNode
from lifecycle_msgs.srv import ChangeState
from rclpy.task import Future

from s2r_depth_ros.rig.lifecycle import BringUpError, bring_up, wait_until_active

pytestmark = pytest.mark.usefixtures('clock')


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


def test_waiting_for_an_active_node_asks_until_it_is_active() -> None:
    node = FakeNode()
    asked = []

    class OthersActivate(FakeClient):
        """The node's get_state; somebody else activates the node after three answers."""

        def call_async(self, request: Any) -> Future:
            asked.append(node.state)
            if len(asked) == 3:
                node.state = ACTIVE
            return super().call_async(request)

    helper: Any = SimpleNamespace(create_client=lambda *_: OthersActivate(node.get, (1,)))
    wait_until_active(helper, _EXECUTOR, '/depth', threading.Event())
    assert asked == [UNCONFIGURED] * 3
    assert node.made == []


def test_waiting_for_an_active_node_ends_when_it_is_stopped() -> None:
    stop = threading.Event()
    stop.set()
    wait_until_active(_helper(FakeNode(), lost_requests=(0,)), _EXECUTOR, '/depth', stop)
