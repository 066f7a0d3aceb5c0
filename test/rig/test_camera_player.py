"""The camera player as a process of its own, seen from a subscriber."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from s2r_depth_ros.transport import profile_environment

FRAMES, WIDTH, HEIGHT, RATE = 5, 64, 48, 10.0
PLAYER = [sys.executable, '-m', 's2r_depth_ros.rig.camera_player']


@pytest.fixture
def sequence(tmp_path):
    for index in range(FRAMES):
        value = np.full((HEIGHT, WIDTH, 3), 50 + index, np.uint8)
        cv2.imwrite(str(tmp_path / f'{index}.png'), value)
    meta = {'width': WIDTH, 'height': HEIGHT, 'fx': 50.0, 'fy': 52.0, 'cx': 31.0, 'cy': 23.0}
    frames = [{'stamp': 7.0 + index / RATE, 'rgb': f'{index}.png'} for index in range(FRAMES)]
    (tmp_path / 'sequence.json').write_text(json.dumps(meta | {'frames': frames}))
    return tmp_path


@pytest.fixture
def domain():
    return 1 + os.getpid() % 100


@pytest.fixture
def listener(domain):
    """A node that collects what the player sends, on a domain of this test process."""
    context = rclpy.Context()
    context.init(domain_id=domain)
    node = rclpy.create_node('listener', context=context)
    node.received = {Image: [], CameraInfo: []}
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    for kind, topic in ((Image, 'camera/image_raw'), (CameraInfo, 'camera/camera_info')):
        node.create_subscription(kind, topic, node.received[kind].append, qos_profile_sensor_data)
    node.spin_some = lambda: executor.spin_once(timeout_sec=0.05)
    yield node
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def environment(domain: int) -> dict[str, str]:
    return os.environ | profile_environment(os.environ) | {'ROS_DOMAIN_ID': str(domain)}


def test_images_and_camera_info_come_in_pairs_at_the_clips_rate(sequence, listener, domain):
    begin = time.time()
    with subprocess.Popen(
        [*PLAYER, str(sequence), '--hold'],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(domain),
    ) as player:
        try:
            deadline = time.monotonic() + 60
            while min(map(len, listener.received.values())) < FRAMES:
                assert time.monotonic() < deadline
                listener.spin_some()
        finally:
            player.terminate()
        output = player.stdout.read()
    assert player.returncode == 0
    images, infos = listener.received[Image], listener.received[CameraInfo]
    stamps = [image.header.stamp.sec * 10**9 + image.header.stamp.nanosec for image in images]
    for index, (image, info) in enumerate(zip(images, infos)):
        assert image.header == info.header
        assert image.header.frame_id == 'camera_optical_frame'
        assert (image.width, image.height, image.encoding) == (WIDTH, HEIGHT, 'rgb8')
        assert bytes(image.data) == bytes([50 + index]) * (WIDTH * HEIGHT * 3)
        assert (info.width, info.height, info.distortion_model) == (WIDTH, HEIGHT, 'plumb_bob')
        assert list(info.k) == [50.0, 0.0, 31.0, 0.0, 52.0, 23.0, 0.0, 0.0, 1.0]
    # Stamps are the present time, and no frame comes before its turn.
    assert begin * 1e9 < stamps[0] < time.time_ns()
    for index, stamp in enumerate(stamps):
        assert (stamp - stamps[0]) * 1e-9 > index / RATE - 0.05
    events = [json.loads(line) for line in output.splitlines()]
    assert [event['stamp'] for event in events if event['event'] == 'frame'] == stamps
    assert events[-1] == {'event': 'played', 'frames': FRAMES}


def test_no_frame_is_played_without_its_subscribers(sequence, domain):
    done = subprocess.run(
        [*PLAYER, str(sequence), '--subscribers', '1', '--wait', '0.5'],
        capture_output=True,
        text=True,
        env=environment(domain),
        timeout=60,
    )
    assert done.returncode == 1
    assert '0 of 1 subscribers on camera/image_raw' in done.stderr
    assert [json.loads(line)['event'] for line in done.stdout.splitlines()] == ['failed']


def test_a_broken_frame_is_named(sequence, listener, domain):
    (sequence / '2.png').write_bytes(b'no picture')
    with subprocess.Popen(
        [*PLAYER, str(sequence)], stderr=subprocess.PIPE, text=True, env=environment(domain)
    ) as player:
        error = player.communicate(timeout=60)[1]
    assert player.returncode == 1
    assert '2.png' in error
