from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_views import CAMERA

from s2r_depth_ros.geometry.scale import (
    ScanGeometry,
    cloud_points,
    depth_image_points,
    scan_points,
    thinned,
    transformed,
)

ANY_FLOAT = st.floats(width=32)
SCAN = ScanGeometry(-np.pi / 2, np.pi / 2, 0.1, 10.0)


def test_a_scan_by_hand() -> None:
    # To the right, ahead, to the left.
    points = scan_points([1.0, 2.0, 3.0], SCAN)
    np.testing.assert_allclose(points, [[0, -1, 0], [2, 0, 0], [0, 3, 0]], atol=1e-12)


def test_readings_that_are_none_are_left_out() -> None:
    none = [np.nan, np.inf, -np.inf, 0.0, -1.0, 0.05, 10.5]
    assert len(scan_points(none, SCAN)) == 0
    assert len(scan_points([*none, 5.0], SCAN)) == 1


def test_a_maximum_of_zero_is_no_limit() -> None:
    assert len(scan_points([50.0], ScanGeometry(0.0, 0.1, 0.0, 0.0))) == 1


@given(
    ranges=st.lists(ANY_FLOAT, max_size=20),
    numbers=st.tuples(ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, ANY_FLOAT),
)
def test_a_scan_of_any_numbers_gives_finite_points(ranges, numbers) -> None:
    points = scan_points(ranges, ScanGeometry(*numbers))
    assert points.shape[1:] == (3,)
    assert np.isfinite(points).all()
    assert len(points) <= len(ranges)


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
