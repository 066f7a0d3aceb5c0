"""How frames are levelled, without a graph and, by an Imu, on a real one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from fake_node import FakeNode
from frame_pipelines import OVER_FLOOR, model_of, pipeline_of
from ros_graph import camera_info, picture, pixels, rgb_message, values_of
from sensor_msgs.msg import Imu
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.geometry.rigid import rotation_of_rpy
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.sharing import Inference
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.frame_level import FrameLevel, Leveled
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values, with_changes
from s2r_depth_ros.node.status import WARN

DEFAULTS = Values()
UPSIDE_DOWN = 'base_footprint camera 0 0 0.5 1.5707963 0 1.5707963'
CAMERA = Intrinsics(150.0, 150.0, 79.5, 59.5, 160, 120)
MODEL = replace(model_of(), pitch_range=(-0.7, 0.2), roll_range=(-0.1, 0.1))
WANTED = {topics.DEPTH, topics.POINTS, topics.STRUCTURE, topics.ATTENTION}


def posed(pitch: float, roll: float) -> str:
    """Return the transform of a camera with these angles, degrees, by rotations one by one."""
    level = rotation_of_rpy(-math.pi / 2, 0, -math.pi / 2)
    turn = (
        level
        @ rotation_of_rpy(math.radians(pitch), 0, 0)
        @ rotation_of_rpy(0, 0, math.radians(roll))
    )
    w = math.sqrt(max(0.0, 1 + np.trace(turn))) / 2
    if w < 1e-6:
        raise ValueError('give another angle')
    skew = [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    numbers = ' '.join(str(value / (4 * w)) for value in skew)
    return f'base_footprint camera 0 0 1 {numbers} {w}'


def find(
    *transforms: str,
    model: ModelMetadata = MODEL,
    camera: Intrinsics | None = CAMERA,
    frame: str = 'camera',
    **changes: object,
) -> Leveled:
    values = with_changes(DEFAULTS, {'transforms': transforms, **changes})
    gravity = Gravity(cast(Any, FakeNode()), FixedTransforms(transforms), lambda: values)
    return FrameLevel(gravity, model).find(Header(frame_id=frame), camera, values)


@pytest.mark.parametrize('roll', [-120, -30, 17, 30, 100])
@pytest.mark.parametrize('pitch', [-35, 0, 30])
def test_a_camera_rolled_beyond_the_training_is_turned_upright(pitch, roll) -> None:
    leveled = find(posed(pitch, roll))
    assert leveled.turned is not None
    assert leveled.problem == ''
    expected = f'turned by {abs(roll)} degrees (pitch {pitch}, roll {roll} degrees'
    assert leveled.text.startswith(expected)
    assert ('pitches of -40 to 11' in leveled.text) == (pitch == 30)


@pytest.mark.parametrize('roll', [-15, 0, 5])
def test_a_camera_as_in_the_training_is_left_alone(roll) -> None:
    leveled = find(posed(-10, roll))
    assert (leveled.turned, leveled.problem) == (None, '')
    assert leveled.text.startswith('not needed (pitch -10')


def test_a_model_that_tells_no_angles_is_taken_to_be_level() -> None:
    assert find(posed(0, 11), model=model_of()).turned is not None
    assert find(posed(0, 9), model=model_of()).turned is None


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'level': 'never'}, 'never'),
        ({'camera': None}, 'there is no camera_info'),
        ({'gravity': 'none'}, 'parameter gravity is none'),
        ({'base_frame': 'base_link'}, "no frame 'base_link'"),
        ({'frame': ''}, 'a frame has no name'),
        ({'frame': 'other'}, "no frame 'other'"),
    ],
)
def test_what_is_not_known_levels_nothing_and_is_told(changes, text) -> None:
    leveled = find(UPSIDE_DOWN, **changes)
    assert leveled.turned is None
    assert text in leveled.text
    assert leveled.problem == ''


def test_a_camera_that_looks_down_or_up_is_not_turned() -> None:
    down = find(posed(-75, 40))
    assert down.turned is None
    assert 'is too steep' in down.text
    assert down.problem == ''
    # The body frame of a level camera, x ahead: as an optical frame it looks up.
    body = find('base_footprint camera 0 0 1 0 0 0')
    assert body.turned is None
    assert 'no optical frame' in body.problem
    assert 'REP-103' in body.problem


def test_the_view_is_kept_while_the_camera_moves_little() -> None:
    fixed = FixedTransforms([posed(0, 30)])
    gravity = Gravity(cast(Any, FakeNode()), fixed, lambda: DEFAULTS)
    level = FrameLevel(gravity, MODEL)

    def view(roll: float, camera: Intrinsics = CAMERA) -> object:
        gravity._transforms = FixedTransforms([posed(0, roll)])
        return level.find(Header(frame_id='camera'), camera, DEFAULTS).turned

    assert view(15) is None  # within 10 degrees of the model's range of 5.7
    first = view(30)
    assert view(30.1) is first
    assert view(29.9) is first
    assert view(30.3) is not first
    other = view(30.3)
    assert view(30.3, replace(CAMERA, fx=151.0)) is not other
    assert view(7) is not None  # still: at the threshold it must not come and go
    assert view(5) is None
    assert view(15) is None


# ---------------------------------------------------------------- through the network


def made(estimator: DepthEstimator, rgb: NDArray[np.uint8], *frames: str, **changes) -> Result:
    pipeline = pipeline_of(estimator.metadata, *frames)
    values = with_changes(DEFAULTS, changes)
    message = rgb_message(rgb)
    message.header.frame_id = 'camera'
    frame = pipeline.prepare(message, lambda *_: (camera_info(), ''), WANTED, values)
    assert frame.view is not None
    (prediction,) = estimator.predict_batch([frame.view])
    return pipeline.finish(frame, Inference(prediction, 0.1, 1), values)


def shown(result: Result, name: str) -> NDArray[Any]:
    return pixels(result.messages[name]).astype(np.float32)


@pytest.fixture(scope='module')
def estimator(lively_model: Path) -> DepthEstimator:
    return DepthEstimator(lively_model, device='cpu')


def test_an_image_upside_down_has_the_depth_of_the_upright_one(estimator) -> None:
    rgb = picture(5)
    turned = np.ascontiguousarray(rgb[::-1, ::-1])
    upright, without = (made(estimator, rgb, *frames) for frames in ((OVER_FLOOR,), ()))
    upside_down = made(estimator, turned, UPSIDE_DOWN)
    for name in WANTED - {topics.POINTS}:
        np.testing.assert_array_equal(shown(upright, name), shown(without, name))
        expected = shown(upright, name)[::-1, ::-1]
        np.testing.assert_allclose(shown(upside_down, name), expected, rtol=1e-5, atol=1e-5)
    assert upside_down.level.text.startswith('turned by 180 degrees')
    assert upside_down.focal_scale == pytest.approx(upright.focal_scale)
    never = made(estimator, turned, UPSIDE_DOWN, level='never')
    assert not np.allclose(shown(never, topics.DEPTH), shown(upside_down, topics.DEPTH), rtol=0.01)


def test_scale_and_limits_are_those_of_depth_that_was_turned_back(estimator) -> None:
    plain = shown(made(estimator, picture(5), UPSIDE_DOWN), topics.DEPTH)
    low, high = (float(value) for value in np.percentile(plain * 2, (20, 80)))
    changes = {'depth_scale': 2.0, 'min_depth': low, 'max_depth': high}
    depth = shown(made(estimator, picture(5), UPSIDE_DOWN, **changes), topics.DEPTH)
    inside = (plain * 2 >= low) & (plain * 2 <= high)
    np.testing.assert_array_equal(np.isfinite(depth), inside)
    np.testing.assert_allclose(depth[inside], 2 * plain[inside])
    assert 0.3 < inside.mean() < 0.7


# ---------------------------------------------------------------- on a real graph


def test_an_imu_levels_the_frames_of_a_real_node(start_node: Any, make_graph: Any) -> None:
    frames = ['imu camera 0 0 0 1.5707963 0 1.5707963']
    start_node('/rolled', autostart=True, gravity='imu', transforms=frames, publish_always=True)
    graph = make_graph('/rolled')

    def told() -> Any:
        graph.send(graph.image(), camera_info())
        status = graph.status()
        return status if values_of(status).get('levelled', 'n/a') != 'n/a' else None

    status = graph.until(told, 'a frame')
    assert status.level == WARN
    assert 'nobody publishes on /rolled/imu: remap imu' in status.message

    message = Imu(header=Header(frame_id='imu'))
    message.linear_acceleration.z = 9.81

    def levelled() -> bool:
        frame = graph.image()
        message.header.stamp = frame.header.stamp
        graph.publisher(Imu, 'imu').publish(message)
        graph.spin(0.05)
        graph.send(frame, camera_info())
        return 'turned by 180 degrees' in values_of(graph.status())['levelled']

    graph.until(levelled, 'levelled frames')
    assert 'imu' not in graph.status().message
