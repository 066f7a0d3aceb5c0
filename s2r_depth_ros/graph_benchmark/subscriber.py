"""Notes when depth images and clouds arrive: ``python -m ...benchmark.subscriber RESULT.json``."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions

from s2r_depth_ros.graph_benchmark.camera import in_namespace
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import Channel
from s2r_depth_ros.rig.events import emit, stop_on_signals
from s2r_depth_ros.rig.recorder import Recorder
from s2r_depth_ros.rig.services import RepeatedRequest

_INFERENCE = 'inference p50 (ms)'
_DIAGNOSTICS = Channel(topics.DIAGNOSTICS, topics.DIAGNOSTICS_TOPIC)


class _LastDiagnostics:
    """A writer for Recorder that keeps nothing but the newest status of one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.values: dict[str, str] = {}

    def put(self, channel: Channel, arrived: int, message: bytes) -> None:
        """Take what the recorder received."""
        if channel is _DIAGNOSTICS:
            for status in deserialize_message(message, DiagnosticArray).status:
                if status.name == self._name:
                    self.values = {pair.key: pair.value for pair in status.values}


def main() -> int:
    """Record arrival times until interrupted, then write them."""
    parser = argparse.ArgumentParser(prog='subscriber', description=__doc__)
    parser.add_argument('result', type=Path)
    parser.add_argument('--node', required=True, help="the depth node's full name")
    parser.add_argument('--namespace', default='/', help="of the camera's topics")
    parser.add_argument('--status', required=True, help="name of the camera's diagnostics")
    options = parser.parse_args()
    stop = stop_on_signals()
    rclpy.init(args=in_namespace(options.namespace), signal_handler_options=SignalHandlerOptions.NO)
    diagnostics = _LastDiagnostics(options.status)
    recorder = Recorder(diagnostics)
    beneath = options.namespace.rstrip('/')
    wanted = [
        Channel(f'{beneath}/{topic.name}', topic)
        for topic in topics.OUTPUTS
        if topic.name in (topics.DEPTH, topics.POINTS)
    ]
    for channel in (*wanted, _DIAGNOSTICS):
        recorder.record(channel)
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    try:
        _wait_until_active(recorder, executor, options.node, stop)
        emit('ready')
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        recorder.destroy_node()
        rclpy.try_shutdown()
    arrivals = {c.topic.name: recorder.arrivals[c.name] for c in wanted}
    inference = diagnostics.values.get(_INFERENCE)
    options.result.write_text(json.dumps({'arrivals': arrivals, 'inference_ms': inference}))
    return 0


def _wait_until_active(
    recorder: Recorder, executor: SingleThreadedExecutor, node: str, stop: threading.Event
) -> None:
    client = recorder.create_client(GetState, f'{node}/get_state')
    request = RepeatedRequest(client, GetState.Request())
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.02)
        answer = request.answer()
        if answer is None:
            continue
        if answer.current_state.id == State.PRIMARY_STATE_ACTIVE:
            return
        stop.wait(0.02)
        request = RepeatedRequest(client, GetState.Request())


if __name__ == '__main__':
    sys.exit(main())
