from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.level import (
    TurnedView,
    angle_of,
    pitch_and_roll,
    rotation_to_pose,
)
from s2r_depth_ros.geometry.rigid import Matrix, rotation_of_rpy

DEGREE = math.pi / 180
PITCH = st.floats(-80 * DEGREE, 80 * DEGREE)
ROLL = st.floats(-math.pi, math.pi)


def down_of(pitch: float, roll: float) -> tuple[float, float, float]:
    """Return down for a camera that is pitched, then rolled about its own axis, by hand."""
    return (
        math.cos(pitch) * math.sin(roll),
        math.cos(pitch) * math.cos(roll),
        -math.sin(pitch),
    )


@st.composite
def cameras(draw) -> Intrinsics:
    width, height = draw(st.integers(40, 90)), draw(st.integers(40, 90))
    fx = draw(st.floats(0.6, 1.5)) * width
    fy = fx * draw(st.floats(0.8, 1.25))
    cx, cy = (draw(st.floats(0.4, 0.6)) * side for side in (width, height))
    return Intrinsics(fx, fy, cx, cy, width, height)


def inverse_depth(camera: Intrinsics, plane: Matrix) -> Matrix:
    """Return 1 / z [H, W] of the plane m . p = 1 in the frame of a camera."""
    rays = back_project(np.ones((camera.height, camera.width), np.float32), camera)
    return rays.astype(np.float64) @ plane


@given(PITCH, ROLL)
def test_angles_are_those_of_the_camera(pitch, roll) -> None:
    found = pitch_and_roll(down_of(pitch, roll))
    assert found[0] == pytest.approx(pitch, abs=1e-9)
    assert math.remainder(found[1] - roll, 2 * math.pi) == pytest.approx(0, abs=1e-7)


def test_signs_of_the_angles() -> None:
    assert pitch_and_roll((0, 1, 0)) == (0, 0)
    assert pitch_and_roll((0, 0, -1))[0] == math.pi / 2  # it looks up: down is behind it
    assert pitch_and_roll((1, 0, 0))[1] == math.pi / 2  # its right side is down
    assert abs(pitch_and_roll((0, -1, 0))[1]) == math.pi  # upside down


@given(PITCH, ROLL, PITCH, ROLL)
def test_the_rotation_leads_to_the_pose_and_keeps_the_heading(pitch, roll, to, over) -> None:
    down = np.array(down_of(pitch, roll))
    rotation = rotation_to_pose(down_of(pitch, roll), to, over)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ down, down_of(to, over), atol=1e-9)
    # Ahead, seen along the floor, is the same direction.
    ahead, was = (v - (v @ down) * down for v in (rotation[2], np.array([0, 0, 1.0])))
    assert ahead @ was == pytest.approx(np.linalg.norm(ahead) * np.linalg.norm(was), rel=1e-6)


@given(PITCH, ROLL)
def test_rolled_back_alone_the_axis_stays(pitch, roll) -> None:
    rotation = rotation_to_pose(down_of(pitch, roll), pitch, 0.0)
    np.testing.assert_allclose(rotation[2], [0, 0, 1], atol=1e-9)
    assert angle_of(rotation) == pytest.approx(abs(roll), abs=1e-6)


@given(
    cameras(), st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), ROLL, st.floats(-0.4, 0.4),
    st.floats(-0.4, 0.4),
)  # fmt: skip
@settings(deadline=None)
def test_a_plane_has_its_own_depth_after_turning_back(camera, x, y, roll, a, b) -> None:
    rotation = rotation_of_rpy(0, 0, roll) @ rotation_of_rpy(x, y, 0)
    plane = np.array([a, b, 1.0]) / 2.0  # seen by all rays, 2 m ahead
    expected = inverse_depth(camera, plane)
    view = TurnedView(camera, rotation)
    seen = inverse_depth(view.intrinsics, rotation @ plane)
    assume(expected.min() > 0.05)
    assume(seen.min() > 0.05)
    depth = view.depth_back(np.reciprocal(seen).astype(np.float32))
    # OpenCV rounds coordinates to 1/32 pixel of the turned view.
    tolerance = 1.0 / view.intrinsics.fx / 20
    np.testing.assert_allclose(1 / depth, expected, atol=tolerance)


@given(cameras(), st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), ROLL)
@settings(deadline=None)
def test_the_turned_view_holds_the_whole_image(camera, x, y, roll) -> None:
    view = TurnedView(camera, rotation_of_rpy(0, 0, roll) @ rotation_of_rpy(x, y, 0))
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    for pixels in (columns, rows):
        image = pixels.astype(np.float32)
        back = view.turn_back(view.turn(image))
        inside = (slice(3, -3), slice(3, -3))
        np.testing.assert_allclose(back[inside], image[inside], atol=1.0)
    assert view.intrinsics.fx / view.intrinsics.fy == pytest.approx(camera.fx / camera.fy)


def test_upside_down_is_the_image_turned_round() -> None:
    camera = Intrinsics(60.0, 60.0, 31.5, 23.5, 64, 48)
    view = TurnedView(camera, rotation_to_pose((0, -1, 0), 0.0, 0.0))
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    np.testing.assert_array_equal(view.turn(image), image[::-1, ::-1])
    np.testing.assert_array_equal(view.turn_back(view.turn(image)), image)
    depth = np.random.default_rng(0).uniform(1, 9, (48, 64)).astype(np.float32)
    np.testing.assert_allclose(view.depth_back(depth), depth[::-1, ::-1], rtol=1e-5)
    assert view.intrinsics.fx == pytest.approx(60.0)


@pytest.mark.parametrize('roll', [90, -90])
def test_on_its_side_the_image_fits_upright(roll) -> None:
    camera = Intrinsics(60.0, 60.0, 31.5, 23.5, 64, 48)
    rotation = rotation_to_pose(down_of(0.0, roll * DEGREE), 0.0, 0.0)
    view = TurnedView(camera, rotation)
    # The longer side is upright now.
    assert view.intrinsics.fx == pytest.approx(60.0 * 47 / 63)
    image = np.zeros((48, 64), np.uint8)
    image[:, 40:] = 255  # what is to the right is beneath (roll 90), or above
    turned = view.turn(image)
    # Beside the image is its mirror image.
    np.testing.assert_array_equal(turned[:, 0], turned[:, 30])
    dark, bright = (turned[0], turned[-1]) if roll > 0 else (turned[-1], turned[0])
    assert not dark.any()
    assert (bright == 255).all()


def test_unknown_depth_stays_unknown() -> None:
    camera = Intrinsics(60.0, 60.0, 31.5, 23.5, 64, 48)
    view = TurnedView(camera, rotation_of_rpy(0.1, 0, 0.5))
    assert np.isnan(view.depth_back(np.full((48, 64), np.nan, np.float32))).all()
    assert not (view.depth_back(np.zeros((48, 64), np.float32)) > 0).any()


def test_what_turns_the_image_out_of_view_is_refused() -> None:
    camera = Intrinsics(60.0, 60.0, 31.5, 23.5, 64, 48)
    for pitch in (75, 120, 180):
        with pytest.raises(ValueError, match='outside of any view'):
            TurnedView(camera, rotation_of_rpy(pitch * DEGREE, 0, 0))
