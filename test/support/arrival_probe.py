"""Counts what arrives of a camera of 640x480 through a depth node, three processes on this machine.

usage: arrival_probe.py MODEL     (a program of its own: process_faults.py runs it in a namespace)
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from patience import PATIENCE
from rclpy.qos import qos_profile_sensor_data
from ros_graph import DepthProcess, Graph, rgb_message
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from s2r_depth_ros.node.camera_info import camera_info_message
from s2r_depth_ros.rig.clip import pinhole
from s2r_depth_ros.transport import avoid_full_memory, profile_environment

_FRAMES, _RATE = 60, 10.0


def main() -> None:
    """Send frames for some seconds and print one line of JSON."""
    avoid_full_memory(os.environ)  # or this process dies of it, too
    domain = int(os.environ['ROS_DOMAIN_ID'])
    with tempfile.TemporaryDirectory() as folder:
        parameters = {'model': sys.argv[1], 'autostart': True, 'device': 'cpu', 'backend': 'torch'}
        profile = profile_environment({})  # of the node, whatever this process has
        log = Path(folder) / 'node.log'
        process = DepthProcess(domain, log, '/probe', parameters, transport=profile)
        try:
            print(json.dumps(_arrivals(process, domain)))
        finally:
            process.process.kill()
            process.process.wait()


def _arrivals(process: DepthProcess, domain: int) -> dict[str, object]:
    graph = Graph(domain, '/probe')
    try:
        image = rgb_message(np.zeros((480, 640, 3), np.uint8))
        counts = {'sent': 0, 'depths': 0, 'clouds': 0}
        for kind, topic, key in (
            (Image, 'depth_registered/image_rect', 'depths'),
            (PointCloud2, 'depth_registered/points', 'clouds'),
        ):

            def count(_message: object, key: str = key) -> None:
                counts[key] += 1

            graph.node.create_subscription(kind, topic, count, 10)
        images = graph.node.create_publisher(Image, 'image', qos_profile_sensor_data)
        infos = graph.node.create_publisher(CameraInfo, 'camera_info', qos_profile_sensor_data)
        end = time.monotonic() + PATIENCE
        while not images.get_subscription_count() and time.monotonic() < end:
            graph.spin(0.1)
            if process.process.poll() is not None:
                break
        while counts['sent'] < _FRAMES and process.process.poll() is None:
            image.header.stamp = graph.node.get_clock().now().to_msg()
            info = camera_info_message(pinhole(640, 480, fx=640.0), image.header)
            infos.publish(info)
            images.publish(image)
            counts['sent'] += 1
            graph.spin(1 / _RATE)
        status = [m.status[0] for m in graph.diagnostics.messages]
        died = process.process.poll()
        return {
            **counts,
            'diagnostics': status[-1].message[:300] if status else 'none came',
            'exit_status': process.end() if died is None else died,
            'warned': [line[-200:] for line in process.log.splitlines() if 'WARN' in line][:3],
        }
    finally:
        graph.close()


if __name__ == '__main__':
    main()
