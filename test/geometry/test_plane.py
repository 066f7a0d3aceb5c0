from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0.05, 3))
def test_the_level_frame_is_a_rotation_with_z_up(pitch: float, roll: float, height: float) -> None:
    down = (
        math.cos(pitch) * math.sin(roll),
        math.cos(pitch) * math.cos(roll),
        math.sin(pitch),
    )
    rotation = Plane(down, height).level_rotation()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ np.array(down), [0, 0, -1], atol=1e-9)
    ahead = rotation @ np.array([0, 0, 1])
    assert ahead[1] == pytest.approx(0, abs=0.05)  # the camera looks along x
    assert ahead[0] >= -1e-9


def test_a_level_camera_sees_x_ahead_and_y_to_the_left() -> None:
    rotation = Plane((0, 1, 0), 1.0).level_rotation()
    np.testing.assert_allclose(rotation, [[0, 0, 1], [-1, 0, 0], [0, -1, 0]])


def test_a_camera_that_looks_straight_down_has_the_top_of_the_image_ahead() -> None:
    rotation = Plane((0, 0, 1), 1.0).level_rotation()
    np.testing.assert_allclose(rotation @ [0, -1, 0], [1, 0, 0])


@pytest.mark.parametrize('height', [0.0, -1.0, math.nan, math.inf])
def test_a_camera_that_is_not_over_the_floor_is_refused(height: float) -> None:
    with pytest.raises(FilterError, match='height of the camera over the floor is'):
        Plane((0, 1, 0), height)


@pytest.mark.parametrize('normal', [(0, 0, 0), (0, 2, 0), (math.nan, 1, 0), (0, 1)])
def test_a_normal_of_another_length_is_refused(normal: tuple[float, float, float]) -> None:
    with pytest.raises(FilterError, match='vector of length 1'):
        Plane(normal, 1.0)


@given(st.floats(-0.01, 0.01), st.floats(0.95, 1.05))
def test_close_planes_have_the_floor_at_nearly_the_same_height(pitch: float, ratio: float) -> None:
    level = Plane((0, 1, 0), 0.5)
    other = Plane((0, math.cos(pitch), math.sin(pitch)), 0.5 * ratio)
    ahead = np.array([0, 0.5, 5.0])
    apart = abs(other.offset - np.dot(other.normal, ahead))
    if other.is_close(level):
        assert apart < 0.025
    else:
        assert abs(pitch) > 0.0034 or abs(ratio - 1) > 0.0099
    assert level.is_close(level)
