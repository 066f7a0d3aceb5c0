"""What a large camera costs the small one beside it in the same node.

usage: PYTHONPATH=. .venv/bin/python benchmarks/large_neighbour.py [--side 4000] [--seconds 12]

Both cameras send compressed images: one of side x side pixels as PNG at 5 Hz, one of 640x480 as
JPEG at 10 Hz. Depth images of both are subscribed to. Prints for each how many came of how many.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from array import array
from dataclasses import dataclass

import cv2
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from beside import beside
from s2r_depth_ros.benchmark.inputs import drawn_image
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.camera_node import info_message
from s2r_depth_ros.rig.clip import pinhole
from s2r_depth_ros.rig.environment import ros_environment

_NODE = [sys.executable, '-m', 's2r_depth_ros', 'node', '--ros-args', '-p', 'autostart:=true']
_NODE += ['-p', 'cameras:=[large, small]', '-p', 'image_transport:=compressed']
_PATIENCE = 60.0  # s, for the first depth


@dataclass
class _Camera:
    """A camera that is played, its size (height, width), and how many were sent and came."""

    name: str
    size: tuple[int, int]
    codec: str
    rate_hz: float
    sent: int = 0
    came: int = 0

    def play(self, node: Node) -> None:
        """Publish until the process ends."""
        images = node.create_publisher(
            CompressedImage, f'{self.name}/{topics.IMAGE_COMPRESSED}', qos_profile_sensor_data
        )
        infos = node.create_publisher(
            CameraInfo, f'{self.name}/{topics.CAMERA_INFO}', qos_profile_sensor_data
        )
        node.create_subscription(
            Image, f'{self.name}/{topics.DEPTH}', self._take, qos_profile_sensor_data, raw=True
        )
        height, width = self.size
        drawn = cv2.cvtColor(drawn_image(height, width), cv2.COLOR_RGB2BGR)
        coded = cv2.imencode(f'.{self.codec}', drawn)[1].tobytes()
        image = CompressedImage(format=self.codec, data=array('B', coded))
        info = info_message(pinhole(width, height, fx=float(width)), image.header)
        due = time.monotonic()
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            image.header.stamp = info.header.stamp = node.get_clock().now().to_msg()
            infos.publish(info)
            images.publish(image)
            self.sent += 1
            due += 1 / self.rate_hz

    def _take(self, _message: bytes) -> None:
        self.came += 1


def main() -> int:
    """Play, and print what came."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--side', type=int, default=4000, help='of the large image, px')
    parser.add_argument('--seconds', type=float, default=12.0)
    options = parser.parse_args()
    os.environ |= ros_environment()
    cameras = [
        _Camera('large', (options.side, options.side), 'png', 5.0),
        _Camera('small', (480, 640), 'jpg', 10.0),
    ]
    rclpy.init()
    node = rclpy.create_node('cameras')
    with beside([_NODE]):
        for work in (lambda: rclpy.spin(node), *(lambda c=c: c.play(node) for c in cameras)):
            threading.Thread(target=work, daemon=True).start()
        end = time.monotonic() + _PATIENCE
        while not all(camera.came for camera in cameras) and time.monotonic() < end:
            time.sleep(0.1)
        before = [(camera.came, camera.sent) for camera in cameras]
        time.sleep(options.seconds)
        found = {
            c.name: f'{c.came - came} of {c.sent - sent}'
            for c, (came, sent) in zip(cameras, before)
        }
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # the executor's thread may be in the middle of a message


if __name__ == '__main__':
    sys.exit(main())
