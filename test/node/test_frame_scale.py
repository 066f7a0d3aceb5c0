"""The scale of frames by real messages of other sensors: each source, and what is wrong with it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from made_up_views import CAMERA, LevelPlane, Pose, room_depth
from scale_messages import (
    BASE,
    HEIGHT,
    LASER,
    OPTICAL,
    ROOM,
    TRANSFORMS,
    ScaledCamera,
    cloud,
    depth_image,
    header,
    info_of,
    points_of_room,
    range_reading,
    scan,
)
from sensor_msgs.msg import LaserScan, PointCloud2, Range

from s2r_depth_ros.geometry.scale import Freshness
from s2r_depth_ros.node import frame_references, topics
from s2r_depth_ros.node.scale_report import ScaleReport, scale_message
from s2r_depth_ros.node.status import ERROR, OK, WARN

START = 100.0
MESSAGES: dict[str, tuple[str, Callable[[float], Any]]] = {
    topics.REFERENCE_SCAN: ('lidar', scan),
    topics.REFERENCE_POINTS: ('lidar', cloud),
    topics.REFERENCE_RANGE: ('range', range_reading),
    topics.REFERENCE_DEPTH: ('depth', depth_image),
}


def run(
    camera: ScaledCamera,
    topic: str = '',
    make: Callable[[float], Any] = scan,
    *,
    begin: float = START,
    seconds: float = 3.0,
    rate: float = 10.0,
) -> ScaleReport:
    """Return the report of the last frame after so many seconds of frames with messages."""
    for i in range(round(seconds * rate)):
        if topic:
            camera.take(topic, make(begin + i / rate))
        report = camera.frame(begin + i / rate)
    return report


def values_of(report: ScaleReport) -> dict[str, str]:
    status = scale_message(header(0.0), report).status[0]
    return {item.key: item.value for item in status.values}


# ---- every source


@pytest.mark.parametrize('topic', MESSAGES)
@pytest.mark.parametrize('wrong', [0.7, 1.6])
def test_each_message_gives_the_scale(topic: str, wrong: float) -> None:
    source, make = MESSAGES[topic]
    camera = ScaledCamera(source)
    camera.wrong = wrong
    report = run(camera, topic, make)
    assert report.state.scale == pytest.approx(1 / wrong, rel=0.04)
    assert (report.freshness, report.level) == (Freshness.FRESH, OK)
    assert report.message == f'measured by {source}'
    scaled = report.apply((ROOM * wrong).astype(np.float32))
    assert np.nanmedian(np.abs(np.log(scaled / ROOM))) < 0.05
    values = values_of(report)
    assert values['source'] == source
    assert values['freshness'] == 'fresh'
    assert float(values['scale']) == pytest.approx(1 / wrong, rel=0.04)
    assert float(values['age']) == pytest.approx(0, abs=1e-6)
    assert int(values['anchors_used']) > 0
    assert 0 < float(values['deviation']) < 0.5
    assert float(values['residual']) < 0.1


@pytest.mark.parametrize('by', ['tf', 'parameter'])
def test_the_height_of_the_camera_gives_the_scale(by: str) -> None:
    camera = ScaledCamera('camera_height', scale__camera_height=HEIGHT if by == 'parameter' else 0)
    camera.wrong = 1.4
    report = run(camera)
    assert report.state.scale == pytest.approx(1 / 1.4, rel=0.03)
    assert report.level == OK


def test_a_tilted_camera_is_scaled_where_gravity_is_known_and_warned_of_where_not() -> None:
    pose = Pose(pitch=-0.3)
    tilted = [
        f'{BASE} mast 0 0 {HEIGHT} -1.5707963267948966 0 -1.5707963267948966',
        f'mast {OPTICAL} 0 0 0 {pose.pitch} 0 0',
    ]
    for gravity in ('tf', 'none'):
        camera = ScaledCamera('camera_height', transforms=tilted, gravity=gravity)
        camera.view = room_depth((LevelPlane(HEIGHT),), 6.0, pose)
        report = run(camera)
        if gravity == 'tf':
            assert report.state.scale == pytest.approx(1, rel=0.03)
            assert report.level == OK
        else:
            assert report.level == WARN
            assert 'takes the camera for level' in report.message
            assert 'gravity' in report.message


def test_fixed_takes_over_from_a_sensor_that_is_lost() -> None:
    for sources, expected in ((('lidar',), 1 / 1.3), (('lidar', 'fixed'), 1.0)):
        camera = ScaledCamera(*sources)
        camera.wrong = 1.3
        run(camera, topics.REFERENCE_POINTS, cloud)
        lost = run(camera, begin=START + 3, seconds=10.0)
        assert lost.state.scale == pytest.approx(expected, rel=0.05)
    assert lost.freshness is Freshness.FRESH


def test_the_surest_of_several_fresh_ones_wins() -> None:
    camera = ScaledCamera('range', 'lidar')
    camera.take(topics.REFERENCE_RANGE, range_reading(START))
    camera.take(topics.REFERENCE_SCAN, scan(START))
    report = camera.frame(START)
    assert report.state.source == 'lidar'
    assert 'range: ' in report.text
    assert 'another one is surer' in report.text
    camera.take(topics.REFERENCE_RANGE, range_reading(START + 5))
    assert camera.frame(START + 5).state.source == 'range'


def test_two_sources_that_contradict_for_good_are_told() -> None:
    """A height of twice what it is, beside a lidar: whichever is right, somebody must look."""
    camera = ScaledCamera('lidar', 'camera_height', scale__camera_height=2 * HEIGHT)
    brief = run(camera, topics.REFERENCE_POINTS, cloud, seconds=4.0)
    assert (brief.level, brief.message) == (OK, 'measured by lidar')
    report = run(camera, topics.REFERENCE_POINTS, cloud, begin=START + 4.0, seconds=2.0)
    assert report.level == WARN
    assert report.message.startswith('measured by lidar; lidar says 1')
    assert 'and camera_height 1.9' in report.message
    assert 'differ by a factor of 2:' in report.message
    camera.set(scale__camera_height=HEIGHT)
    assert run(camera, topics.REFERENCE_POINTS, cloud, begin=START + 6.0).level == OK
    camera.set(scale__camera_height=2 * HEIGHT)
    again = run(camera, topics.REFERENCE_POINTS, cloud, begin=START + 9.0, seconds=4.0)
    assert again.level == OK, 'what agreed in between is no contradiction for good'


def test_near_and_far_are_scaled_differently_only_with_curve() -> None:
    for curve in (True, False):
        camera = ScaledCamera('depth', scale__curve=curve)
        camera.view = ROOM**0.7
        report = run(camera, topics.REFERENCE_DEPTH, depth_image)
        assert (values_of(report)['curve'] != '0') is curve
    camera.set(scale__curve=True)
    report = run(camera, topics.REFERENCE_DEPTH, depth_image, begin=START + 3)
    pairs = np.array(values_of(report)['curve'].split(), float).reshape(-1, 2)
    depth = np.array([2.0], np.float32)
    expected = np.interp(math.log(2), np.log(pairs[:, 0]), np.log(pairs[:, 1]))
    assert math.log(report.apply(depth)[0] / 2) == pytest.approx(expected, abs=0.02)


# ---- which message belongs to a frame


def test_the_message_nearest_to_the_image_is_asked() -> None:
    camera = ScaledCamera('range')
    for late in (-0.2, 0.02, 0.3):
        distance = 6.0 if late == 0.02 else 9.0
        camera.take(topics.REFERENCE_RANGE, range_reading(START + late, range=distance))
    report = camera.frame(START)
    assert report.estimate is not None
    assert report.estimate.scale == pytest.approx(1, rel=0.03)
    assert report.estimate.stamp == pytest.approx(START + 0.02)


def test_a_message_counts_once() -> None:
    camera = ScaledCamera('range')
    camera.take(topics.REFERENCE_RANGE, range_reading(START))
    first = camera.frame(START)
    for i in range(1, 5):
        report = camera.frame(START + 0.1 * i)
        assert report.estimate is first.estimate
        assert report.state.deviation > first.state.deviation
        assert report.age == pytest.approx(0.1 * i)
    assert camera.frame(START + 0.6).freshness is Freshness.HELD


@pytest.mark.parametrize('late', [-10.0, 0.7, 3e8])
def test_a_message_of_another_time_is_named(late: float) -> None:
    camera = ScaledCamera('lidar')
    camera.take(topics.REFERENCE_SCAN, scan(START - late if late < START else 1.0))
    report = camera.frame(START)
    assert report.freshness is Freshness.UNSET
    assert 'not of the time of the image' in report.message
    assert ('newer' if late < 0 else 'older') in report.message
    assert 'clock' in report.message
    assert 'at most 0.5 s will do' in report.message
    assert 'scale.max_age' in report.message


def test_a_reference_without_a_stamp_is_named() -> None:
    camera = ScaledCamera('lidar')
    camera.take(topics.REFERENCE_SCAN, scan(0.0))
    assert 'reference/scan has no stamp' in camera.frame(START).message


def test_max_age_says_how_old_a_reference_may_be() -> None:
    camera = ScaledCamera('lidar', scale__max_age=2.0)
    camera.take(topics.REFERENCE_SCAN, scan(START - 1.5))
    assert camera.frame(START).freshness is Freshness.FRESH


def test_images_without_a_stamp_are_named() -> None:
    camera = ScaledCamera('lidar', 'camera_height')
    camera.take(topics.REFERENCE_SCAN, scan(0.0))
    report = camera.frame(0.0)
    assert report.freshness is Freshness.UNSET
    assert report.text.count('the image has no stamp') == 2


def test_a_recording_that_begins_again_goes_on() -> None:
    camera = ScaledCamera('lidar')
    camera.wrong = 1.5
    before = run(camera, topics.REFERENCE_SCAN, scan)
    for begin in (START, START - 90, START + 3e6):
        after = run(camera, topics.REFERENCE_SCAN, scan, begin=begin, seconds=0.3)
        assert after.freshness is Freshness.FRESH
        assert after.state.scale == pytest.approx(before.state.scale, rel=0.01)


# ---- what is held and what is not published


def test_a_sensor_that_is_unplugged_is_held_then_stale() -> None:
    camera = ScaledCamera('lidar', scale__timeout=2.0)
    camera.wrong = 0.8
    run(camera, topics.REFERENCE_SCAN, scan)
    held = camera.frame(START + 4)
    assert (held.freshness, held.level, held.withheld) == (Freshness.HELD, WARN, False)
    assert 'for 1.1 s' in held.message
    assert 'check that it still comes' in held.message
    stale = camera.frame(START + 6)
    assert (stale.freshness, stale.level, stale.withheld) == (Freshness.STALE, WARN, False)
    assert stale.state.scale == pytest.approx(1 / 0.8, rel=0.04)
    camera.set(scale__on_timeout='stop')
    stopped = camera.frame(START + 6.1)
    assert (stopped.level, stopped.withheld) == (ERROR, True)
    assert 'nothing in metres is published' in stopped.message


def test_stop_publishes_nothing_before_the_first_reference_and_all_at_once_after_it() -> None:
    camera = ScaledCamera('lidar', scale__on_timeout='stop')
    camera.wrong = 1.6
    first = camera.frame(START)
    assert first.withheld
    assert 'nobody publishes on reference/scan' in first.message
    camera.take(topics.REFERENCE_SCAN, scan(START + 0.1))
    report = camera.frame(START + 0.1)
    assert not report.withheld
    # Nobody has seen another depth, from which it would have to move slowly.
    assert report.state.scale == pytest.approx(1 / 1.6, rel=0.15)


def test_with_hold_depth_moves_from_where_it_was_by_the_rate_limit() -> None:
    camera = ScaledCamera('lidar', scale__rate_limit=0.3)
    camera.wrong = 1.6
    before = camera.frame(START).state.scale
    assert before == 1
    for i in range(1, 40):
        camera.take(topics.REFERENCE_SCAN, scan(START + 0.1 * i))
        now = camera.frame(START + 0.1 * i).state.scale
        assert abs(math.log(now / before)) <= 0.3 * 0.1 + 1e-9
        before = now
    assert now == pytest.approx(1 / 1.6, rel=0.04)


@given(scale=st.lists(st.floats(0.02, 50), min_size=2, max_size=6), rate=st.floats(0.05, 2))
def test_whatever_sensors_say_depth_moves_by_the_rate_limit_at_most(scale, rate) -> None:
    camera = ScaledCamera('range', scale__rate_limit=rate)
    before, now = camera.frame(START).apply(ROOM), START
    for distance in scale:
        for _ in range(4):
            now += 0.2
            reading = range_reading(now, range=6 * distance, max_range=1000.0)
            camera.take(topics.REFERENCE_RANGE, reading)
            after = camera.frame(now).apply(ROOM)
            assert np.nanmax(np.abs(np.log(after / before))) <= rate * 0.2 + 1e-5
            before = after


def test_a_reference_that_is_not_believed_is_told_from_one_that_is_missing() -> None:
    camera = ScaledCamera('range')
    run(camera, topics.REFERENCE_RANGE, range_reading)
    for i in range(8):  # that never agree with each other
        distance = 1.5 if i % 2 else 24.0
        reading = range_reading(START + 3.1 + 0.3 * i, range=distance, max_range=1000.0)
        camera.take(topics.REFERENCE_RANGE, reading)
        report = camera.frame(START + 3.1 + 0.3 * i)
    assert report.freshness is Freshness.HELD
    assert report.level == WARN
    assert 'the reference says 0.25 and not 0.999: a jump is believed when' in report.message
    missing = camera.frame(START + 8.0).message
    assert 'jump' not in missing
    assert 'check that it still comes' in missing


def test_depth_scale_changes_what_is_measured_from_not_the_metres() -> None:
    camera = ScaledCamera('lidar')
    camera.wrong = 1.3
    before = run(camera, topics.REFERENCE_SCAN, scan).state.scale
    camera.set(depth_scale=2.0)
    after = camera.frame(START + 3).state.scale
    assert 2 * after == pytest.approx(before, rel=0.01)
    later = run(camera, topics.REFERENCE_SCAN, scan, begin=START + 3.1).state.scale
    assert 2 * later == pytest.approx(1 / 1.3, rel=0.04)


def test_who_sets_depth_scale_while_the_scale_is_stale_is_believed() -> None:
    """As calibrate_scale does when the lidar is broken: else it would change nothing."""
    for passed, stale in ((1.0, False), (10.0, True)):
        camera = ScaledCamera('lidar')
        camera.wrong = 1.3
        before = run(camera, topics.REFERENCE_SCAN, scan).apply(camera.depth())
        camera.frame(START + 3 + passed)
        camera.set(depth_scale=2.0)
        report = camera.frame(START + 3.1 + passed)
        expected = camera.depth() if stale else before
        np.testing.assert_allclose(report.apply(camera.depth()), expected, rtol=0.02)
        assert report.freshness is (Freshness.UNSET if stale else Freshness.HELD)


def test_depth_scale_is_followed_at_once_where_nothing_was_measured() -> None:
    for sources in (('fixed',), ('lidar',)):
        camera = ScaledCamera(*sources)
        run(camera)
        camera.set(depth_scale=2.0)
        assert camera.frame(START + 3).state.scale == 1


# ---- bad input


@pytest.mark.parametrize('topic', MESSAGES)
def test_a_sensor_whose_place_is_not_known_is_named(topic: str) -> None:
    source, make = MESSAGES[topic]
    camera = ScaledCamera(source)
    message = make(START)
    message.header.frame_id = 'elsewhere'
    camera.take(topic, message)
    report = camera.frame(START)
    assert report.freshness is Freshness.UNSET
    assert "'elsewhere'" in report.message
    assert 'transforms' in report.message
    # TF may come later than the message.
    message.header.frame_id = LASER if topic != topics.REFERENCE_DEPTH else OPTICAL
    assert camera.frame(START).freshness is Freshness.FRESH


def test_frames_without_a_name_are_named() -> None:
    camera = ScaledCamera('lidar')
    message = scan(START)
    message.header.frame_id = ''
    camera.take(topics.REFERENCE_SCAN, message)
    assert 'frame_id' in camera.frame(START).message


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'transforms': ()}, 'scale.camera_height'),
        ({'base_frame': OPTICAL}, 'not a number above 0'),
        ({'transforms': (f'{OPTICAL} {BASE} 0 0 1 0 0 0',)}, 'not a number above 0'),
    ],
)
def test_a_height_that_cannot_be_is_named(changes: dict[str, Any], reason: str) -> None:
    report = ScaledCamera('camera_height', **changes).frame(START)
    assert report.freshness is Freshness.UNSET
    assert reason in report.message


@pytest.mark.parametrize('pitch', [0.0, 1.2, math.pi / 2])
def test_a_wall_the_sky_and_the_ceiling_are_no_floor(pitch: float) -> None:
    camera = ScaledCamera('camera_height')
    run(camera)
    camera.view = room_depth((), 1.0, Pose(pitch))
    if pitch > 1:
        camera.view = np.full_like(ROOM, 3.0 if pitch > 1.5 else np.nan)
    report = camera.frame(START + 4)
    assert report.freshness is Freshness.HELD
    assert report.state.scale == pytest.approx(1, rel=0.05)
    assert 'floor' in report.message


def _all_nan(topic: str) -> Any:
    message = MESSAGES[topic][1](START)
    if isinstance(message, LaserScan):
        message.ranges = array('f', [math.nan] * len(message.ranges))
    elif isinstance(message, Range):
        message.range = math.inf
    elif isinstance(message, PointCloud2):
        values = np.full(len(points_of_room()) * 3, np.nan, '<f4')
        message.data = array('B', values.tobytes())
    else:
        message = depth_image(START, np.full_like(ROOM, np.nan))
    return message


@pytest.mark.parametrize('topic', MESSAGES)
def test_messages_without_a_number_are_named(topic: str) -> None:
    camera = ScaledCamera(MESSAGES[topic][0])
    camera.take(topic, _all_nan(topic))
    report = camera.frame(START)
    assert report.freshness is Freshness.UNSET
    assert 'no usable value' in report.message


def test_glass_that_a_lidar_looks_through_does_not_pull_the_scale_away() -> None:
    camera = ScaledCamera('lidar')
    run(camera, topics.REFERENCE_SCAN, scan)
    glass = scan(START + 3.1)
    # A third of the beams go on for another 10 m.
    ranges = np.array(glass.ranges)
    ranges[::3] += 10
    glass.ranges = array('f', ranges)
    camera.take(topics.REFERENCE_SCAN, glass)
    report = camera.frame(START + 3.1)
    assert report.state.scale == pytest.approx(1, rel=0.05)
    assert report.estimate is not None
    assert report.estimate.rejected > 0


@pytest.mark.parametrize('topic', MESSAGES)
def test_millimetres_that_are_called_metres_are_refused(topic: str) -> None:
    source, make = MESSAGES[topic]
    message = make(START)
    if isinstance(message, LaserScan):
        message.ranges = array('f', np.array(message.ranges) * 1000)
        message.range_max = 0.0
    elif isinstance(message, Range):
        message.range, message.max_range = 6000.0, 0.0
    elif isinstance(message, PointCloud2):
        message.data = array('B', (points_of_room() * 1000).astype('<f4').tobytes())
    else:
        message = depth_image(START, ROOM * 1000)
    camera = ScaledCamera(source)
    camera.take(topic, message)
    report = camera.frame(START)
    assert report.freshness is Freshness.UNSET
    assert report.state.scale == 1


def test_a_malformed_message_is_named_once_and_the_next_one_works() -> None:
    camera = ScaledCamera('lidar', 'depth')
    broken = cloud(START)
    broken.data = broken.data[:-1]
    camera.take(topics.REFERENCE_POINTS, broken)
    camera.take(topics.REFERENCE_DEPTH, depth_image(START, encoding='32FC1', data=array('B')))
    report = camera.frame(START)
    assert 'lidar: the reference cannot be read (the cloud of' in report.message
    assert 'depth: the reference cannot be read (32FC1 image' in report.message
    camera.take(topics.REFERENCE_POINTS, cloud(START + 0.1))
    assert camera.frame(START + 0.1).freshness is Freshness.FRESH


def test_a_reader_with_a_defect_costs_the_scale_and_not_the_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_message: Any, _frame: Any) -> Any:
        raise ZeroDivisionError('in a reader')

    monkeypatch.setitem(frame_references.READERS, topics.REFERENCE_POINTS, fail)
    camera = ScaledCamera('lidar')
    camera.take(topics.REFERENCE_POINTS, cloud(START))
    told = 'reference/points cannot be read: ZeroDivisionError: in a reader'
    assert told in camera.frame(START).message


@given(
    numbers=st.lists(st.floats(width=32), min_size=5, max_size=5),
    ranges=st.lists(st.floats(width=32), max_size=30),
)
def test_any_numbers_of_a_scan_or_a_range_make_no_frame_fail(numbers, ranges) -> None:
    camera = ScaledCamera('lidar', 'range')
    low, step, least, most, distance = numbers
    message = LaserScan(
        header=header(START, LASER), angle_min=low, angle_increment=step, range_min=least,
        range_max=most, ranges=ranges,
    )  # fmt: skip
    camera.take(topics.REFERENCE_SCAN, message)
    reading = range_reading(
        START, range=distance, min_range=least, max_range=most, field_of_view=low
    )
    camera.take(topics.REFERENCE_RANGE, reading)
    report = camera.frame(START)
    assert 0 < report.state.scale < math.inf


def test_without_a_camera_info_the_scale_is_held() -> None:
    camera = ScaledCamera('lidar')
    run(camera, topics.REFERENCE_SCAN, scan)
    camera.view = None
    report = camera.frame(START + 4)
    assert report.freshness is Freshness.HELD
    assert 'intrinsics of the camera are not known' in report.message


# ---- depth images of other cameras


@pytest.mark.parametrize('encoding', ['16UC1', '32FC1'])
def test_a_smaller_depth_image_is_placed_by_its_own_camera_info(encoding: str) -> None:
    small = CAMERA.resized(CAMERA.width // 4, CAMERA.height // 4)
    seen = room_depth((LevelPlane(HEIGHT),), 6.0, camera=small)
    camera = ScaledCamera('depth')
    camera.wrong = 1.3
    camera.take(topics.REFERENCE_DEPTH, depth_image(START, seen, encoding))
    report = camera.frame(START)
    assert 'no camera_info has come for the depth image of 80x60' in report.message
    assert topics.REFERENCE_INFO in report.message
    camera.take(topics.REFERENCE_INFO, info_of(small, START + 0.1))
    camera.take(topics.REFERENCE_DEPTH, depth_image(START + 0.1, seen, encoding))
    report = camera.frame(START + 0.1)
    assert report.estimate is not None
    assert report.estimate.scale == pytest.approx(1 / 1.3, rel=0.03)


def test_a_sparse_depth_image_is_enough() -> None:
    sparse = np.where(np.random.default_rng(0).random(ROOM.shape) < 0.003, ROOM, 0)
    camera = ScaledCamera('depth')
    camera.take(topics.REFERENCE_DEPTH, depth_image(START, sparse.astype(np.float32)))
    assert camera.frame(START).freshness is Freshness.FRESH


def test_a_depth_image_of_another_place_is_moved() -> None:
    """2 m ahead of the camera, the wall is 4 m away."""
    camera = ScaledCamera('depth', transforms=[*TRANSFORMS, f'{OPTICAL} ahead 0 0 2 0 0 0'])
    seen = np.full((60, 80), 4.0, np.float32)
    small = CAMERA.resized(80, 60)
    message = depth_image(START, seen)
    message.header.frame_id = 'ahead'
    camera.take(topics.REFERENCE_INFO, info_of(small, START, 'ahead'))
    camera.take(topics.REFERENCE_DEPTH, message)
    report = camera.frame(START)
    assert report.estimate is not None
    assert report.estimate.scale == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize('layout', [{'kind': 'f8', 'big': True}, {'before': 4, 'after': 9}])
def test_clouds_of_other_layouts_give_the_scale(layout: dict[str, Any]) -> None:
    camera = ScaledCamera('lidar')
    camera.take(topics.REFERENCE_POINTS, cloud(START, **layout))
    assert camera.frame(START).freshness is Freshness.FRESH
