"""Records what the demo's topics carry into a bag (rosbag2 version 9, MCAP), as it arrived.

A process of its own: ``python -m s2r_depth_ros.rig.recorder --bag DIR --result FILE``. It
brings the depth node up, and only then subscribes to the camera: the player's wait for two
subscribers is thereby also the wait for this recorder and for an active node.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.bag_writer import BagWriter
from s2r_depth_ros.rig.channels import Channel, camera_channels, node_channels
from s2r_depth_ros.rig.events import emit, fail, stop_on_signals
from s2r_depth_ros.rig.lifecycle import BringUpError, bring_up


def header_stamp(message: bytes) -> int:
    """Return the stamp (ns) of a serialised message that begins with std_msgs/Header.

    Four bytes of CDR encapsulation come first, the second of which tells the byte order, then
    seconds (int32) and nanoseconds (uint32).
    """
    seconds, nanoseconds = struct.unpack_from('<iI' if message[1] & 1 else '>iI', message, 4)
    return seconds * 1_000_000_000 + nanoseconds


class Recorder(Node):
    """Subscribes to serialised messages, notes when each arrived and hands them to a writer."""

    def __init__(self, writer: BagWriter) -> None:
        super().__init__('demo_recorder')
        self.writer = writer
        self.arrivals: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._recorded: dict[str, Any] = {}

    def record(self, channel: Channel) -> None:
        """Subscribe to ``channel`` from now on."""
        policy = ReliabilityPolicy.RELIABLE if channel.reliable else ReliabilityPolicy.BEST_EFFORT
        self._recorded[channel.name] = self.create_subscription(
            channel.topic.type,
            channel.name,
            self._receiver(channel),
            QoSProfile(depth=10, reliability=policy),
            raw=True,
        )

    def unmatched(self, channels: tuple[Channel, ...]) -> list[str]:
        """Return the topics among ``channels`` that nobody publishes yet."""
        return [
            channel.name
            for channel in channels
            if self._recorded[channel.name].get_publisher_count() == 0
        ]

    def _receiver(self, channel: Channel) -> Callable[[bytes, dict[str, int]], None]:
        def receive(message: bytes, info: dict[str, int]) -> None:
            # When it reached this process, before it waited for its turn in the executor.
            arrived = info['received_timestamp'] or time.time_ns()
            stamp = header_stamp(message)
            self.arrivals[channel.name].append((stamp, arrived))
            self.writer.put(channel, arrived, message)
            if channel.awaited:
                emit('received', topic=channel.name, stamp=stamp)

        return receive


def wait_for_outputs(
    recorder: Recorder, executor: SingleThreadedExecutor, stop: threading.Event, options: Any
) -> None:
    """Spin until the node publishes everything. Raises BringUpError when time is up."""
    deadline = time.monotonic() + options.wait
    while missing := recorder.unmatched(node_channels(options.node)):
        if time.monotonic() > deadline:
            raise BringUpError(f'nobody publishes {", ".join(missing)}')
        if stop.is_set():
            return
        executor.spin_once(timeout_sec=0.02)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog='recorder', description=__doc__)
    parser.add_argument('--bag', type=Path, required=True, help='folder to create')
    parser.add_argument('--result', type=Path, required=True, help='JSON of arrival times')
    parser.add_argument('--node', default='depth', help="the depth node's name")
    parser.add_argument('--wait', type=float, default=60.0, help='seconds to wait for the node')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Record until interrupted; return 0, or 1 with the reason on stderr."""
    options = parse_arguments(arguments)
    stop = stop_on_signals()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    writer = BagWriter(options.bag)
    recorder = Recorder(writer)
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    writer.start()
    try:
        status = run(recorder, executor, options, stop)
    finally:
        executor.shutdown()
        recorder.destroy_node()
        rclpy.try_shutdown()
        writer.finish()
    if writer.error:
        return fail('recorder', f'{options.bag} could not be written: {writer.error}')
    options.result.write_text(json.dumps(recorder.arrivals))
    return status


def run(
    recorder: Recorder,
    executor: SingleThreadedExecutor,
    options: argparse.Namespace,
    stop: threading.Event,
) -> int:
    """Bring the node up, then record until ``stop``; return the exit status."""
    diagnostics = Channel(topics.DIAGNOSTICS, topics.DIAGNOSTICS_TOPIC)
    for channel in (*node_channels(options.node), diagnostics):
        recorder.record(channel)
    try:
        bring_up(recorder, executor, f'/{options.node}', stop, options.wait)
        wait_for_outputs(recorder, executor, stop, options)
    except BringUpError as error:
        return fail('recorder', str(error))
    for channel in camera_channels():
        recorder.record(channel)
    emit('ready')
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    return 0


if __name__ == '__main__':
    sys.exit(main())
