"""Brings a managed node up: configure, then activate."""

from __future__ import annotations

import threading
import time
from typing import Any

from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import Executor
from rclpy.node import Node

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.services import change_state


class BringUpError(UserError):
    """The node did not become active."""


class _StoppedError(Exception):
    """The user wants no more."""


def bring_up(
    helper: Node, executor: Executor, name: str, stop: threading.Event, seconds: float
) -> None:
    """Configure and activate the node ``name``, spinning ``executor`` meanwhile.

    Returns early when ``stop`` is set. Raises BringUpError if the node refuses or is not there
    within ``seconds``, counted from now.
    """
    deadline = time.monotonic() + seconds
    clients = (
        helper.create_client(ChangeState, f'{name}/change_state'),
        helper.create_client(GetState, f'{name}/get_state'),
    )

    def until(condition: Any, what: str) -> Any:
        while not (value := condition()):
            if stop.is_set():
                raise _StoppedError
            if time.monotonic() > deadline:
                raise BringUpError(f'node {name}: waited {seconds:g} s for {what}')
            executor.spin_once(timeout_sec=0.02)
        return value

    try:
        until(lambda: all(c.service_is_ready() for c in clients), 'its services')
        for label in ('configure', 'activate'):
            if not change_state(*clients, label, until):
                raise BringUpError(f'node {name} refused to {label}; its log says why')
    except _StoppedError:
        return
