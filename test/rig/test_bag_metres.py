"""What a recording knows of metres scales the demo: depth images, a lidar, the camera's height."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rosbags', reason='needs rosbags')
pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import robot_recordings as robot
from floor_scenes import CAMERA

from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.geometry.rigid import quaternion_of_rotation, rotation_of_quaternion
from s2r_depth_ros.media.bags.messages import header_time
from s2r_depth_ros.rig.clip import Clip, ImageData
from s2r_depth_ros.rig.open_clip import open_clip

DISTANCES = [3.0, 2.5, 2.0]
# Of a level camera 0.5 m over the floor.
UPRIGHT = robot.transform('base_footprint', 'optical', (-0.5, 0.5, -0.5, 0.5), (0.1, 0.0, 0.5))


def clip_of(folder: Path, content: list[Any], **options: Any) -> Clip:
    return open_clip(robot.record(folder / 'bag', content), **options)


def metres(image: ImageData | None) -> np.ndarray:
    assert image is not None
    assert (image.encoding, image.height, image.width) == ('32FC1', CAMERA.height, CAMERA.width)
    return np.frombuffer(image.data, '<f4').reshape(image.height, image.width)


@pytest.mark.parametrize('by', [robot.DEPTH, robot.POINTS, robot.LASER])
def test_each_frame_has_the_depth_that_was_measured_then(tmp_path: Path, by: str) -> None:
    clip = clip_of(tmp_path, robot.messages(DISTANCES, by=by))
    assert clip.metres is not None
    assert clip.metres.has_depth
    assert by in clip.metres.words
    frames = list(clip.frames())
    assert len(frames) == len(DISTANCES)
    for distance, frame in zip(DISTANCES, frames):
        depth, truth = metres(frame.depth), robot.truth(distance)
        known = np.isfinite(depth)
        assert known.sum() > (100 if by != robot.LASER else 30)
        if by != robot.LASER:
            # A point of the lidar lies somewhere in its pixel.
            close = np.isclose(depth[known], truth[known], rtol=0.05)
            assert close.mean() > 0.95
        else:
            assert np.nanmax(depth) == pytest.approx(distance, rel=0.01)


@pytest.mark.parametrize('late', [-0.01, 0.02])
def test_depth_may_be_recorded_before_or_after_its_image(tmp_path: Path, late: float) -> None:
    content = robot.messages(DISTANCES, period=0.05)
    depths = [message for topic, _, message in content if topic == robot.DEPTH]
    for number, message in enumerate(depths):
        message.header = robot.framed(100 + 0.05 * number + late, 'optical')
    content.sort(key=lambda m: (m[0] != '/tf_static', stamp_of(m[2])))
    frames = list(clip_of(tmp_path, content).frames())
    for distance, frame in zip(DISTANCES, frames):
        depth, truth = metres(frame.depth), robot.truth(distance)
        np.testing.assert_array_equal(depth, np.where(np.isfinite(truth), truth, depth))


def stamp_of(message: Any) -> float:
    return header_time(message) if hasattr(message, 'header') else 0.0


def test_a_frame_without_depth_close_by_has_none(tmp_path: Path) -> None:
    content = robot.messages(DISTANCES)
    depths = [message for topic, _, message in content if topic == robot.DEPTH]
    depths[1].header.stamp.sec += 30
    frames = list(clip_of(tmp_path, content).frames())
    assert [frame.depth is not None for frame in frames] == [True, False, True]


def test_depth_of_another_size_is_left_out(tmp_path: Path) -> None:
    content = robot.messages(DISTANCES)
    last = [message for topic, _, message in content if topic == robot.DEPTH][-1]
    last.height, last.data = last.height // 2, last.data[: len(last.data) // 2]
    frames = list(clip_of(tmp_path, content).frames())
    assert [frame.depth is not None for frame in frames] == [True, True, False]


def test_the_height_of_the_camera_is_taken_where_nothing_measures(tmp_path: Path) -> None:
    content = [m for m in robot.messages(DISTANCES) if m[0] != robot.DEPTH]
    content.insert(0, ('/tf_static', robot.TF, UPRIGHT))
    known = clip_of(tmp_path, content).metres
    assert known is not None
    assert not known.has_depth
    assert '0.50 m' in known.words
    pose = FixedTransforms([known.pose]).find('base_footprint', 'optical')
    np.testing.assert_allclose(pose[:3, 3], (0.1, 0, 0.5), atol=1e-6)
    np.testing.assert_allclose(pose[:3, 1], (0, 0, -1), atol=1e-6)


def changed(content: list[Any], topic: str, **fields: Any) -> list[Any]:
    """Return messages, of which those of a topic have other fields."""
    for name, _, message in content:
        if name == topic:
            for field, value in fields.items():
                setattr(message, field, value)
    return content


def renamed(topic: str) -> list[Any]:
    return [
        (topic if name == robot.DEPTH else name, kind, message)
        for name, kind, message in robot.messages(DISTANCES)
    ]


def another_frame() -> list[Any]:
    content = robot.messages(DISTANCES)
    for name, _, message in content:
        if name == robot.DEPTH:
            robot.in_frame(message, 'depth_optical')
    return content


@pytest.mark.parametrize(
    'content',
    [
        [m for m in robot.messages(DISTANCES) if m[0] != robot.DEPTH],
        another_frame(),
        robot.messages(DISTANCES, d=(0.3,)),
        changed(robot.messages(DISTANCES), robot.DEPTH, encoding='mono8'),
        changed(robot.messages(DISTANCES), robot.DEPTH, width=CAMERA.width // 2),
        # What the node itself has published is no measurement, nor is what is made of depth.
        renamed('/front/depth_registered/image_rect'),
        renamed('/camera/depth/confidence'),
        [m for m in robot.messages(DISTANCES, by=robot.POINTS) if m[0] != '/tf_static'],
        [('/tf_static', robot.TF, robot.transform('base_footprint', 'optical')),
         *[m for m in robot.messages(DISTANCES) if m[0] != robot.DEPTH]],
    ],
    ids=['nothing', 'another frame', 'distorted', 'no depth', 'wrong size', 'own', 'confidence',
         'lidar without TF', 'camera on the floor'],
)  # fmt: skip
def test_what_cannot_be_trusted_scales_nothing(tmp_path: Path, content: list[Any]) -> None:
    clip = clip_of(tmp_path, content)
    assert clip.metres is None
    assert [frame.depth for frame in clip.frames()] == [None] * len(DISTANCES)


def test_a_lidar_that_looks_elsewhere_is_passed_over(tmp_path: Path) -> None:
    content = robot.messages(DISTANCES, by=robot.POINTS)
    content[0] = ('/tf_static', robot.TF, robot.transform('lidar', 'optical', (0, 1.0, 0, 0)))
    content.insert(1, ('/tf', robot.TF, UPRIGHT))
    assert clip_of(tmp_path, content).metres is None


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: math.hypot(*q) > 0.1))
def test_a_rotation_is_that_of_its_quaternion(quaternion: list[float]) -> None:
    rotation = rotation_of_quaternion(quaternion)
    again = rotation_of_quaternion(quaternion_of_rotation(rotation))
    np.testing.assert_allclose(again, rotation, atol=1e-9)
