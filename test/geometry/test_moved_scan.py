from __future__ import annotations

import math

import numpy as np
import pytest
from floor_scenes import CAMERA, floor_plane, seen_depth
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.navigation import (
    FloorView,
    MovedScan,
    Scanner,
    ScanSettings,
    level_beams,
)
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError

BEAMS = level_beams(FloorView(CAMERA, floor_plane()), math.radians(1))


def pose(plane: Plane, x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> np.ndarray:
    """Return the transform from the optical frame to a frame on the floor; x, y: of the camera."""
    turn = np.array(
        [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ plane.level_rotation()
    matrix[:3, 3] = x, y, plane.offset
    return matrix


def places(moved: MovedScan, ranges: np.ndarray) -> np.ndarray:
    """Return where the finite ranges of a moved scan are, [N, 2], m."""
    angles = moved.beams.angle_min + moved.beams.angle_increment * np.arange(moved.beams.count)
    finite = np.isfinite(ranges)
    steps = np.stack([np.cos(angles), np.sin(angles)], -1)[finite]
    return np.asarray(ranges[finite, None] * steps)


def scanner_over(plane: Plane) -> Scanner:
    return Scanner(FloorView(CAMERA, plane), ScanSettings(), BEAMS)


def moved_scan(plane: Plane, transform: np.ndarray) -> MovedScan:
    return MovedScan(plane, transform, scanner_over(plane))


def wall_scan(plane: Plane, distance: float) -> np.ndarray:
    return scanner_over(plane).scan(seen_depth(plane, [(distance, 0.0, 3.0)]))


@given(st.integers(0, 99), st.floats(-0.2, 0.3), st.floats(-0.1, 0.1))
def test_a_frame_at_the_camera_has_the_same_scan(seed: int, pitch: float, roll: float) -> None:
    random = np.random.default_rng(seed)
    ranges = random.choice(
        [np.nan, np.inf, -np.inf, 0.5, 2.0, 9.9], BEAMS.count
    ).astype(np.float32)  # fmt: skip
    plane = floor_plane(pitch, roll)
    # No scan is free where the image does not have the end of the beam.
    ranges[np.isposinf(ranges) & ~scanner_over(plane).sees_end] = np.nan
    moved = moved_scan(plane, pose(plane))
    assert moved.beams.count == BEAMS.count
    assert moved.beams.angle_min == pytest.approx(BEAMS.angle_min)
    assert moved.max_range == pytest.approx(10.0)
    np.testing.assert_allclose(moved.move(ranges), ranges, rtol=1e-5)


@settings(deadline=None)
@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-3.1, 3.1), st.floats(1.5, 5))
def test_a_wall_stays_where_it_is(x: float, y: float, yaw: float, distance: float) -> None:
    plane = floor_plane(0.1)
    moved = moved_scan(plane, pose(plane, x, y, yaw))
    seen = places(moved, moved.move(wall_scan(plane, distance)))
    # In the camera's level frame it is across the view.
    back = np.array([[math.cos(yaw), math.sin(yaw)], [-math.sin(yaw), math.cos(yaw)]])
    ahead = (seen - (x, y)) @ back.T
    assert len(ahead) > 0.5 * BEAMS.count
    # A beam is a degree wide: at 30 degrees that is a centimetre in a metre.
    np.testing.assert_allclose(ahead[:, 0], distance, rtol=0.03)


@settings(deadline=None)
@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-3.1, 3.1))
def test_free_floor_stays_free_and_unknown_unknown(x: float, y: float, yaw: float) -> None:
    plane = floor_plane(0.1)
    moved = moved_scan(plane, pose(plane, x, y, yaw))
    angles = moved.beams.angle_min + moved.beams.angle_increment * np.arange(moved.beams.count)
    free = moved.move(np.full(BEAMS.count, np.inf, np.float32))
    # What the camera looks at far away, seen from the frame.
    inner = np.abs((angles - yaw + math.pi) % (2 * math.pi) - math.pi) < math.radians(34)
    assert np.isposinf(free[inner]).all()
    assert not np.isfinite(free).any()
    assert np.isnan(free).sum() == (~np.isposinf(free)).sum()
    assert np.isnan(moved.move(np.full(BEAMS.count, np.nan, np.float32))).all()


def test_behind_an_obstacle_nothing_is_free() -> None:
    plane = floor_plane()
    moved = moved_scan(plane, pose(plane, -0.5, 0.3))
    assert not np.isposinf(moved.move(np.full(BEAMS.count, 2.0, np.float32))).any()


@settings(deadline=None)
@given(st.floats(-0.2, 0.3), st.floats(-3.1, 3.1), st.integers(30, 130), st.integers(0, 2**32))
def test_no_beam_is_free_beyond_an_obstacle_of_the_image(
    pitch: float, roll: float, cx: int, seed: int
) -> None:
    """However the camera is mounted; a post takes a part of its image, anywhere in it."""
    random = np.random.default_rng(seed)
    plane = floor_plane(pitch, roll)
    view = FloorView(Intrinsics(100.0, 100.0, cx, 59.5, 160, 120), plane)
    scanner = Scanner(view, ScanSettings(max_range=4.0), level_beams(view, 0.02))
    x, y = random.uniform(-0.4, 0.4, 2)
    moved = MovedScan(plane, pose(plane, x, y), scanner)
    floor = np.where(view.up < 0, -plane.offset / np.minimum(view.up, -1e-6), np.inf)
    column, width = random.integers(0, 160), random.integers(4, 12)
    distance = random.uniform(0.6, 3.0)
    with np.errstate(divide='ignore'):
        post = (distance / view.reach)[:, column : column + width]
    height = plane.offset + post * view.up[:, column : column + width]
    part = floor[:, column : column + width]
    stands = (height > 0) & (height < 1) & (post < part)
    part[stands] = post[stands]
    ranges = moved.move(scanner.scan(floor.astype(np.float32)))
    band = (height > 0.4) & (height < 0.8) & stands
    ahead, left = (axis[:, column : column + width] * post for axis in (view.forward, view.left))
    angles = np.arctan2(left + y, ahead + x)[band]
    beam = np.rint((angles - moved.beams.angle_min) / moved.beams.angle_increment).astype(int)
    # Rounded to the camera's beams first, a place may be in the next beam.
    around = np.clip(beam[:, None] + (-1, 0, 1), 0, len(ranges) - 1)
    assert not np.isposinf(ranges[around]).all(axis=1).any()


def test_what_is_too_near_for_the_camera_is_too_near() -> None:
    plane = floor_plane()
    moved = moved_scan(plane, pose(plane, -0.3))
    ranges = np.full(BEAMS.count, np.inf, np.float32)
    ranges[BEAMS.count // 2] = -np.inf
    assert np.isneginf(moved.move(ranges)).sum() == 1


def test_a_tilted_frame_and_one_far_away_are_refused() -> None:
    plane = floor_plane(0.3)
    with pytest.raises(FilterError, match='tilted by 17 degrees'):
        moved_scan(plane, pose(floor_plane()))
    with pytest.raises(FilterError, match=r'the camera is 12 m from .*scan\.max_range'):
        moved_scan(plane, pose(plane, 12.0))


@given(st.floats(-0.5, 1.4), st.floats(-0.4, 0.4), st.floats(-3, 3))
def test_the_floor_under_a_camera_is_that_of_its_frame(
    pitch: float, roll: float, yaw: float
) -> None:
    plane = floor_plane(pitch, roll, 0.7)
    found = Plane.under_camera(pose(plane, 1.0, -2.0, yaw))
    np.testing.assert_allclose(found.normal, plane.normal, atol=1e-9)
    assert found.offset == pytest.approx(0.7)


def test_a_camera_under_its_frame_is_refused() -> None:
    with pytest.raises(FilterError, match='height of the camera over the floor is'):
        Plane.under_camera(np.eye(4))
