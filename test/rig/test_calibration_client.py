"""Asking for a calibration: once, and where nobody can answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor

from s2r_depth_ros.rig import calibration_client
from s2r_depth_ros.rig.calibration_client import CalibrationRefusedError, ask_to_calibrate
from s2r_depth_ros.rig.services import AGAIN_AFTER


@pytest.fixture
def served() -> Iterator[list[dict[str, float]]]:
    """What a service is asked that takes longer than requests are sent again; it never fails."""
    asked: list[dict[str, float]] = []

    def serve(request: Any, response: Any) -> Any:
        asked.append({p.name: p.value.double_value for p in request.parameters})
        if request.parameters:
            time.sleep(2.5 * AGAIN_AFTER)
        response.result.successful = bool(request.parameters)
        response.result.reason = 'done'
        return response

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('served', context=context)
    node.create_service(SetParametersAtomically, '/served/calibrate_scale', serve)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield asked
    executor.shutdown()
    thread.join()
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_node_that_takes_long_is_asked_to_calibrate_once(served: list[dict[str, float]]) -> None:
    """Asked again it would calibrate after the command has ended, and the robot drives on."""
    assert ask_to_calibrate('served', '', 2.0, (3, 4)) == 'done'
    time.sleep(AGAIN_AFTER)  # what else was sent would be served now
    assert [numbers for numbers in served if numbers] == [{'distance': 2.0, 'x': 3.0, 'y': 4.0}]


@pytest.mark.parametrize(
    ('node', 'camera', 'reason'),
    [
        ('/no_such/depth', '', 'nobody serves /no_such/depth/calibrate_scale: is the node'),
        ('depth', 'rear', 'nobody serves /depth/rear/calibrate_scale'),
        ('/two words', '', 'no name of a service'),
        ('/depth', '9', 'no name of a service'),
    ],
)
def test_what_cannot_be_asked_is_named(
    node: str, camera: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_client, '_DISCOVERY', 0.2)
    with pytest.raises(CalibrationRefusedError, match=reason):
        ask_to_calibrate(node, camera, 2.0, None)
