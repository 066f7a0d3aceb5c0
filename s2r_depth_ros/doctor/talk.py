"""One side of the round trip, a process of its own: says clouds, or hears them."""

from __future__ import annotations

import argparse
import array
import sys
import threading
import time

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2

from s2r_depth_ros.doctor.round_trip import DISCOVERY, MESSAGES, NOT_MET, SIZE
from s2r_depth_ros.rig.events import emit, fail
from s2r_depth_ros.rig.ros_process import executor_of, ros_node, spin_until, stop_on_signals

_PERIOD = 0.1  # s


def main() -> int:
    """Say or hear on a topic until interrupted; return 1 if nobody is there to hear."""
    parser = argparse.ArgumentParser(prog='talk', description=__doc__)
    parser.add_argument('side', choices=('say', 'hear'))
    parser.add_argument('topic')
    options = parser.parse_args()
    stop = stop_on_signals()
    with ros_node(lambda: Node(f'doctor_{options.side}')) as node:
        if options.side == 'hear':
            return _hear(node, options.topic, stop)
        return _say(node, options.topic, stop)


def _hear(node: Node, topic: str, stop: threading.Event) -> int:
    with executor_of(node) as executor:
        node.create_subscription(
            PointCloud2, topic, lambda _: emit('heard'), qos_profile_sensor_data
        )
        spin_until(stop, executor)
    return 0


def _say(node: Node, topic: str, stop: threading.Event) -> int:
    publisher = node.create_publisher(PointCloud2, topic, qos_profile_sensor_data)
    give_up = time.monotonic() + DISCOVERY
    while not publisher.get_subscription_count() and not stop.wait(0.05):
        if time.monotonic() > give_up:
            return fail('talk', NOT_MET)
    cloud = PointCloud2(data=array.array('B', bytes(SIZE)))
    for _ in range(MESSAGES):
        if stop.wait(_PERIOD):
            return 0
        publisher.publish(cloud)
    emit('said')
    stop.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
