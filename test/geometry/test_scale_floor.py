from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_views import CAMERA, LevelPlane, Pose, room_depth
from numpy.typing import NDArray

from s2r_depth_ros.geometry.scale import (
    CameraHeight,
    NoScale,
    Reason,
    ScaleEstimate,
    UnscaledView,
)

TABLE = LevelPlane(0.5, half_width=0.8, farthest=1.8)


def found(
    depth: NDArray[np.float32], height: float, down: tuple[float, float, float] = (0, 1, 0)
) -> ScaleEstimate | NoScale:
    return CameraHeight(height, 2.0, down).estimate(UnscaledView(depth, CAMERA))


def reason(answer: ScaleEstimate | NoScale) -> Reason:
    assert isinstance(answer, NoScale), answer
    return answer.reason


@given(
    height=st.floats(0.2, 2.0),
    # Nearer, and looking up, the floor is less than the fifth of the view that is asked.
    wall=st.floats(2.6, 20.0),
    pitch=st.floats(-0.6, 0.1),
    roll=st.floats(-0.3, 0.3),
    scale=st.floats(0.2, 5.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_scale_of_a_floor_is_found(height, wall, pitch, roll, scale, seed) -> None:
    pose = Pose(pitch, roll)
    depth = room_depth((LevelPlane(height),), wall * height, pose) / np.float32(scale)
    depth *= np.exp(np.random.default_rng(seed).normal(0, 0.03, depth.shape)).astype(np.float32)
    answer = found(depth, height, pose.down)
    assert isinstance(answer, ScaleEstimate), answer
    assert answer.scale == pytest.approx(scale, rel=0.03)
    assert answer.used > answer.rejected or wall < 8
    assert (answer.stamp, answer.source) == (2.0, 'camera_height')
    assert answer.correction.is_constant


@pytest.mark.parametrize('roll', [-1.57, -1.0, 1.0, 1.57, 3.14])
def test_the_camera_may_be_mounted_on_its_side_or_upside_down(roll) -> None:
    pose = Pose(-0.2, roll)
    answer = found(room_depth((LevelPlane(1.1),), 8.0, pose), 1.1, pose.down)
    assert isinstance(answer, ScaleEstimate), answer
    assert answer.scale == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize('length', [1e-3, 9.81, 1e3])
def test_gravity_may_have_any_length(length) -> None:
    depth = room_depth((LevelPlane(1.0),), 8.0)
    answer, of_unit = found(depth, 1.0, (0.0, length, 0.0)), found(depth, 1.0)
    assert isinstance(answer, ScaleEstimate)
    assert isinstance(of_unit, ScaleEstimate)
    assert answer.scale == pytest.approx(of_unit.scale, rel=1e-9)


@given(error=st.floats(-0.04, 0.04))
def test_a_little_wrong_gravity_changes_little(error) -> None:
    depth = room_depth((LevelPlane(1.0),), 8.0, Pose(pitch=-0.3 + error))
    answer = found(depth, 1.0, Pose(pitch=-0.3).down)
    assert isinstance(answer, ScaleEstimate)
    assert answer.scale == pytest.approx(1.0, rel=0.15)


@given(error=st.floats(0.5, 3.0), share=st.floats(0, 0.3))
def test_things_on_the_floor_do_not_count(error, share) -> None:
    # Boxes: columns of pixels that are nearer than the floor behind them.
    depth = room_depth((LevelPlane(1.2),), 8.0)
    boxes = np.random.default_rng(0).random(CAMERA.width) < share
    depth[:, boxes] = np.minimum(depth[:, boxes], 1.3 + error)
    answer = found(depth, 1.2)
    assert isinstance(answer, ScaleEstimate)
    assert answer.scale == pytest.approx(1.0, rel=0.03)


def test_the_floor_beneath_a_table_is_the_floor() -> None:
    # A narrow table: beside and beyond it there is much floor.
    table = LevelPlane(0.6, half_width=0.25, farthest=1.6)
    depth = room_depth((LevelPlane(1.4), table), 8.0, Pose(pitch=-0.3))
    answer = found(depth, 1.4, Pose(pitch=-0.3).down)
    assert isinstance(answer, ScaleEstimate)
    assert answer.scale == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize('pitch', [-0.5, -0.35, -0.2])
def test_a_table_top_is_not_taken_for_the_floor(pitch) -> None:
    pose = Pose(pitch)
    depth = room_depth((LevelPlane(1.3), TABLE), 6.0, pose)
    answer = found(depth, 1.3, pose.down)
    # The scale of the table would be 2.6.
    if isinstance(answer, ScaleEstimate):
        assert answer.scale == pytest.approx(1.0, rel=0.05)
    else:
        assert answer.reason in (Reason.NOT_LOWEST, Reason.NO_FLOOR)


def test_a_table_with_a_far_wall_behind_it_is_named() -> None:
    depth = room_depth((TABLE,), 6.0, Pose(pitch=-0.2))
    assert reason(found(depth, 1.3, Pose(pitch=-0.2).down)) is Reason.NOT_LOWEST


@given(wall=st.floats(0.3, 20), pitch=st.floats(-0.4, 0.4))
def test_a_wall_is_no_floor(wall, pitch) -> None:
    answer = found(room_depth((), wall, Pose(pitch)), 1.0, Pose(pitch).down)
    assert reason(answer) is Reason.NO_FLOOR


@given(pitch=st.floats(0.6, 1.4))
def test_without_anything_below_the_horizon_there_is_no_floor(pitch) -> None:
    depth = np.full((CAMERA.height, CAMERA.width), 3.0, np.float32)
    assert reason(found(depth, 1.0, Pose(pitch).down)) is Reason.NO_FLOOR


def test_a_ceiling_is_no_floor() -> None:
    depth = room_depth((LevelPlane(1.0),), 5.0)[::-1].copy()
    depth[CAMERA.height // 2 :] = 5.0
    assert reason(found(depth, 1.0)) is Reason.NO_FLOOR


@pytest.mark.parametrize('height', [0.0, -0.1, math.nan, math.inf])
def test_a_height_must_be_a_number_above_0(height) -> None:
    assert reason(found(room_depth((LevelPlane(1.0),), 5.0), height)) is Reason.BAD_HEIGHT


@pytest.mark.parametrize('down', [(0, 0, 0), (0, math.nan, 0), (math.inf, 0, 0)])
def test_gravity_must_have_a_direction(down) -> None:
    assert reason(found(room_depth((LevelPlane(1.0),), 5.0), 1.0, down)) is Reason.BAD_DIRECTION


def test_a_camera_that_is_only_taken_for_level_tells_less() -> None:
    view = UnscaledView(room_depth((LevelPlane(1.0),), 5.0), CAMERA)
    taken, known = (CameraHeight(1.0, 2.0, down).estimate(view) for down in (None, (0, 1, 0)))
    assert isinstance(taken, ScaleEstimate)
    assert isinstance(known, ScaleEstimate)
    assert taken.scale == known.scale
    assert taken.deviation > 2 * known.deviation


def test_a_height_in_another_unit_is_implausible() -> None:
    assert reason(found(room_depth((LevelPlane(1.0),), 5.0), 1000.0)) is Reason.IMPLAUSIBLE


@given(
    values=st.lists(
        st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-30, 1e30, 2.0, 3.0]),
        min_size=1,
        max_size=20,
    ),
    down=st.tuples(st.floats(), st.floats(), st.floats()),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_depth_and_gravity_give_a_scale_or_a_reason(values, down, seed) -> None:
    shape = (CAMERA.height, CAMERA.width)
    depth = np.random.default_rng(seed).choice(np.array(values, np.float32), shape)
    assert isinstance(found(depth, 1.0, down), NoScale | ScaleEstimate)
    assert isinstance(found(depth, 1.0), NoScale | ScaleEstimate)


@pytest.mark.parametrize('seed', range(5))
def test_heights_of_all_sizes_are_no_floor(seed: int) -> None:
    """Each column is level by itself, at a height of its own."""
    pose = Pose(-0.2, 0.0)
    depth = room_depth((LevelPlane(1.0),), 8.0, pose)
    heights = np.random.default_rng(seed).permutation(np.linspace(-3.0, 3.0, depth.shape[1]))
    assert reason(found(depth * np.exp(heights).astype(np.float32), 1.0, pose.down)) is (
        Reason.NO_FLOOR
    )
