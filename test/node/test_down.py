from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import pytest
import rclpy
from patience import PATIENCE
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import Imu

from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.node.gravity import STALE_AFTER, Gravity
from s2r_depth_ros.node.parameters import Values, with_changes

NOW = 1_700_000_000.0
OPTICAL = f'camera optical 0 0 0 {-math.pi / 2} 0 {-math.pi / 2}'
# A camera that looks 30 degrees down; its Imu is level with the robot.
FRAMES = FixedTransforms(
    [f'base camera 0.3 0 1.2 0 {math.radians(30)} 0', OPTICAL, 'base imu 0 0 0 0 0 1.0']
)
PITCHED = (0, math.cos(math.radians(30)), math.sin(math.radians(30)))


def assert_points(down: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(down, float), np.asarray(expected, float), atol=1e-6)


@pytest.fixture(scope='module')
def node() -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context)
    node = Node('falls', context=context, use_global_arguments=False)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.fixture
def gravity(node: Node) -> Iterator[Gravity]:
    gravity = make(node, gravity='imu')
    yield gravity
    gravity.close()


def make(node: Node, **changes: object) -> Gravity:
    values = with_changes(Values(), {'base_frame': 'base', **changes})
    return Gravity(node, FRAMES, lambda: values)


def imu(stamp: float, **fields: object) -> Imu:
    """Return a message at rest, as a driver without orientation leaves it."""
    message = Imu()
    message.header.frame_id = 'imu'
    message.header.stamp = Time(nanoseconds=round(stamp * 1e9)).to_msg()
    message.linear_acceleration.z = 9.81
    for name, value in fields.items():
        part = message
        *above, last = name.split('__')
        for step in above:
            part = getattr(part, step)
        setattr(part, last, value)
    return message


def take(gravity: Gravity, *messages: Imu) -> None:
    assert gravity._imu is not None
    for message in messages:
        gravity._imu.take(message)


def test_tf_tells_down_by_the_frame_on_the_floor(node) -> None:
    down = make(node).down('optical', NOW)
    assert (down.source, down.problem) == ('tf', '')
    assert_points(down.vector, PITCHED)


def test_what_tf_does_not_know_is_told_with_the_remedy(node) -> None:
    for frames in ({'base_frame': 'base_footprint'}, {}):
        name = 'base_footprint' if frames else 'elsewhere'
        down = make(node, **frames).down('optical' if frames else name, NOW)
        assert down.vector is None
        assert (
            f'direction of gravity is not known: the parameter transforms has no frame {name!r}'
            in down.problem
        )
    assert 'set the frame_id of the camera' in make(node).down('', NOW).problem


def test_none_knows_nothing_and_asks_nobody(node) -> None:
    before = len(list(node.subscriptions))
    down = make(node, gravity='none').down('nowhere', math.nan)
    assert (down.vector, down.problem) == (None, 'the parameter gravity is none')
    assert len(list(node.subscriptions)) == before


@pytest.mark.parametrize('size', [9.81, 9.2, 10.5])
def test_an_imu_at_rest_tells_down(gravity, size) -> None:
    take(gravity, imu(NOW, linear_acceleration__z=size))
    down = gravity.down('optical', NOW + 0.02)
    assert (down.source, down.problem) == ('imu', '')
    assert_points(down.vector, PITCHED)


def test_orientation_comes_before_acceleration(gravity) -> None:
    turned = {'orientation__x': math.sin(0.1), 'orientation__w': math.cos(0.1)}
    take(gravity, imu(NOW, **turned))
    down = gravity.down('imu', NOW).vector
    assert_points(down, [0, -math.sin(0.2), -math.cos(0.2)])


@pytest.mark.parametrize(
    'fields',
    [
        {},  # orientation as the message class makes it
        {'orientation__w': 0.0},
        {'orientation__w': math.nan},
        {
            'orientation__x': 1.0,
            'orientation__w': 0.0,
            'orientation_covariance': np.array([-1.0] + [0.0] * 8),
        },
    ],
)
def test_an_orientation_that_is_none_is_not_taken(gravity, fields) -> None:
    take(gravity, imu(NOW, linear_acceleration__x=9.81, linear_acceleration__z=0.0, **fields))
    assert_points(gravity.down('imu', NOW).vector, [-1, 0, 0])


def test_an_identity_with_a_covariance_is_an_orientation(gravity) -> None:
    covariance = np.full(9, 0.01)
    message = imu(NOW, linear_acceleration__x=9.81, orientation_covariance=covariance)
    take(gravity, message)
    assert_points(gravity.down('imu', NOW).vector, [0, 0, -1])


@pytest.mark.parametrize(
    'fields',
    [
        {'linear_acceleration__z': 0.0},
        {'linear_acceleration__z': 1.0},
        {'linear_acceleration__z': math.nan},
        {'linear_acceleration__z': 15.0},
        {'linear_acceleration_covariance': np.array([-1.0] + [0.0] * 8)},
    ],
)
def test_an_imu_that_tells_nothing_is_told_of(gravity, fields) -> None:
    take(gravity, imu(NOW, **fields))
    down = gravity.down('optical', NOW)
    assert down.vector is None
    assert 'tells no orientation' in down.problem
    assert 'REP-145' in down.problem


def test_before_the_first_message_the_topic_is_told(gravity) -> None:
    assert 'nobody publishes on /imu: remap imu' in gravity.down('optical', NOW).problem


def test_an_imu_that_has_ended_is_told(gravity) -> None:
    take(gravity, imu(NOW))
    assert gravity.down('optical', NOW + 0.9 * STALE_AFTER).vector is not None
    problem = gravity.down('optical', NOW + 7.0).problem
    assert 'is 7.0 s older than the image' in problem
    assert 'it has ended' in problem
    assert 'is 7.0 s newer than the image' in gravity.down('optical', NOW - 7.0).problem
    take(gravity, imu(NOW + 1, linear_acceleration__z=20.0))
    assert 'it moves' in gravity.down('optical', NOW + 7.0).problem


def test_the_measurement_of_the_image_is_taken(gravity) -> None:
    covariance = np.full(9, 0.01)
    for k in range(100):
        half = 0.005 * k
        turned = {'orientation__x': math.sin(half), 'orientation__w': math.cos(half)}
        take(gravity, imu(NOW + 0.01 * k, orientation_covariance=covariance, **turned))
    down = gravity.down('imu', NOW + 0.3)
    assert_points(down.vector, [0, -math.sin(0.3), -math.cos(0.3)])


def test_a_message_of_another_frame_begins_anew(gravity) -> None:
    take(gravity, imu(NOW, header__frame_id='camera'))
    take(gravity, imu(NOW))
    assert_points(gravity.down('optical', NOW).vector, PITCHED)
    take(gravity, imu(NOW, header__frame_id='nowhere'))
    assert "no frame 'nowhere'" in gravity.down('optical', NOW).problem


def test_without_stamps_it_is_now(node, gravity) -> None:
    take(gravity, imu(0.0))
    now = node.get_clock().now().nanoseconds * 1e-9
    for stamp in (0.0, now):
        assert gravity.down('optical', stamp).vector is not None
    assert gravity.down('optical', now + 100).vector is None


def test_an_imu_on_a_real_topic_is_heard(node, gravity) -> None:
    publisher = node.create_publisher(Imu, 'imu', 10)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end = time.monotonic() + PATIENCE
    while gravity.down('optical', NOW).vector is None and time.monotonic() < end:
        publisher.publish(imu(NOW))
        executor.spin_once(timeout_sec=0.1)
    assert_points(gravity.down('optical', NOW).vector, PITCHED)
    executor.shutdown()
    node.destroy_publisher(publisher)


def test_a_stamp_before_1970_ends_nothing(gravity) -> None:
    message = imu(NOW)
    message.header.stamp.sec = -1
    gravity._imu.take(message)
    assert gravity.down('optical', NOW).vector is None
    gravity._imu.take(imu(NOW))
    assert_points(gravity.down('optical', NOW).vector, PITCHED)
