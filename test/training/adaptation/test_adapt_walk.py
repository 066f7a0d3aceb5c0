"""The walk of docs/adapt.md, short: a robot is recorded, a model adapted, the node runs with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2')

import robot_recordings as robot
from floor_scenes import CAMERA
from rosbags.highlevel import AnyReader
from source_files import ROOT

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.adaptation import adapt as adapting
from s2r_depth_training.cli import main

MODEL = ROOT / 'models' / 'indoor-s.safetensors'
LATER = 2.2  # m to the wall, when the robot has its camera only


def clip(folder: Path, distances: list[float], *, has_depth: bool) -> Path:
    """Write a drive as the camera player plays it."""
    folder.mkdir()
    frames: list[dict[str, Any]] = []
    for number, distance in enumerate(distances):
        depth = robot.truth(distance)
        frames.append({'stamp': 0.5 * number, 'rgb': f'{number}.png'})
        cv2.imwrite(str(folder / f'{number}.png'), robot.picture(depth, number)[..., ::-1])
        if has_depth:
            frames[-1]['depth'] = f'{number}_depth.png'
            cv2.imwrite(str(folder / f'{number}_depth.png'), (1000 * depth).astype(np.uint16))
    numbers = {name: getattr(CAMERA, name) for name in ('fx', 'fy', 'cx', 'cy', 'width', 'height')}
    (folder / 'sequence.json').write_text(json.dumps({**numbers, 'frames': frames}))
    return folder


def demo(folder: Path, out: Path, *more: str) -> Path:
    """Play a clip to the node, and return the recording of both."""
    command = [sys.executable, '-m', 's2r_depth_ros', 'demo', str(folder), '--out', str(out)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return out / 'recording'


def published_depths(bag: Path) -> list[Any]:
    """Return what the node published, [H, W] each, m."""
    with AnyReader([bag]) as reader:
        own = [c for c in reader.connections if c.topic == '/depth_registered/image_rect']
        read: list[Any] = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages(own)]
    return [message.data.view('<f4').reshape(message.height, message.width) for message in read]


def test_a_robot_learns_and_then_sees_better(
    manifests: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (('_STEPS', 12), ('_BATCH', 2), ('_JUDGING', 3), ('_EVERY', 6)):
        monkeypatch.setattr(adapting, name, value)
    drive = clip(tmp_path / 'clip', np.linspace(6.0, 2.0, 60).tolist(), has_depth=True)
    bag = demo(drive, tmp_path / 'drive', '--rate', '5')
    mine = tmp_path / 'mine.safetensors'
    command = ['adapt', '--model', str(MODEL), '--bag', str(bag), '--out', str(mine)]
    topics = ['--colour', '/camera/image_raw', '--depth', '/camera/depth/image_rect']
    assert main([*command, *topics, '--synthetic', str(manifests[0])]) == 0
    later = clip(tmp_path / 'later', [LATER] * 8, has_depth=False)
    seen = published_depths(demo(later, tmp_path / 'out', '--rate', '2', '--model', str(mine)))
    assert seen
    before = (
        DepthEstimator(MODEL, device='cpu')
        .predict(robot.picture(robot.truth(LATER), 0), fx=CAMERA.fx)
        .depth
    )
    errors = [float(np.nanmean(np.abs(d / robot.truth(LATER) - 1))) for d in (*seen, before)]
    assert max(errors[:-1]) < 0.97 * errors[-1]
