"""Asks a running node to set depth_scale by one known distance."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.exceptions import NameValidationException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.services import RepeatedRequest

_DISCOVERY = 10.0  # s
_ANSWER = 30.0  # s, more than the node waits for a frame


class CalibrationRefusedError(UserError):
    """The node cannot be asked, or refuses; the text says why, and the remedy."""


def ask_to_calibrate(node: str, camera: str, distance: float, pixel: Sequence[float] | None) -> str:
    """Return what the node says after it has set depth_scale.

    node: its full name. camera: '' for a single one. distance: metres along the optical axis.
    pixel: x, y in px; None: the centre. Raises CalibrationRefusedError.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    own = rclpy.create_node('calibrate_scale', context=context, start_parameter_services=False)
    try:
        return _asked(own, _service_name(node, camera), _request(distance, pixel))
    finally:
        own.destroy_node()
        rclpy.shutdown(context=context)


def _service_name(node: str, camera: str) -> str:
    own = topics.of_camera(topics.CALIBRATE_SCALE, camera)
    return f'/{node.strip("/")}/{own[2:]}'


def _request(distance: float, pixel: Sequence[float] | None) -> Any:
    numbers = {'distance': distance, **dict(zip('xy', pixel or ()))}
    parameters = [Parameter(k, value=float(v)).to_parameter_msg() for k, v in numbers.items()]
    return SetParametersAtomically.Request(parameters=parameters)


def _asked(own: Node, service: str, request: Any) -> str:
    try:
        client = own.create_client(SetParametersAtomically, service)
    except NameValidationException as error:
        raise CalibrationRefusedError(
            f'{service}: no name of a service; --node and --camera have letters, digits, _ and /'
        ) from error
    # A request for nothing is refused, and shows that the answer to the next one is not lost: that
    # one is sent once, as the node would calibrate again after the command has ended.
    heard = RepeatedRequest(client, SetParametersAtomically.Request())
    _wait_for(own, client, heard.answer)
    calibrated = client.call_async(request)
    response = _wait_for(own, client, lambda: calibrated.done() and calibrated.result())
    if not response.result.successful:
        raise CalibrationRefusedError(response.result.reason)
    return str(response.result.reason)


def _wait_for(own: Node, client: Client, answer: Callable[[], Any]) -> Any:
    """Spin until there is an answer, and return it. Raises CalibrationRefusedError."""
    executor = SingleThreadedExecutor(context=own.context)
    executor.add_node(own)
    start = time.monotonic()
    while not (response := answer()):
        waited = time.monotonic() - start
        if waited > _DISCOVERY and not client.service_is_ready():
            raise CalibrationRefusedError(
                f'nobody serves {client.service_name}: is the node configured, and --node its full '
                'name? `ros2 node list` tells; --camera is for a node with several'
            )
        if waited > _DISCOVERY + _ANSWER:
            raise CalibrationRefusedError(
                f'{client.service_name} does not answer: look at the log of the node'
            )
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    return response
