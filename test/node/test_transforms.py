"""Transforms of a node; what needs tf2_ros runs where it is installed (it is in no wheel)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.context import Context
from rclpy.node import Node
from rclpy.time import Time

from s2r_depth_ros.geometry.frame_tree import FixedTransforms, NoTransform
from s2r_depth_ros.geometry.rigid import Matrix
from s2r_depth_ros.node.transforms import TOLERANCE, TfTransforms, _joined, make_transforms

NOW = 1_700_000_000.0


@pytest.fixture(scope='module')
def node() -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context)
    node = Node('asks', context=context, use_global_arguments=False)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


Publish = Callable[..., None]


@pytest.fixture
def tf(node: Node) -> Iterator[TfTransforms]:
    pytest.importorskip('tf2_ros', reason='TF is on ROS installations only')
    transforms = TfTransforms(node)
    yield transforms
    transforms.close()


def publish(tf: TfTransforms, text: str, stamp: float | None) -> None:
    """Let a transform, in the form of FixedTransforms, arrive; without a stamp on /tf_static."""
    parent, child, *numbers = text.split()
    x, y, z, qx, qy, qz, qw = map(float, numbers)
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(nanoseconds=round((stamp or 0) * 1e9)).to_msg()
    move, turn = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z, turn.x, turn.y, turn.z, turn.w = x, y, z, qx, qy, qz, qw
    set_transform = tf._buffer.set_transform_static if stamp is None else tf._buffer.set_transform
    set_transform(message, 'test')


def x_of(transform: Matrix) -> float:
    return float(transform[0, 3])


@pytest.mark.skipif(find_spec('tf2_ros') is not None, reason='TF is installed')
def test_without_tf_the_remedy_is_to_install_it_or_to_give_the_transform(node) -> None:
    transforms = make_transforms(node, ['base camera 1 0 0 0 0 0'])
    assert x_of(transforms.find('base', 'camera', NOW)) == 1
    for _ in range(2):
        with pytest.raises(NoTransform) as error:
            transforms.find('base', 'lidar', NOW)
        assert "no frame 'lidar'" in str(error.value)
        assert 'add' in str(error.value)
        assert 'apt-get install' in str(error.value)


def test_after_the_end_nothing_is_listened_to(node) -> None:
    transforms = make_transforms(node, [])
    transforms.close()
    with pytest.raises(NoTransform, match='cleaned up'):
        transforms.find('base', 'lidar', NOW)


def test_fixed_ones_may_be_replaced(node) -> None:
    transforms = make_transforms(node, ['base camera 1 0 0 0 0 0'])
    transforms.fixed = FixedTransforms(['base camera 2 0 0 0 0 0'])
    assert x_of(transforms.find('base', 'camera', NOW)) == 2


def test_fixed_ones_lengthen_what_the_others_know_at_both_ends() -> None:
    fixed = FixedTransforms(['mount camera 1 0 0 0 0 1.5', 'other lidar 0 2 0 0 1.5 0'])
    between = FixedTransforms(['base mount 3 0 0 1.5 0 0', 'base other 0 0 4 0.5 0 0'])
    whole = FixedTransforms([
        'mount camera 1 0 0 0 0 1.5', 'other lidar 0 2 0 0 1.5 0',
        'base mount 3 0 0 1.5 0 0', 'base other 0 0 4 0.5 0 0',
    ])  # fmt: skip
    for ends in (('camera', 'lidar'), ('lidar', 'camera'), ('base', 'lidar'), ('camera', 'other')):
        found = _joined(fixed, between, ends, NOW)
        np.testing.assert_allclose(found, whole.find(*ends), atol=1e-12)


def test_what_nobody_connects_is_told_of_the_frames_that_were_asked_for() -> None:
    fixed = FixedTransforms(['mount camera 1 0 0 0 0 1.5'])
    with pytest.raises(NoTransform, match="no frame 'camera'"):
        _joined(fixed, FixedTransforms(['a b 0 0 0 0 0 0']), ('camera', 'b'), NOW)


def test_tf_is_interpolated(tf) -> None:
    publish(tf, 'odom base 1 0 0 0 0 0 1', NOW)
    publish(tf, 'odom base 2 0 0 0 0 0 1', NOW + 1)
    publish(tf, 'base camera 0 0 5 0 0 0 1', None)
    assert x_of(tf.find('odom', 'camera', NOW + 0.25)) == pytest.approx(1.25, abs=1e-6)
    assert x_of(tf.find('/camera', '/odom', NOW + 0.25)) == pytest.approx(-1.25, abs=1e-6)
    assert x_of(tf.find('odom', 'camera', 0.0)) == 2


@pytest.mark.parametrize('before', [0, 1])
def test_the_newest_tf_will_do_for_a_while(tf, before) -> None:
    for k in range(before + 1):
        publish(tf, 'odom base 2 0 0 0 0 0 1', NOW - before + k)
    assert x_of(tf.find('odom', 'base', NOW + 0.9 * TOLERANCE)) == 2
    with pytest.raises(NoTransform, match=r'is 0\.30 s older.*tf2_monitor odom base') as error:
        tf.find('odom', 'base', NOW + 0.3)
    assert error.value.of_time
    with pytest.raises(NoTransform, match=r's newer than the image'):
        tf.find('odom', 'base', NOW - 5)


def test_static_tf_has_no_age(tf) -> None:
    publish(tf, 'base camera 3 0 0 0 0 0 1', None)
    for stamp in (0.0, 1.0, NOW, NOW + 1e6):
        assert x_of(tf.find('base', 'camera', stamp)) == 3


def test_frames_that_tf_does_not_know_or_connect_are_named(tf) -> None:
    with pytest.raises(NoTransform, match='nothing is published on /tf: start'):
        tf.find('base', 'camera', NOW)
    publish(tf, 'base camera_link 3 0 0 0 0 0 1', None)
    publish(tf, 'tool gripper 3 0 0 0 0 0 1', None)
    with pytest.raises(NoTransform, match=r"no frame 'camera_lnk'; did you mean camera_link.*st"):
        tf.find('base', 'camera_lnk', NOW)
    with pytest.raises(NoTransform, match="does not connect 'gripper' with 'base'"):
        tf.find('base', 'gripper', NOW)
    for stamp in (-1.0, float('nan'), float('inf'), 1e12):
        with pytest.raises(NoTransform, match='is no time'):
            tf.find('base', 'camera_link', stamp)


def test_a_loop_in_tf_is_named(tf) -> None:
    for text in (
        'a b 1 0 0 0 0 0 1',
        'b c 1 0 0 0 0 0 1',
        'c a 1 0 0 0 0 0 1',
        'x y 0 0 0 0 0 0 1',
    ):
        publish(tf, text, None)
    for stamp in (0.0, NOW):
        with pytest.raises(NoTransform, match=r'is a loop.*view_frames'):
            tf.find('x', 'b', stamp)


def test_parts_without_a_common_time_are_told(tf) -> None:
    publish(tf, 'odom base 1 0 0 0 0 0 1', NOW)
    publish(tf, 'base arm 1 0 0 0 0 0 1', NOW + 5)
    with pytest.raises(NoTransform, match='no common time') as error:
        tf.find('odom', 'arm', NOW + 5)
    assert error.value.of_time


def test_broken_tf_is_told(tf) -> None:
    publish(tf, 'odom base inf 0 0 0 0 0 1', None)
    with pytest.raises(NoTransform, match='is broken'):
        tf.find('odom', 'base', NOW)


def test_time_that_goes_back_is_no_error(tf) -> None:
    publish(tf, 'odom base 1 0 0 0 0 0 1', NOW)
    publish(tf, 'odom base 2 0 0 0 0 0 1', NOW + 100)
    tf._buffer.clear()  # what tf2 does when the clock jumps back
    publish(tf, 'odom base 3 0 0 0 0 0 1', NOW)
    assert x_of(tf.find('odom', 'base', NOW)) == 3
