"""A camera's topics, and what it says of its frames, without a graph."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from fake_node import FakeNode
from frame_pipelines import pipeline_of
from hypothesis import given
from hypothesis import strategies as st
from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from ros_graph import HEIGHT, WIDTH, camera_info
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node import camera_stream, topics
from s2r_depth_ros.node.camera_health import CameraHealth
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.camera_topics import CameraCallbacks, CameraTopics, refuse_loops
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.parameters import ParameterError
from s2r_depth_ros.node.qos import overridable


def _topics(node: FakeNode, camera: str = '', *, compressed: bool = False) -> CameraTopics:
    nothing = CameraCallbacks(_ignore, _ignore, _ignore, lambda: None, lambda topic, message: None)
    return CameraTopics(cast(LifecycleNode, node), camera, compressed, (), nothing)


def _ignore(_message: Any) -> None:
    pass


def _result(**changes: Any) -> Result:
    facts: dict[str, Any] = {
        'header': Header(),
        'camera_problem': '',
        'rectified': False,
        'focal_scale': 1.0,
        'inference': 0.1,
    }
    return Result(messages={}, batch=1, **{**facts, **changes})


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


@pytest.mark.parametrize(
    ('source', 'names'),
    [
        ('lidar', ['scan', 'points']),
        ('range', ['range']),
        ('depth', ['depth', 'camera_info']),
        ('camera_height', []),
    ],
)
def test_references_are_subscribed_to_if_they_are_a_source(source: str, names: list[str]) -> None:
    node, taken = FakeNode(), []
    callbacks = CameraCallbacks(
        _ignore, _ignore, _ignore, lambda: None, lambda topic, message: taken.append(topic)
    )
    CameraTopics(cast(LifecycleNode, node), 'front', False, (source,), callbacks)
    wanted = [f'front/reference/{name}' for name in names]
    assert node.subscriptions.keys() == {'front/image', 'front/camera_info', *wanted}
    for name in wanted:
        node.subscriptions[name].arrive(None)
    assert taken == [f'reference/{name}' for name in names]


def test_what_has_a_subscriber_is_wanted_or_all() -> None:
    node = FakeNode()
    camera = _topics(node)
    for name, publisher in node.publishers.items():
        publisher.subscribers = int(name in (topics.DEPTH, topics.STRUCTURE))
    assert camera.wanted(always=False) == {topics.DEPTH, topics.STRUCTURE}
    everything = {topic.name for topic in topics.OUTPUTS} - topics.OF_CLEAN_DEPTH
    assert camera.wanted(always=True) == everything
    # An override: late subscribers are to get the last message.
    node.publishers[topics.POINTS].qos_profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    assert camera.wanted(always=False) == {topics.DEPTH, topics.STRUCTURE, topics.POINTS}


def test_a_name_that_ros_refuses_is_no_fault_of_an_override() -> None:
    with (
        pytest.raises(ParameterError, match=r'front/image cannot .* namespace a shorter name'),
        overridable(cast(LifecycleNode, FakeNode()), 'front/image', QoSProfile(depth=1)),
    ):
        raise InvalidTopicNameException('front/image', 'it is too long', 250)


@pytest.mark.parametrize('impossible', [topics.ATTENTION, topics.CAMERA_INFO])
def test_topics_that_cannot_all_be_created_leave_none_behind(impossible: str) -> None:
    node = FakeNode(impossible)
    with pytest.raises(UserError, match=impossible):
        _topics(node)
    left = [publisher.destroyed for publisher in node.publishers.values()]
    left += [subscription.destroyed for subscription in node.subscriptions.values()]
    assert left
    assert all(left)


# ---------------------------------------------------------------- what was published before


def _endpoint(type_name: str = 'sensor_msgs/msg/Image', **policies: Any) -> TopicEndpointInfo:
    """Return what the graph tells of a driver's publisher: reliable and volatile unless said."""
    return TopicEndpointInfo(
        node_name='driver',
        node_namespace='/cam',
        topic_type=type_name,
        qos_profile=QoSProfile(
            **{'depth': 1, 'reliability': ReliabilityPolicy.RELIABLE, **policies}
        ),
    )


KEEPS: dict[str, Any] = {'durability': DurabilityPolicy.TRANSIENT_LOCAL}


@pytest.fixture
def watched() -> tuple[FakeNode, CameraStream, list[Any]]:
    """A camera, its node, and the images that arrived."""
    node, arrived = FakeNode(), []
    camera = CameraStream(
        cast(LifecycleNode, node),
        '',
        False,
        pipeline_of(),
        lambda _, image: arrived.append(image),
        _ignore,
    )
    return node, camera, arrived


def _latch(node: FakeNode, camera: CameraStream, topic: str) -> Any:
    """Let a publisher that keeps its last message come; return the subscription for that."""
    node.others[f'/{topic}'] = [_endpoint(**KEEPS)]
    camera.topics.look_around()
    return node.latched[topic]


@pytest.mark.parametrize('topic', [topics.IMAGE, topics.CAMERA_INFO])
def test_a_second_subscription_is_made_only_for_publishers_that_keep_messages(
    watched: tuple[FakeNode, CameraStream, list[Any]], topic: str
) -> None:
    node, camera, _ = watched
    assert not node.latched
    best_effort = ReliabilityPolicy.BEST_EFFORT
    node.others[f'/{topic}'] = [_endpoint(), _endpoint(reliability=best_effort, **KEEPS)]
    camera.topics.look_around()
    assert not node.latched
    _latch(node, camera, topic)
    _latch(node, camera, topic)
    assert node.latched.keys() == {topic}
    first, second = node.subscriptions[topic].qos_profile, node.latched[topic].qos_profile
    assert second.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert second.reliability == ReliabilityPolicy.RELIABLE
    assert first.durability == DurabilityPolicy.VOLATILE
    assert first.depth == second.depth
    camera.topics.destroy()
    assert node.subscriptions[topic].destroyed
    assert node.latched[topic].destroyed
    node.latched.clear()
    camera.topics.look_around()
    assert not node.latched


def test_the_executor_sleeps_while_a_message_waits_to_be_taken(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    """As it does not if it waits for events of the message's subscription, too."""
    node, camera, _ = watched
    _latch(node, camera, topics.IMAGE)
    for subscription in (*node.subscriptions.values(), *node.latched.values()):
        assert not any(vars(subscription.events).values())


@given(by=st.lists(st.tuples(st.sampled_from(['first', 'second']), st.integers(1, 9))))
def test_what_arrives_by_both_is_taken_once(by: list[tuple[str, int]]) -> None:
    node, arrived = FakeNode(), []
    camera = CameraStream(
        cast(LifecycleNode, node),
        '',
        False,
        pipeline_of(),
        lambda _, image: arrived.append(image),
        _ignore,
    )
    ways = {'second': _latch(node, camera, topics.IMAGE), 'first': node.subscriptions[topics.IMAGE]}
    for way, stamp in by:
        ways[way].arrive(stamp, stamp)
    assert arrived == list(dict.fromkeys(stamp for _, stamp in by))


def test_images_that_are_lost_on_the_way_are_counted_since_the_activation(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, camera, _arrived = watched
    images = node.subscriptions[topics.IMAGE]
    for lost in (0, 3, 0):
        images.arrive('image', lost=lost)
    camera.restart_counts()
    for lost in (0, 2, 0, 5, 0):
        images.arrive('image', lost=lost)
    counts = camera.facts(active=True).counts
    assert counts is not None
    assert counts.totals['lost'] == 7


def test_a_calibration_that_always_changes_is_told_once(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, camera, _arrived = watched
    info = node.subscriptions[topics.CAMERA_INFO]
    for index in range(60):
        info.arrive(camera_info(d=[0.001 * (index // 2), 0.0, 0.0, 0.0, 0.0]))
        camera.find_info(Header(), (WIDTH, HEIGHT))
        told = [text for _, text in node.logger.lines if 'has changed 20 times' in text]
        assert bool(told) == (index >= 40)
    assert len(told) == 1


def test_a_still_image_that_comes_again_displaces_no_newer_one() -> None:
    """A subscriber comes at the moment in which the publisher sends its next image."""
    node = FakeNode()
    arrived: list[Any] = []
    again, sent = threading.Event(), threading.Event()

    def arrive(_camera: Any, image: Any) -> None:
        if threading.current_thread() is repeating:
            again.set()
            # Not for ever: the newer image waits for this.
            sent.wait(0.2)
        arrived.append(image)

    camera = CameraStream(cast(LifecycleNode, node), '', False, pipeline_of(), arrive, _ignore)
    latched = _latch(node, camera, topics.IMAGE)
    repeating = threading.Thread(target=camera.repeat_still)
    latched.arrive('old', 1)
    repeating.start()
    assert again.wait(PATIENCE)
    latched.arrive('new', 2)
    sent.set()
    repeating.join()
    assert arrived == ['old', 'old', 'new']


def test_a_latched_image_that_comes_at_once_is_kept() -> None:
    """With durability overridden, it may come before the subscription is made altogether."""

    class Early(FakeNode):
        def create_subscription(self, *arguments: Any, **options: Any) -> Any:
            options['qos_profile'].durability = DurabilityPolicy.TRANSIENT_LOCAL
            options['qos_profile'].reliability = ReliabilityPolicy.RELIABLE
            made = super().create_subscription(*arguments, **options)
            if made.topic_name == '/image':
                made.arrive('still')
            return made

    arrived: list[Any] = []
    node = cast(LifecycleNode, Early())
    camera = CameraStream(
        node, '', False, pipeline_of(), lambda _, image: arrived.append(image), _ignore
    )
    camera.repeat_still()
    assert arrived == ['still'] * 2


def test_messages_of_unknown_time_are_all_taken(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, _, arrived = watched
    for _ in range(3):
        node.subscriptions[topics.IMAGE].arrive('image', 0)
    assert arrived == ['image'] * 3


def test_a_still_image_comes_again_for_who_comes_after_it(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, camera, arrived = watched
    camera.repeat_still()
    assert not arrived
    latched, live = _latch(node, camera, topics.IMAGE), node.subscriptions[topics.IMAGE]
    latched.arrive('still', 1)
    assert arrived == ['still']
    camera.repeat_still()  # as on activation
    node.publishers[topics.DEPTH].subscribed()
    assert arrived == ['still'] * 3
    # A calibration that is new, but not the same numbers with another stamp.
    info = node.subscriptions[topics.CAMERA_INFO]
    info.arrive(camera_info())
    info.arrive(camera_info(header=Header(stamp=Time(sec=5))))
    assert arrived == ['still'] * 4
    info.arrive(camera_info(binning_x=2))
    assert arrived == ['still'] * 5
    # Late: the second copy of an image that another one came after.
    live.arrive('older', 2)
    live.arrive('newest', 3)
    latched.arrive('older', 2)
    arrived.clear()
    camera.repeat_still()
    assert not arrived
    latched.arrive('newest', 3)
    camera.repeat_still()
    assert arrived == ['newest']


# ---------------------------------------------------------------- who is not connected


@pytest.mark.parametrize(
    ('policies', 'own', 'told'),
    [
        (
            {'reliability': ReliabilityPolicy.BEST_EFFORT},
            {'reliability': ReliabilityPolicy.RELIABLE},
            'offers reliability best_effort, this node asks for reliable, so they are not '
            'connected: set the parameter '
            '`qos_overrides./image.subscription.reliability: best_effort` and',
        ),
        (
            {},
            {'durability': DurabilityPolicy.TRANSIENT_LOCAL},
            '`qos_overrides./image.subscription.durability: volatile`',
        ),
        (
            {'deadline': Duration(seconds=2)},
            {'deadline': Duration(seconds=1)},
            'offers deadline 2000000000, this node asks for 1000000000',
        ),
        (
            {},
            {'liveliness': LivelinessPolicy.MANUAL_BY_TOPIC},
            'offers liveliness automatic, this node asks for manual_by_topic',
        ),
    ],
)
def test_a_publisher_that_offers_too_little_is_told_with_both_sides(
    policies: dict[str, Any], own: dict[str, Any], told: str
) -> None:
    node = FakeNode()
    camera = _topics(node)
    assert camera.disconnected() == []
    given = {'liveliness': LivelinessPolicy.AUTOMATIC, **policies}
    node.others['/image'] = [_endpoint(**given)]
    assert camera.disconnected() == []
    for policy, value in own.items():
        setattr(node.subscriptions['image'].qos_profile, policy, value)
    (text,) = camera.disconnected()
    assert text.startswith('/image: /cam/driver offers ')
    assert told in text


def test_a_subscriber_that_asks_for_too_much_is_told_with_both_sides() -> None:
    node = FakeNode()
    camera = _topics(node, 'front')
    node.others[f'/front/{topics.POINTS}'] = [
        _endpoint('sensor_msgs/msg/PointCloud2', **KEEPS),
        _endpoint('sensor_msgs/msg/PointCloud2'),
    ]
    (text,) = camera.disconnected()
    assert text == (
        '/front/depth_registered/points: /cam/driver asks for durability transient_local, this '
        'node offers volatile, so they are not connected: set the parameter '
        '`qos_overrides./front/depth_registered/points.publisher.durability: transient_local` and '
        'start the node again'
    )


def test_another_type_on_a_topic_is_told() -> None:
    node = FakeNode()
    camera = _topics(node)
    node.others['/image'] = [_endpoint('sensor_msgs/msg/CompressedImage')]
    (text,) = camera.disconnected()
    assert text == (
        '/image: /cam/driver publishes sensor_msgs/msg/CompressedImage there, this node has '
        'sensor_msgs/msg/Image: remap one of them to another topic'
    )


def test_who_is_not_connected_is_logged_once_for_each_time(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, camera, _ = watched
    odd = [_endpoint('sensor_msgs/msg/CompressedImage')]
    for others in ([], odd, odd, [], odd):
        node.others['/image'] = others
        facts = camera.facts(active=True)
        assert (facts.publishers, len(facts.graph_problems)) == (len(others), len(others))
    assert [severity for severity, _ in node.logger.lines] == ['warning'] * 2


@pytest.mark.parametrize('compressed', [False, True])
def test_images_on_the_topic_of_the_other_transport_are_told(compressed: bool) -> None:
    node = FakeNode()
    camera = CameraStream(
        cast(LifecycleNode, node), 'front', compressed, pipeline_of(), lambda *_: None, _ignore
    )
    names = ('/front/image', '/front/image/compressed')
    own, other = names[::-1] if compressed else names
    kind = 'Image' if compressed else 'CompressedImage'
    assert camera.facts(active=True).elsewhere == ''
    node.others[other] = [_endpoint(f'sensor_msgs/msg/{kind}')]
    assert camera.facts(active=True).elsewhere == other
    node.others[own] = [_endpoint(f'sensor_msgs/msg/{kind}')]
    assert camera.facts(active=True).elsewhere == ''


# ---------------------------------------------------------------- camera_info


def test_a_missing_camera_info_is_named_with_its_remedy() -> None:
    node, arrived = FakeNode(), []
    camera = CameraStream(
        cast(LifecycleNode, node),
        'rear',
        False,
        pipeline_of(),
        lambda *_: None,
        lambda _: arrived.append('info'),
    )
    size = (WIDTH, HEIGHT)
    wanted = Header(frame_id='rear_optical_frame')
    assert camera.find_info(wanted, size) == (
        None,
        'no camera_info on /rear/camera_info: remap rear/camera_info to the topic of your camera '
        '(-r rear/camera_info:=...), nobody publishes on this one',
    )
    node.others['/rear/camera_info'] = [_endpoint()]
    _, reason = camera.find_info(wanted, size)
    assert 'though somebody publishes there: look at `ros2 topic echo /rear/camera_info`' in reason
    info = camera_info(header=wanted)
    node.subscriptions['rear/camera_info'].arrive(info)
    assert arrived == ['info']
    assert camera.find_info(wanted, size) == (info, '')
    assert not node.logger.lines


def test_another_frame_id_is_told_once_and_used() -> None:
    node = FakeNode()
    camera = CameraStream(
        cast(LifecycleNode, node), 'rear', False, pipeline_of(), lambda *_: None, _ignore
    )
    for frame_id in ('', 'other', '/camera'):  # the last is the same with the slash of ROS 1
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
        for frame_id in ('', 'other')
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


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1))
def test_a_frame_of_any_stamp_is_counted_once(sec: int, nanosec: int) -> None:
    """Also one of before 1970, which no rclpy Time holds."""
    health = _health(FakeNode())
    health.count_published(_result(header=Header(stamp=Time(sec=sec, nanosec=nanosec))))
    counts = health.facts(active=True).counts
    assert counts is not None
    assert counts.totals == {'published': 1}
    assert (counts.stamp_offset is None) != (not counts.latency)


def test_a_long_frame_id_is_not_all_told() -> None:
    node = FakeNode()
    health = _health(node)
    health.report_once(f'frame_id {"x" * 300_000}\n[ERROR] forged')
    ((_, text),) = node.logger.lines
    assert len(text) < 1300
    assert '\n' not in text


def test_a_second_kind_of_bad_frame_is_logged_beside_the_first() -> None:
    node = FakeNode()
    health = _health(node)
    for text in ("encoding 'x'", 'step 3', "encoding 'y'", 'step 4'):
        health.report_bad_frame(UserError(text))
    assert [text.rpartition(': ')[2] for _, text in node.logger.lines] == ["encoding 'x'", 'step 3']


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
        ('/camera/image_rect/compressed', True, True),
        ('/camera/image_rect_color', True, True),
        ('/zed/rgb/color/rect/image', True, True),
        ('/camera/image_rectified', True, True),
        ('/camera/image_raw', True, False),
        ('/direct/rectangle/image', True, False),
    ],
)
def test_an_image_that_is_rectified_twice_is_told_once(
    image: str, rectified: bool, told: bool
) -> None:
    node = FakeNode()
    health = _health(node, image=image)
    for _ in range(2):
        health.count_published(_result(rectified=rectified))
    text = f'{image} looks rectified already, and is being rectified again: set rectify to never'
    assert node.logger.lines == [('warning', text)] * told


def test_a_frame_without_intrinsics_is_told_once() -> None:
    node = FakeNode()
    health = _health(node)
    for _ in range(2):
        health.count_published(_result(camera_problem='no camera_info'))
    ((severity, text),) = node.logger.lines
    assert severity == 'warning'
    assert text.startswith('no camera_info. Until then depth is not corrected')


def test_two_publishers_of_one_input_are_named() -> None:
    node = FakeNode()
    camera = _topics(node, 'front')
    node.others['/front/image'] = [_endpoint()]
    assert camera.crowded() == []
    node.others['/front/image'] = [_endpoint(), _endpoint()]
    node.others['/front/camera_info'] = [_endpoint('sensor_msgs/msg/CameraInfo')] * 2
    texts = camera.crowded()
    assert texts[0] == (
        '2 publishers on /front/image (/cam/driver, /cam/driver): what they send is mixed; end all '
        'but one, or remap front/image to another topic (one that was killed is still seen for '
        'about 20 s)'
    )
    assert [text.split(' (')[0] for text in texts] == [
        '2 publishers on /front/image', '2 publishers on /front/camera_info',
    ]  # fmt: skip
    other = _endpoint()
    other.node_name = 'bag'
    node.others['/front/image'] = [_endpoint(), other]
    assert camera.crowded()[0].endswith('or remap front/image to another topic')


def test_another_publisher_of_an_output_is_named() -> None:
    node = FakeNode()
    camera = _topics(node)
    own = _endpoint()
    own.node_name, own.node_namespace = 'depth', '/'
    node.others[f'/{topics.DEPTH}'] = [own]
    assert camera.crowded() == []
    node.others[f'/{topics.DEPTH}'] = [own, _endpoint()]
    assert camera.crowded() == [
        f'/cam/driver publishes on /{topics.DEPTH}, too: subscribers get both; remap one of them, '
        'or give this node a namespace of its own (-r __ns:=/...)'
    ]


@pytest.mark.parametrize(
    ('remaps', 'expected'),
    [
        ({}, '/front/image/compressed'),
        ({'front/image': '/cam/image_raw'}, '/cam/image_raw/compressed'),
        ({'front/image/compressed': '/cam/jpeg'}, '/cam/jpeg'),
        ({'front/image': '/cam/a', 'front/image/compressed': '/cam/jpeg'}, '/cam/jpeg'),
    ],
)
def test_compressed_images_are_beside_the_raw_ones(remaps: dict[str, str], expected: str) -> None:
    node = FakeNode()
    node.remaps = remaps
    assert _topics(node, 'front', compressed=True).image == expected


def test_an_input_that_is_an_output_is_refused() -> None:
    node = FakeNode()
    front, rear = _topics(node, 'front'), _topics(node, 'rear')
    refuse_loops([front, rear])
    node.remaps = {'front/image': f'/rear/{topics.RECT_COLOR}'}
    front = _topics(node, 'front')
    with pytest.raises(ParameterError, match='front/image is remapped to /rear/rgb/image_rect_col'):
        refuse_loops([front, rear])


def test_the_camera_info_of_another_camera_is_told(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    _, camera, _ = watched
    # One without a name may be this camera's: it stands when another camera's comes after it.
    for frame_id, is_told in (
        ('rear', True), ('left', True), ('', False), ('rear', False), ('/front', False),
    ):  # fmt: skip
        camera.infos.add(camera_info(header=Header(frame_id=frame_id)))
        camera.find_info(Header(frame_id='front'), (WIDTH, HEIGHT))
        assert (repr(frame_id) in camera.facts(active=True).foreign_info) == is_told


def test_a_warning_of_another_camera_ends_with_the_activation(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    _, camera, _ = watched
    camera.infos.add(camera_info(header=Header(frame_id='rear')))
    camera.find_info(Header(frame_id='front'), (WIDTH, HEIGHT))
    assert camera.facts(active=True).foreign_info
    camera.restart_counts()
    assert not camera.facts(active=True).foreign_info


def test_images_of_two_cameras_whose_numbers_nobody_uses_are_no_changes(
    watched: tuple[FakeNode, CameraStream, list[Any]],
) -> None:
    node, camera, _ = watched
    for index in range(60):
        header = Header(frame_id='front' if index % 2 else 'rear')
        info = camera_info(header=header, d=[0.1 * (index % 2), 0.0, 0.0, 0.0, 0.0])
        node.subscriptions[topics.CAMERA_INFO].arrive(info)
        camera.find_info(Header(frame_id='front'), (WIDTH, HEIGHT))
    assert not [text for _, text in node.logger.lines if 'has changed' in text]


def test_a_kept_image_is_a_still_and_a_stream_of_them_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(camera_stream.time, 'monotonic', lambda: now)
    node = FakeNode()
    camera = CameraStream(
        cast(LifecycleNode, node), '', False, pipeline_of(), lambda *_: None, _ignore
    )
    latched = _latch(node, camera, topics.IMAGE)
    told = []
    for number, seconds in enumerate((0.0, 0.1, 0.1, 100.0, 29.0), 1):
        now += seconds
        latched.arrive(f'image {number}', number)
        told.append(camera.facts(active=True).still)
    assert told == [True, False, False, True, False]
    camera.restart_counts()
    node.subscriptions[topics.IMAGE].arrive('volatile', 99)
    assert not camera.facts(active=True).still
