"""The rule by which a frame gets a camera_info."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
from ros_graph import HEIGHT, WIDTH, camera_info
from std_msgs.msg import Header

from s2r_depth_ros.node.camera_info import CameraInfoHistory, numbers

SIZE = (WIDTH, HEIGHT)


def _header(second: int, frame_id: str = 'camera') -> Header:
    return Header(stamp=Time(sec=second), frame_id=frame_id)


def _info(second: int, frame_id: str = 'camera', **changes: Any) -> Any:
    return camera_info(header=_header(second, frame_id), **changes)


def _small(second: int, frame_id: str = 'camera') -> Any:
    return _info(second, frame_id, width=WIDTH // 2, height=HEIGHT // 2)


def test_camera_info_of_the_same_stamp_is_preferred() -> None:
    history = CameraInfoHistory()
    for second in (1, 2, 3):
        history.add(_info(second))
    assert history.find(_header(2), SIZE) == (_info(2), True)
    assert history.find(_header(9), SIZE) == (_info(3), False)


@pytest.mark.parametrize('frame_id', ['', 'another', '/camera', 'camera/'])
def test_the_frame_id_is_no_gate(frame_id: str) -> None:
    history = CameraInfoHistory()
    assert history.find(_header(1), SIZE) == (None, False)
    for second in (1, 2):
        history.add(_info(second, frame_id))
    assert not history.is_worth_waiting(_header(2))
    assert history.find(_header(1), SIZE) == (_info(1, frame_id), True)
    assert history.find(_header(9), SIZE) == (_info(2, frame_id), False)


@pytest.mark.parametrize('slash', ['', '/'])
def test_the_frame_id_tells_cameras_of_one_topic_apart(slash: str) -> None:
    history = CameraInfoHistory()
    left, right = _info(1, f'{slash}left'), _info(1, f'{slash}right')
    history.add(left)
    history.add(right)
    assert history.find(_header(1, 'left'), SIZE) == (left, True)
    assert history.find(_header(1, 'right'), SIZE) == (right, True)
    assert history.find(_header(1, 'rear'), SIZE) == (right, True)
    for second in (2, 3):  # of other stamps, the own frame's stays: its numbers are not the other's
        history.add(_info(second, f'{slash}right'))
        assert history.find(_header(9, 'left'), SIZE) == (left, False)


def test_a_camera_info_without_a_frame_id_is_of_no_other_camera() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    history.add(_info(2, ''))
    assert history.find(_header(9), SIZE) == (_info(2, ''), False)
    assert history.find(_header(9, ''), SIZE) == (_info(2, ''), False)


def test_what_was_sent_once_outlives_the_stream_of_another_camera() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    for second in range(2, 100):
        history.add(_info(second, 'rear'))
        assert history.find(_header(900), SIZE) == (_info(1), False)
    for second in range(2, 1000):  # of however many
        history.add(_info(second, f'camera_{second}'))
    assert len(history._older) == 8


def test_other_names_of_the_same_numbers_are_no_other_calibration() -> None:
    assert numbers(_info(1, 'a')) == numbers(_info(2, 'b'))
    assert numbers(_info(1)) != numbers(_small(1))


def test_a_camera_that_starts_again_with_another_size_replaces_its_calibration() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    small = (WIDTH // 2, HEIGHT // 2)
    assert history.find(_header(2), small) == (_info(1), False), 'there is no other one to name'
    history.add(_small(3))
    assert history.find(_header(9), small) == (_small(3), False)
    assert history.find(_header(9), SIZE) == (_info(1), False)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from(['', 'a', 'b'])), max_size=9
    ),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(['', 'a', 'b']),
)
def test_the_stamp_decides_then_the_size_then_the_frame_then_the_age(
    infos: list[tuple[int, bool, str]], second: int, small: bool, frame_id: str
) -> None:
    history = CameraInfoHistory()
    messages = [_small(s, f) if is_small else _info(s, f) for s, is_small, f in infos]
    for message in messages:
        history.add(message)
    size = (WIDTH // 2, HEIGHT // 2) if small else SIZE
    found, exact = history.find(_header(second, frame_id), size)
    assert (found is None) == (not messages)
    candidates = messages
    for wanted in (
        lambda m: m.header.stamp.sec == second,
        lambda m: (m.width, m.height) == size,
        lambda m: '' in (m.header.frame_id, frame_id) or m.header.frame_id == frame_id,
    ):
        candidates = [m for m in candidates if wanted(m)] or candidates
    if candidates:
        assert found == candidates[-1]
        assert exact == (found.header.stamp.sec == second)


def test_a_camera_info_that_contradicts_its_image_is_not_passed_over() -> None:
    """Or a frame would get the calibration of before, and nobody would be told."""
    history = CameraInfoHistory()
    history.add(_info(1))
    history.add(_small(2))
    assert history.find(_header(2), SIZE) == (_small(2), True)


def test_camera_info_is_waited_for() -> None:
    history = CameraInfoHistory()
    assert history.is_worth_waiting(_header(5))
    history.add(_info(5))
    assert not history.is_worth_waiting(_header(5))
    assert history.is_worth_waiting(_header(6))
    assert history.find(_header(5), SIZE) == (_info(5), True)


def test_after_a_miss_no_frame_waits_until_stamps_match_again() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    assert history.is_worth_waiting(_header(2))
    assert history.find(_header(2), SIZE) == (_info(1), False)
    assert not history.is_worth_waiting(_header(3))
    assert history.find(_header(3), SIZE) == (_info(1), False)
    assert not history.is_worth_waiting(_header(3, 'another'))
    assert history.find(_header(1), SIZE) == (_info(1), True)
    assert history.is_worth_waiting(_header(4))


@given(
    st.lists(
        st.fixed_dictionaries(
            {'k': st.lists(st.sampled_from([0.0, math.nan, 150.0]), min_size=9, max_size=9)}
        ),
        min_size=1,
        max_size=5,
    )
)
def test_other_numbers_are_not_taken_for_the_right_ones_at_once(changes: list[Any]) -> None:
    """A frame that overtakes its camera_info after unusable ones waits for it."""
    history = CameraInfoHistory()
    history.add(_info(1))
    assert history.find(_header(1), SIZE) == (_info(1), True)
    assert history.find(_header(2), SIZE) == (_info(1), False)
    for second, change in enumerate(changes, 3):
        history.add(_info(second, **change))
    last = len(changes) + 3
    assert history.is_worth_waiting(_header(last))
    history.add(_info(last))
    assert not history.is_worth_waiting(_header(last))
    assert history.find(_header(last), SIZE) == (_info(last), True)


def test_other_numbers_for_good_delay_one_frame() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    history.find(_header(2), SIZE)
    history.add(_info(3, d=[0.1] * 5))
    assert history.is_worth_waiting(_header(4))
    history.find(_header(4), SIZE)
    assert not history.is_worth_waiting(_header(5))


@pytest.mark.parametrize(('count', 'silent'), [(1, False), (4, False), (5, True), (20, True)])
def test_a_stream_that_ends_is_silent(
    count: int, silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    history = CameraInfoHistory()
    assert history.silence() == 0
    for second in range(count):
        now = 100.0 + 0.1 * second
        history.add(_info(second))
        assert history.silence() == 0
    last = now
    now = last + 0.9
    assert history.silence() == 0
    now = last + 3.0
    assert history.silence() == (pytest.approx(3.0) if silent else 0)
    history.add(_info(99))
    assert history.silence() == 0
