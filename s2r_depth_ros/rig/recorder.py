"""The recorder: writes what a graph's topics carry into a bag (rosbag2 version 9, MCAP).

A process of its own. It brings the depth node up, and only then subscribes to the camera: a
player that waits for two subscribers thereby also waits for this recorder and for an active node.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path

from rclpy.executors import SingleThreadedExecutor

from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.rig.bag_writer import BagWriter
from s2r_depth_ros.rig.channels import DIAGNOSTICS, camera_channels, node_channels
from s2r_depth_ros.rig.events import emit, fail
from s2r_depth_ros.rig.lifecycle import BringUpError, bring_up
from s2r_depth_ros.rig.receiver import Receiver
from s2r_depth_ros.rig.ros_process import executor_of, ros_node, spin_until, stop_on_signals

_NAME = 'recorder'


def main(arguments: list[str] | None = None) -> int:
    """Record until interrupted; return 0, or 1 with the reason on stderr."""
    options = _parse(arguments)
    stop = stop_on_signals()
    writer = BagWriter(options.bag)
    writer.start()
    try:
        with (
            ros_node(lambda: Receiver(_NAME, writer)) as receiver,
            executor_of(receiver) as spinner,
        ):
            status = _record(receiver, spinner, options, stop)
    finally:
        writer.finish()
    if writer.error:
        return fail(_NAME, f'{options.bag} could not be written: {writer.error}')
    options.result.write_text(json.dumps(receiver.arrivals))
    return status


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_NAME, description=__doc__)
    parser.add_argument('--bag', type=Path, required=True, help='folder to create')
    parser.add_argument('--result', type=Path, required=True, help='JSON of arrival times')
    parser.add_argument('--node', default=NODE, help="the depth node's name")
    parser.add_argument('--wait', type=float, default=60.0, help='seconds to wait for the node')
    return parser.parse_args(arguments)


def _record(
    receiver: Receiver,
    executor: SingleThreadedExecutor,
    options: argparse.Namespace,
    stop: threading.Event,
) -> int:
    """Bring the node up, then record until ``stop``; return the exit status."""
    for channel in (*node_channels(options.node), DIAGNOSTICS):
        receiver.receive(channel)
    try:
        bring_up(receiver, executor, f'/{options.node}', stop, options.wait)
        _wait_for_outputs(receiver, executor, options, stop)
    except BringUpError as error:
        return fail(_NAME, str(error))
    for channel in camera_channels():
        receiver.receive(channel)
    emit('ready')
    spin_until(stop, executor)
    return 0


def _wait_for_outputs(
    receiver: Receiver,
    executor: SingleThreadedExecutor,
    options: argparse.Namespace,
    stop: threading.Event,
) -> None:
    """Spin until the node publishes everything. Raises BringUpError when time is up."""
    deadline = time.monotonic() + options.wait
    while missing := receiver.unmatched(node_channels(options.node)):
        if time.monotonic() > deadline:
            raise BringUpError(f'nobody publishes {", ".join(missing)}')
        if stop.is_set():
            return
        executor.spin_once(timeout_sec=0.02)


if __name__ == '__main__':
    sys.exit(main())
