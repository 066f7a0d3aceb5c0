"""A managed node's lifecycle seen from outside: bring it up, or wait until it is active."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import Executor
from rclpy.node import Node

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.services import Until, change_state, current_state

_POLL_S = 0.02


class BringUpError(UserError):
    """The node did not become active."""


class _StoppedError(Exception):
    """``stop`` was set while something was waited for."""


def bring_up(
    helper: Node, executor: Executor, name: str, stop: threading.Event, seconds: float
) -> None:
    """Configure and activate the node ``name``, spinning ``executor`` meanwhile.

    Returns early when ``stop`` is set. Raises BringUpError if the node refuses or is not there
    within ``seconds``, counted from now.
    """
    until = _spinning(executor, name, stop, seconds)
    clients = (
        helper.create_client(ChangeState, f'{name}/change_state'),
        helper.create_client(GetState, f'{name}/get_state'),
    )
    try:
        until(lambda: all(c.service_is_ready() for c in clients), 'its services')
        for label in ('configure', 'activate'):
            if not change_state(*clients, label, until):
                raise BringUpError(f'node {name} refused to {label}; its log says why')
    except _StoppedError:
        return


def wait_until_active(helper: Node, executor: Executor, name: str, stop: threading.Event) -> None:
    """Spin ``executor`` until somebody has activated the node ``name``, or ``stop`` is set."""
    until = _spinning(executor, name, stop, math.inf)
    state_asker = helper.create_client(GetState, f'{name}/get_state')
    try:
        while current_state(state_asker, until) != State.PRIMARY_STATE_ACTIVE:
            stop.wait(_POLL_S)
    except _StoppedError:
        return


def _spinning(executor: Executor, name: str, stop: threading.Event, seconds: float) -> Until:
    """Return a function that spins until its condition is true; see services.Until.

    It raises _StoppedError when ``stop`` is set, and BringUpError ``seconds`` from now.
    """
    deadline = time.monotonic() + seconds

    def until(condition: Callable[[], Any], what: str) -> Any:
        while not (value := condition()):
            if stop.is_set():
                raise _StoppedError
            if time.monotonic() > deadline:
                raise BringUpError(f'node {name}: waited {seconds:g} s for {what}')
            executor.spin_once(timeout_sec=_POLL_S)
        return value

    return until
