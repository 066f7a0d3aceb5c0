from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry import Intrinsics, back_project, project

CAMERA = Intrinsics(4.0, 2.0, 1.0, 0.5, 3, 2)


def test_back_projection_by_hand() -> None:
    depth = np.array([[4, 4, 4], [8, 8, 8]], np.float32)
    points = back_project(depth, CAMERA)
    assert points.dtype == np.float32
    # x = (u - 1) / 4 * z grows to the right, y = (v - 0.5) / 2 * z grows downwards.
    np.testing.assert_array_equal(points[0], [[-1, -1, 4], [0, -1, 4], [1, -1, 4]])
    np.testing.assert_array_equal(points[1], [[-2, 2, 8], [0, 2, 8], [2, 2, 8]])


def test_projection_by_hand() -> None:
    pixels = project(np.array([[0, 0, 1], [1, -1, 4], [2, 2, 8]], np.float32), CAMERA)
    np.testing.assert_array_equal(pixels, [[1, 0.5], [2, 0], [2, 1]])


def test_points_behind_the_camera_have_no_pixel() -> None:
    pixels = project(np.array([[1, 1, -1], [1, 1, 0], [np.nan, 1, 1], [1, 1, 1]]), CAMERA)
    np.testing.assert_array_equal(np.isnan(pixels).any(axis=1), [True, True, True, False])


def test_nan_depth_gives_nan_points_only_there() -> None:
    depth = np.array([[1, np.nan, 1], [1, 1, 1]], np.float32)
    points = back_project(depth, CAMERA)
    assert np.isnan(points[0, 1]).all()
    assert np.isfinite(np.delete(points.reshape(-1, 3), 1, axis=0)).all()


@given(
    fx=st.floats(50, 2000),
    fy=st.floats(50, 2000),
    cx=st.floats(-100, 200),
    cy=st.floats(-100, 200),
    width=st.integers(1, 60),
    height=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_project_inverts_back_project(
    fx: float, fy: float, cx: float, cy: float, width: int, height: int, seed: int
) -> None:
    camera = Intrinsics(fx, fy, cx, cy, width, height)
    depth = np.random.default_rng(seed).uniform(0.1, 100, (height, width)).astype(np.float32)
    pixels = project(back_project(depth, camera), camera).reshape(height, width, 2)
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    np.testing.assert_allclose(pixels, np.stack([u, v], axis=-1), atol=1e-3)


def test_resizing_moves_no_point() -> None:
    # The corner between the pixels is the same ray at every size.
    corner = project(np.array([[0.2, 0.1, 1.0]]), CAMERA)[0]
    doubled = project(np.array([[0.2, 0.1, 1.0]]), CAMERA.resized(6, 4))[0]
    np.testing.assert_allclose(doubled, (corner + 0.5) * 2 - 0.5)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r'depth has shape \(3, 2\).*\(2, 3\)'):
        back_project(np.ones((3, 2), np.float32), CAMERA)
    with pytest.raises(ValueError, match='last axis'):
        project(np.ones((4, 2)), CAMERA)
