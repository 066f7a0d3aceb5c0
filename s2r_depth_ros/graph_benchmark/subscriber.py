"""Notes when one camera's depth images and clouds arrive, a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import DIAGNOSTICS, Channel, full_name
from s2r_depth_ros.rig.events import emit
from s2r_depth_ros.rig.lifecycle import wait_until_active
from s2r_depth_ros.rig.receiver import Receiver
from s2r_depth_ros.rig.ros_process import (
    executor_of,
    in_namespace,
    ros_node,
    spin_until,
    stop_on_signals,
)


class _LastDiagnostics:
    """Where a receiver's messages go; keeps the newest status of one name and nothing else."""

    def __init__(self, name: str) -> None:
        self.values: dict[str, str] = {}
        self._name = name

    def put(self, channel: Channel, time: int, message: bytes) -> None:
        """Take what the receiver received."""
        if channel is DIAGNOSTICS:
            for status in deserialize_message(message, DiagnosticArray).status:
                if status.name == self._name:
                    self.values = {pair.key: pair.value for pair in status.values}


def main() -> int:
    """Record arrival times until interrupted, then write them."""
    options = _parse()
    stop = stop_on_signals()
    diagnostics = _LastDiagnostics(options.status)
    wanted = _outputs(options.namespace)
    with (
        ros_node(
            lambda: Receiver('subscriber', diagnostics), in_namespace(options.namespace)
        ) as node,
        executor_of(node) as executor,
    ):
        for channel in (*wanted, DIAGNOSTICS):
            node.receive(channel)
        wait_until_active(node, executor, options.node, stop)
        emit('ready')
        spin_until(stop, executor)
    arrivals = {channel.topic.name: node.arrivals[channel.name] for channel in wanted}
    options.result.write_text(json.dumps({'arrivals': arrivals, 'status': diagnostics.values}))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='subscriber', description=__doc__)
    parser.add_argument('result', type=Path, help='JSON to write')
    parser.add_argument('--node', required=True, help="the depth node's full name")
    parser.add_argument('--namespace', default='/', help="of the camera's topics")
    parser.add_argument('--status', required=True, help="name of the camera's diagnostics")
    return parser.parse_args()


def _outputs(namespace: str) -> list[Channel]:
    """Return the camera's depth images and clouds."""
    return [
        Channel(full_name(topic.name, namespace), topic)
        for topic in topics.OUTPUTS
        if topic.name in (topics.DEPTH, topics.POINTS)
    ]


if __name__ == '__main__':
    sys.exit(main())
