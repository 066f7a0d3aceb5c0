"""The camera player as a process of its own, seen from a subscriber."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from s2r_depth_ros.transport import profile_environment

FRAMES, WIDTH, HEIGHT, RATE = 5, 64, 48, 10.0
PLAYER = [sys.executable, '-m', 's2r_depth_ros.rig.camera_player']


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    for index in range(FRAMES):
        value = np.full((HEIGHT, WIDTH, 3), 50 + index, np.uint8)
        cv2.imwrite(str(tmp_path / f'{index}.png'), value)
    meta = {'width': WIDTH, 'height': HEIGHT, 'fx': 50.0, 'fy': 52.0, 'cx': 31.0, 'cy': 23.0}
    frames = [{'stamp': 7.0 + index / RATE, 'rgb': f'{index}.png'} for index in range(FRAMES)]
    (tmp_path / 'sequence.json').write_text(json.dumps(meta | {'frames': frames}))
    return tmp_path


class Listener:
    """A node that collects what the player sends, on a domain of this test process."""

    def __init__(self) -> None:
        self.images: list[Image] = []
        self.infos: list[CameraInfo] = []
        self._context = rclpy.Context()
        self._context.init()
        self._node = rclpy.create_node('listener', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        qos = qos_profile_sensor_data
        self._node.create_subscription(Image, 'camera/image_raw', self.images.append, qos)
        self._node.create_subscription(CameraInfo, 'camera/camera_info', self.infos.append, qos)

    @property
    def is_complete(self) -> bool:
        return min(len(self.images), len(self.infos)) >= FRAMES

    def spin_some(self) -> None:
        self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def environment() -> dict[str, str]:
    return os.environ | profile_environment(os.environ)


def _played(sequence: Path, listener: Listener) -> str:
    """Return what the player told until all came, or for so long that no more will come."""
    listener.images.clear()
    listener.infos.clear()
    with subprocess.Popen(
        [*PLAYER, str(sequence), '--hold'],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as player:
        try:
            deadline = time.monotonic() + PATIENCE / 4
            while not listener.is_complete and time.monotonic() < deadline:
                listener.spin_some()
        finally:
            player.terminate()
        output, _ = player.communicate()
    assert player.returncode == 0
    return output


def test_images_and_camera_info_come_in_pairs_at_the_clips_rate(
    sequence: Path, listener: Listener
) -> None:
    # The player may know the listener before the listener knows it: then its first frames are lost.
    for _ in range(4):
        begin, output = time.time(), _played(sequence, listener)
        if listener.is_complete:
            break
    else:
        pytest.fail('frames were lost each time')
    images, infos = listener.images, listener.infos
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


def test_no_frame_is_played_without_its_subscribers(sequence: Path) -> None:
    done = subprocess.run(
        [*PLAYER, str(sequence), '--subscribers', '1', '--wait', '0.5'],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert '0 of 1 subscribers on camera/image_raw' in done.stderr
    assert [json.loads(line)['event'] for line in done.stdout.splitlines()] == ['failed']


def test_a_broken_frame_is_left_out_and_named(sequence: Path, listener: Listener) -> None:
    (sequence / '2.png').write_bytes(b'no picture')
    done = play_to(sequence)
    assert done.returncode == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event['event'] for event in events].count('frame') == FRAMES - 1
    (left_out,) = (event['reason'] for event in events if event['event'] == 'left_out')
    assert '2.png' in left_out
    assert left_out in done.stderr
    assert events[-1] == {'event': 'played', 'frames': FRAMES - 1}


def test_a_clip_without_a_usable_frame_fails(sequence: Path, listener: Listener) -> None:
    for index in range(FRAMES):
        (sequence / f'{index}.png').write_bytes(b'no picture')
    done = play_to(sequence)
    assert done.returncode == 1
    assert 'no frame can be used; the first:' in done.stderr


def play_to(clip: Path) -> subprocess.CompletedProcess[str]:
    """Play a clip to the end; ``listener`` is the subscriber that the player waits for."""
    return subprocess.run(
        [*PLAYER, str(clip)], capture_output=True, text=True, env=environment(), timeout=PATIENCE
    )
