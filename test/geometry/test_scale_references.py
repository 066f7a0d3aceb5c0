from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_views import CAMERA

from s2r_depth_ros.geometry.scale import (
    ScanError,
    cloud_points,
    depth_image_points,
    scan_points,
    thinned,
    transformed,
)

ANY_FLOAT = st.floats(width=32)


def scan(ranges: list[float], **changes: float) -> Any:
    """A scan from the right, over ahead, to the left."""
    angles = {'angle_min': -np.pi / 2, 'angle_max': np.pi / 2}
    step = np.pi / max(len(ranges) - 1, 1)
    limits = {'angle_increment': step, 'range_min': 0.1, 'range_max': 10.0}
    return SimpleNamespace(ranges=ranges, **{**angles, **limits, **changes})


def test_a_scan_by_hand() -> None:
    points = scan_points(scan([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(points, [[0, -1, 0], [2, 0, 0], [0, 3, 0]], atol=1e-12)


def test_a_scan_of_millions_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(ScanError, match='of 1000001 ranges is none'):
        scan_points(scan([1.0] * 1_000_001, angle_min=np.nan))


def test_readings_that_are_none_are_left_out() -> None:
    none = [np.nan, np.inf, -np.inf, 0.0, -1.0, 0.05, 10.0, 10.5]
    assert len(scan_points(scan(none))) == 0
    assert len(scan_points(scan([*none, 5.0]))) == 1


def test_a_maximum_of_zero_is_no_limit() -> None:
    assert len(scan_points(scan([50.0, 60.0], range_max=0.0))) == 2


@given(
    count=st.integers(2, 800),
    more=st.floats(-0.08, 0.08),
    sweep=st.floats(0.2, 2 * np.pi),
    turns=st.integers(-1, 1),
    back=st.booleans(),
)
def test_drivers_may_count_the_beams_of_a_turn_anew(count, more, sweep, turns, back) -> None:
    """As one that states 729 beams and has 719 (YDLIDAR's issue 4)."""
    sign = -1 if back else 1
    message = scan(
        [1.0] * max(round(count * (1 + more)), 2),
        angle_min=-sign * sweep / 2,
        angle_max=sign * sweep / 2 + turns * 2 * np.pi,
        angle_increment=sign * sweep / (count - 1),
    )
    assert len(scan_points(message)) == len(message.ranges)


@given(
    count=st.integers(10, 800),
    wrong=st.sampled_from(['degrees', 'twice the step', 'half of the ranges', 'no step', 'nan']),
    sweep=st.floats(0.5, 5.5),
)
def test_angles_that_contradict_each_other_are_named(count, wrong, sweep) -> None:
    step = sweep / (count - 1)
    message = scan([1.0] * count, angle_min=0.0, angle_max=sweep, angle_increment=step)
    if wrong == 'degrees':
        message.angle_max, message.angle_increment = np.degrees([sweep, step])
    elif wrong == 'half of the ranges':
        message.ranges = message.ranges[: count // 2 - 1]
    else:
        factor = {'twice the step': 2.0, 'no step': 0.0, 'nan': np.nan}[wrong]
        message.angle_increment *= factor
    with pytest.raises(ScanError, match=r'ranges from angle_min .* radians'):
        scan_points(message)


@given(ranges=st.lists(ANY_FLOAT, max_size=20), numbers=st.tuples(*[ANY_FLOAT] * 5))
def test_a_scan_of_any_numbers_gives_finite_points(ranges, numbers) -> None:
    names = ('angle_min', 'angle_max', 'angle_increment', 'range_min', 'range_max')
    limits = dict(zip(names[3:], numbers[3:]))
    points = scan_points(scan(ranges, **limits))
    assert points.shape[1:] == (3,)
    assert np.isfinite(points).all()
    assert len(points) <= len(ranges)
    with suppress(ScanError):
        assert np.isfinite(scan_points(scan(ranges, **dict(zip(names, numbers))))).all()


@given(rows=st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT, ANY_FLOAT), max_size=10))
def test_a_cloud_keeps_its_finite_points_in_order(rows) -> None:
    array = np.array(rows, np.float64).reshape(-1, 3)
    np.testing.assert_array_equal(cloud_points(array), array[np.isfinite(array).all(1)])


def test_a_cloud_needs_three_coordinates() -> None:
    with pytest.raises(ValueError, match='x, y, z'):
        cloud_points(np.zeros((4, 2)))


def test_unknown_pixels_of_a_depth_image_are_no_points() -> None:
    depth = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    depth[0, :4] = 0.0, -1.0, np.inf, 2.0
    np.testing.assert_allclose(
        depth_image_points(depth, CAMERA),
        [[(3 - CAMERA.cx) / CAMERA.fx * 2, -CAMERA.cy / CAMERA.fy * 2, 2]],
        rtol=1e-6,
    )


def test_of_a_large_depth_image_some_points_are_taken() -> None:
    depth = np.full((CAMERA.height, CAMERA.width), 2.0, np.float32)
    every, some = depth_image_points(depth, CAMERA), depth_image_points(depth, CAMERA, 500)
    assert len(every) == depth.size
    assert 100 < len(some) <= 500
    assert {tuple(p) for p in some.tolist()} <= {tuple(p) for p in every.tolist()}


@given(count=st.integers(0, 5000), most=st.integers(1, 3000))
def test_thinning_leaves_no_ring_of_a_lidar_out(count, most) -> None:
    kept = thinned(np.arange(count), most)
    assert len(kept) <= most
    assert len(kept) >= min(count, most) / 3 - 1
    if len(kept) >= 64:
        assert set(kept % 16) == set(range(16))


def test_a_transform_turns_and_moves() -> None:
    # A scanner's frame, x forward and z up, 0.1 m under a camera: its x becomes the camera's z.
    matrix = np.array([[0, -1, 0, 0], [0, 0, -1, 0.1], [1, 0, 0, 0], [0, 0, 0, 1]])
    moved = transformed(np.array([[2.0, 1.0, 0.5]]), matrix)
    np.testing.assert_allclose(moved, np.array([[-1, -0.4, 2]]))


@pytest.mark.parametrize(
    'matrix',
    [
        np.zeros((4, 4)),
        np.diag([1, 1, 2, 1]),
        np.diag([1, 1, -1, 1]),
        np.full((4, 4), np.nan),
        np.eye(3),
        np.vstack([np.eye(4)[:3], [0, 0, 1, 1]]),
    ],
)
def test_what_is_no_rigid_transform_is_refused(matrix) -> None:
    with pytest.raises(ValueError, match='transform'):
        transformed(np.zeros((1, 3)), matrix)
