"""A camera that shows one picture at a steady rate: ``python -m ...benchmark.camera FILE.npy``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np
import rclpy
from rclpy.signals import SignalHandlerOptions

from s2r_depth_ros.rig.camera_player import CameraPlayer, run
from s2r_depth_ros.rig.clip import OPTICAL_FRAME, Clip, Frame, ImageData, pinhole
from s2r_depth_ros.rig.events import stop_on_signals


def still(rgb: np.ndarray, rate: float) -> Clip:
    """Return an endless clip of ``rgb``, uint8 [H, W, 3], seen by a camera of 53 degrees."""
    height, width = rgb.shape[:2]
    image, calibration = ImageData.from_rgb(rgb), pinhole(width, height, fx=float(width))

    def frames() -> Iterator[Frame]:
        number = 0
        while True:
            yield Frame(number / rate, image, calibration)
            number += 1

    return Clip('still', None, 'assumed', OPTICAL_FRAME, frames)


def in_namespace(namespace: str) -> list[str]:
    """Return the ROS arguments that put this process's node into a namespace."""
    return ['--ros-args', '-r', f'__ns:={namespace}']


def main() -> int:
    """Play; return 0, or 1 if nobody subscribed."""
    parser = argparse.ArgumentParser(prog='camera', description=__doc__)
    parser.add_argument('image', help='.npy file, uint8 [H, W, 3] RGB')
    parser.add_argument('--rate', type=float, required=True, help='frames per second')
    parser.add_argument('--frames', type=int, required=True)
    parser.add_argument('--namespace', default='/', help='of its topics')
    options = parser.parse_args()
    options.subscribers, options.wait, options.hold = 1, 30.0, True
    stop = stop_on_signals()
    rclpy.init(args=in_namespace(options.namespace), signal_handler_options=SignalHandlerOptions.NO)
    player = CameraPlayer(OPTICAL_FRAME)
    try:
        return run(player, still(np.load(options.image), options.rate), options, stop)
    finally:
        player.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    sys.exit(main())
