"""A camera made of a recording: plays a clip on ``camera/image_raw`` and ``camera/camera_info``.

A process of its own: ``python -m s2r_depth_ros.rig.camera_player INPUT``. Stamps are the time
of publishing, as a camera driver's are, so that latency can be measured against them.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from array import array
from collections.abc import Callable
from itertools import islice

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration
from s2r_depth_ros.rig.clip import Clip, Frame
from s2r_depth_ros.rig.events import emit, fail, stop_on_signals
from s2r_depth_ros.rig.open_clip import open_clip

IMAGE_TOPIC = 'camera/image_raw'
INFO_TOPIC = 'camera/camera_info'
POLL_S = 0.01


class CameraPlayer(Node):
    """Publishes frames of a clip with sensor QoS (best effort), image and camera_info paired."""

    def __init__(self, frame_id: str) -> None:
        super().__init__('camera_player')
        self.frame_id = frame_id
        qos = qos_profile_sensor_data
        self.image_publisher = self.create_publisher(Image, IMAGE_TOPIC, qos)
        self.info_publisher = self.create_publisher(CameraInfo, INFO_TOPIC, qos)

    def subscribers(self) -> int:
        """Return how many subscribers both topics have."""
        publishers = (self.image_publisher, self.info_publisher)
        return min(publisher.get_subscription_count() for publisher in publishers)

    def publish(self, frame: Frame) -> int:
        """Publish one frame stamped with the present time; return the stamp in nanoseconds."""
        image, info = image_message(frame), info_message(frame.calibration)
        now = self.get_clock().now()
        for message in (image, info):
            message.header.stamp = now.to_msg()
            message.header.frame_id = self.frame_id
        # camera_info first: whoever gets the image already has its calibration.
        self.info_publisher.publish(info)
        self.image_publisher.publish(image)
        return now.nanoseconds


def image_message(frame: Frame) -> Image:
    """Return the frame's image as a message without header."""
    source = frame.image
    data = array('B')
    # From an ndarray or bytes, rclpy's setter would check every single byte.
    data.frombytes(np.ascontiguousarray(np.frombuffer(source.data, np.uint8)))
    return Image(
        height=source.height,
        width=source.width,
        encoding=source.encoding,
        is_bigendian=source.is_bigendian,
        step=source.step,
        data=data,
    )


def info_message(calibration: Calibration) -> CameraInfo:
    """Return the calibration as a message without header."""
    info = CameraInfo(
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
        d=list(calibration.d),
        k=list(calibration.k),
        r=list(calibration.r),
        p=list(calibration.p),
        binning_x=calibration.binning_x,
        binning_y=calibration.binning_y,
    )
    info.roi.x_offset = calibration.roi.x_offset
    info.roi.y_offset = calibration.roi.y_offset
    info.roi.width = calibration.roi.width
    info.roi.height = calibration.roi.height
    return info


def wait_until(condition: Callable[[], bool], stop: threading.Event, seconds: float) -> bool:
    """Poll until ``condition`` holds (True), or ``stop`` is set or time is up (False)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or stop.wait(POLL_S):
            return False
    return True


def play(
    player: CameraPlayer,
    clip: Clip,
    stop: threading.Event,
    *,
    rate: float | None,
    frames: int | None,
) -> int:
    """Play up to ``frames`` frames at ``rate`` Hz (None: the clip's own times); return how many.

    Like a camera it keeps its times: a frame that is late is published at once, none is skipped.
    """
    start: float | None = None
    count = 0
    for index, frame in enumerate(islice(clip.frames(), frames)):
        due = index / rate if rate else frame.time
        start = time.monotonic() if start is None else start
        if stop.wait(max(0.0, start + due - time.monotonic())):
            break
        emit('frame', stamp=player.publish(frame))
        count += 1
    return count


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog='camera_player', description=__doc__)
    parser.add_argument('input', help='image folder, video, bag, or folder with sequence.json')
    parser.add_argument('--rate', type=float, help="frames per second (default: the clip's own)")
    parser.add_argument('--frames', type=int, help='stop after so many frames')
    parser.add_argument('--fx', type=float, help="focal length in pixels of the clip's images")
    parser.add_argument(
        '--subscribers', type=int, default=1, help='wait for so many before the first frame'
    )
    parser.add_argument('--wait', type=float, default=60.0, help='seconds to wait for them')
    parser.add_argument(
        '--hold', action='store_true', help='keep the topics after the last frame until interrupted'
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Play one clip; return 0, or 1 with the reason on stderr."""
    options = parse_arguments(arguments)
    stop = stop_on_signals()
    try:
        clip = open_clip(options.input, fx=options.fx)
    except UserError as error:
        return fail('camera_player', str(error))
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    player = CameraPlayer(clip.frame_id)
    try:
        return run(player, clip, options, stop)
    except UserError as error:
        return fail('camera_player', str(error))
    finally:
        player.destroy_node()
        rclpy.try_shutdown()


def run(
    player: CameraPlayer, clip: Clip, options: argparse.Namespace, stop: threading.Event
) -> int:
    """Wait for the subscribers, play, hold; return the exit status."""
    matched = wait_until(lambda: player.subscribers() >= options.subscribers, stop, options.wait)
    if stop.is_set():
        return 0
    if not matched:
        return fail(
            'camera_player',
            f'{player.subscribers()} of {options.subscribers} subscribers on '
            f'{IMAGE_TOPIC} after {options.wait:g} s: is the node active, with the same '
            'ROS_DOMAIN_ID?',
        )
    count = play(player, clip, stop, rate=options.rate, frames=options.frames)
    emit('played', frames=count)
    if options.hold:
        stop.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
