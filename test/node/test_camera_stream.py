"""A camera's topics, and what it says of its frames, without a graph."""

from __future__ import annotations

from typing import Any, cast

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from fake_node import FakeNode
from rclpy.lifecycle import LifecycleNode
from ros_graph import HEIGHT, WIDTH, camera_info
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_health import CameraHealth
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.camera_topics import CameraTopics
from s2r_depth_ros.node.pipeline import Result


def _topics(node: FakeNode, camera: str = '', *, compressed: bool = False) -> CameraTopics:
    return CameraTopics(
        cast(LifecycleNode, node), camera, compressed, lambda image: None, lambda info: None
    )


def _result(**changes: Any) -> Result:
    facts = {'camera_problem': '', 'rectified': False, 'focal_scale': 1.0, 'inference': 0.1}
    return Result(header=Header(), messages={}, batch=1, **{**facts, **changes})


def _health(node: FakeNode, name: str = '', image: str = '/image') -> CameraHealth:
    return CameraHealth(name, image, cast(Any, node.logger), node.get_clock())


# ---------------------------------------------------------------- topics


@pytest.mark.parametrize('compressed', [False, True])
def test_a_camera_subscribes_to_one_kind_of_image(compressed: bool) -> None:
    node = FakeNode()
    camera = _topics(node, 'front', compressed=compressed)
    image = 'front/image/compressed' if compressed else 'front/image'
    assert node.subscriptions.keys() == {image, 'front/camera_info'}
    assert (camera.image, camera.camera_info) == (f'/{image}', '/front/camera_info')
    assert list(node.publishers) == [topics.of_camera(t.name, 'front') for t in topics.OUTPUTS]


def test_what_has_a_subscriber_is_wanted_or_all() -> None:
    node = FakeNode()
    camera = _topics(node)
    for name, publisher in node.publishers.items():
        publisher.subscribers = int(name in (topics.DEPTH, topics.STRUCTURE))
    assert camera.wanted(always=False) == {topics.DEPTH, topics.STRUCTURE}
    assert camera.wanted(always=True) == {topic.name for topic in topics.OUTPUTS}


@pytest.mark.parametrize('impossible', [topics.ATTENTION, topics.CAMERA_INFO])
def test_topics_that_cannot_all_be_created_leave_none_behind(impossible: str) -> None:
    node = FakeNode(impossible)
    with pytest.raises(ValueError, match=impossible):
        _topics(node)
    left = [publisher.destroyed for publisher in node.publishers.values()]
    left += [subscription.destroyed for subscription in node.subscriptions.values()]
    assert left
    assert all(left)


# ---------------------------------------------------------------- camera_info


def test_a_missing_camera_info_is_named_with_its_remedy() -> None:
    node, arrived = FakeNode(), []
    camera = CameraStream(
        cast(LifecycleNode, node), 'rear', False, lambda *_: None, lambda: arrived.append('info')
    )
    size = (WIDTH, HEIGHT)
    wanted = Header(frame_id='rear_optical_frame')
    assert camera.find_info(wanted, size) == (
        None,
        'no camera_info on /rear/camera_info: remap rear/camera_info to the topic of your camera '
        '(-r rear/camera_info:=...)',
    )
    info = camera_info(header=wanted)
    node.subscriptions['rear/camera_info'].callback(info)
    assert arrived == ['info']
    assert camera.find_info(wanted, size) == (info, '')
    assert not node.logger.lines


def test_another_frame_id_is_told_once_and_used() -> None:
    node = FakeNode()
    camera = CameraStream(cast(LifecycleNode, node), 'rear', False, lambda *_: None, lambda: None)
    for frame_id in ('', 'other', '/camera'):
        info = camera_info(header=Header(frame_id=frame_id, stamp=Time(sec=len(frame_id))))
        camera.infos.add(info)
        for _ in range(2):
            header = Header(frame_id='camera', stamp=info.header.stamp)
            assert camera.find_info(header, (WIDTH, HEIGHT)) == (info, '')
    told = [text for _, text in node.logger.lines]
    assert told == [
        f'camera rear: camera_info on /rear/camera_info has frame_id {frame_id!r} but the image '
        "has 'camera': it is used all the same. If it is of another camera, remap "
        'rear/camera_info to the topic of the right one'
        for frame_id in ('', 'other', '/camera')
    ]


def test_a_frame_id_that_never_repeats_does_not_fill_the_log() -> None:
    node = FakeNode()
    health = _health(node)
    for number in range(1000):
        health.report_once(f'frame_id {number}')
    assert 1 < len(node.logger.lines) < 100


# ---------------------------------------------------------------- health


def test_an_error_is_logged_once_and_told_until_the_next_frame() -> None:
    node = FakeNode()
    health = _health(node, 'front')
    for _ in range(3):
        health.report_bad_frame(UserError('odd encoding'))
    assert node.logger.lines == [('error', 'camera front: frame skipped: odd encoding')]
    facts = health.facts(active=True)
    assert facts.error == 'odd encoding'
    assert facts.counts is not None
    assert facts.counts.totals['errors'] == 3
    health.count_published(_result())
    assert health.facts(active=True).error == ''
    health.report_bad_frame(UserError('odd encoding'))
    health.reset()
    facts = health.facts(active=True)
    assert (facts.error, facts.last) == ('', None)
    assert facts.counts is not None
    assert not facts.counts.totals


def test_counts_are_those_of_an_active_node() -> None:
    health = _health(FakeNode())
    health.counter.count_received(dropped=False)
    assert health.facts(active=False).counts is None
    counts = health.facts(active=True).counts
    assert counts is not None
    assert counts.rate_in > 0


@pytest.mark.parametrize(
    ('image', 'rectified', 'told'),
    [
        ('/camera/image_rect', True, True),
        ('/camera/image_rect', False, False),
        ('/rect/image', True, False),
    ],
)
def test_an_image_that_is_rectified_twice_is_told_once(
    image: str, rectified: bool, told: bool
) -> None:
    node = FakeNode()
    health = _health(node, image=image)
    for _ in range(2):
        health.count_published(_result(rectified=rectified))
    text = f'{image} looks rectified already, and is being rectified again: set rectify to off'
    assert node.logger.lines == [('warning', text)] * told


def test_a_frame_without_intrinsics_is_told_once() -> None:
    node = FakeNode()
    health = _health(node)
    for _ in range(2):
        health.count_published(_result(camera_problem='no camera_info'))
    ((severity, text),) = node.logger.lines
    assert severity == 'warning'
    assert text.startswith('no camera_info. Until then depth is not corrected')
