"""Brings a managed node up: configure, then activate, each with its answer awaited."""

from __future__ import annotations

import threading
import time
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import Executor
from rclpy.node import Node

from s2r_depth_ros.errors import UserError

STEPS = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'activate': Transition.TRANSITION_ACTIVATE,
}


class BringUpError(UserError):
    """The node did not become active."""


def bring_up(
    helper: Node, executor: Executor, name: str, stop: threading.Event, seconds: float
) -> None:
    """Configure and activate the node ``name``, spinning ``executor`` meanwhile.

    Returns early when ``stop`` is set. Raises BringUpError if the node refuses or is not there
    within ``seconds``, counted from now.
    """
    deadline = time.monotonic() + seconds
    client = helper.create_client(ChangeState, f'{name}/change_state')

    def spin_until(condition: Any, what: str) -> None:
        while not condition():
            if time.monotonic() > deadline:
                raise BringUpError(f'{what} for {seconds:g} s')
            if stop.is_set():
                return
            executor.spin_once(timeout_sec=0.02)

    spin_until(client.service_is_ready, f'no node {name} answers')
    for step, transition in STEPS.items():
        request = ChangeState.Request(transition=Transition(id=transition))
        answer = client.call_async(request)
        spin_until(answer.done, f'node {name} has not answered to {step}')
        if stop.is_set():
            return
        if not answer.result().success:
            raise BringUpError(f'node {name} refused to {step}; its log says why')
