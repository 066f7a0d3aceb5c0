from __future__ import annotations

import math

import numpy as np
import pytest
from floor_scenes import CAMERA, floor_plane, level_rays, seen_depth
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.navigation import (
    FloorView,
    ScanBeams,
    Scanner,
    ScanSettings,
    level_beams,
)
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError

BEAMS = level_beams(FloorView(CAMERA, floor_plane()), math.radians(1))


def scanned(depth: np.ndarray, plane: Plane, **changes: float) -> np.ndarray:
    scanner = Scanner(FloorView(CAMERA, plane), ScanSettings(**changes), BEAMS)
    return scanner.scan(depth)


def bearings() -> np.ndarray:
    return BEAMS.angle_min + BEAMS.angle_increment * np.arange(BEAMS.count)


def test_beams_cover_a_level_camera_and_one_looks_ahead() -> None:
    angles = bearings()
    assert np.abs(angles).min() < 1e-9
    half = math.atan(80 / 100)
    assert angles[0] == pytest.approx(-half, abs=math.radians(1))
    assert BEAMS.angle_max == pytest.approx(half, abs=math.radians(1))
    assert abs(BEAMS.angle_min) <= half


@settings(deadline=None)
@given(st.floats(-0.1, 0.4), st.floats(-0.15, 0.15), st.floats(1, 6))
def test_a_wall_across_the_view_is_where_it_is(pitch: float, roll: float, distance: float) -> None:
    plane = floor_plane(pitch, roll)
    ranges = scanned(seen_depth(plane, [(distance, 0.0, 3.0)]), plane)
    # Beams near the sides may lie outside a turned image.
    inner = np.abs(bearings()) < math.radians(25)
    seen = np.isfinite(ranges) & inner
    if pitch < 0.2:
        assert seen[inner].all()
    np.testing.assert_allclose(ranges[seen], distance / np.cos(bearings()[seen]), rtol=0.012)


def test_left_is_positive() -> None:
    plane = floor_plane()
    depth = seen_depth(plane, [(3.0, 0.0, 3.0)])
    left = level_rays(plane)[..., 1] > 0
    near = np.where(left, seen_depth(plane, [(1.5, 0.0, 3.0)]), depth)
    ranges = scanned(near, plane)
    assert (ranges[bearings() > 0.1] * np.cos(bearings()[bearings() > 0.1]) < 1.6).all()
    assert (ranges[bearings() < -0.1] * np.cos(bearings()[bearings() < -0.1]) > 2.9).all()


def test_free_floor_is_infinite_and_what_hangs_above_is_passed_under() -> None:
    plane = floor_plane(0.1)
    for walls in ((), ((2.0, 1.2, 3.0),)):
        assert np.isposinf(scanned(seen_depth(plane, walls), plane)).all()


def test_a_wall_beyond_the_range_is_free_before() -> None:
    plane = floor_plane()
    depth = seen_depth(plane, [(6.0, 0.0, 3.0)])
    assert np.isposinf(scanned(depth, plane, max_range=5.0)).all()
    assert np.isfinite(scanned(depth, plane, max_range=12.0)).all()


def test_what_is_nearer_than_the_range_is_minus_infinity() -> None:
    plane = floor_plane()
    depth = seen_depth(plane, [(0.7, 0.0, 3.0)])
    assert np.isneginf(scanned(depth, plane, min_range=2.0)).all()


def test_nothing_known_is_nan() -> None:
    plane = floor_plane(0.1)
    for unknown in (np.nan, -np.inf):
        assert np.isnan(scanned(np.full((120, 160), unknown, np.float32), plane)).all()


def test_floor_before_an_unknown_wall_is_not_free() -> None:
    plane = floor_plane(0.1)
    depth = seen_depth(plane, [(3.0, 0.0, 3.0)])
    reach = np.hypot(*np.moveaxis(level_rays(plane)[..., :2], -1, 0)) * depth
    depth[reach > 2.5] = np.nan
    assert np.isnan(scanned(depth, plane)).all()


def test_a_hole_in_the_floor_is_not_free() -> None:
    plane = floor_plane(0.3)
    deeper = seen_depth(floor_plane(0.3, height=1.2))
    assert np.isnan(scanned(deeper, plane)).all()
    # A sensor that sees nothing within its range where the floor must be, either.
    assert np.isnan(scanned(np.full((120, 160), np.inf, np.float32), floor_plane(0.8))).all()


def test_a_camera_that_looks_up_knows_nothing_of_the_floor() -> None:
    plane = floor_plane(-1.2)
    assert np.isnan(scanned(np.full((120, 160), 2.0, np.float32), plane)).all()


def test_a_camera_that_looks_straight_down() -> None:
    camera = Intrinsics(100.0, 100.0, 80.0, 60.0, 160, 120)  # one ray has no bearing
    scanner = Scanner(FloorView(camera, Plane((0, 0, 1), 1.0)), ScanSettings(), BEAMS)
    # It sees the floor half a metre ahead, and nothing of what stands farther away.
    assert np.isnan(scanner.scan(np.full((120, 160), 1.0, np.float32))).all()
    box = np.full((120, 160), 1.0, np.float32)
    box[:20] = 0.7  # its nearest points are 0.4 * 0.7 m ahead, at the top of the image
    # Some beams are narrower than a pixel so near below the camera.
    inner = np.abs(bearings()) < 0.3
    ahead = scanner.scan(box)[inner] * np.cos(bearings()[inner])
    np.testing.assert_allclose(np.median(ahead), 0.287, atol=0.01)
    assert ahead.max() < 0.42


@settings(deadline=None)
@given(st.floats(-0.5, 1.5), st.floats(-3.1, 3.1) | st.sampled_from([math.pi / 2, -math.pi / 2]),
       st.floats(0.3, 4.8), st.sampled_from([0.01, 0.0175, 0.03]))  # fmt: skip
def test_no_beam_is_free_where_a_wall_stands(
    pitch: float, roll: float, distance: float, increment: float
) -> None:
    """However the camera is mounted, and whether it can see that far or not."""
    plane = floor_plane(pitch, roll)
    view = FloorView(CAMERA, plane)
    beams = level_beams(view, increment)
    scanner = Scanner(view, ScanSettings(max_range=5.0), beams)
    ranges = scanner.scan(seen_depth(plane, [(distance, 0.0, 3.0)]))
    across = np.cos(beams.angle_min + beams.angle_increment * np.arange(beams.count))
    assert not np.isposinf(ranges[distance < 4.9 * across]).any()


@settings(deadline=None)
@given(st.floats(-0.3, 1.5), st.floats(-3.1, 3.1), st.floats(20, 140), st.floats(20, 100),
       st.integers(0, 2**32))  # fmt: skip
def test_no_obstacle_of_the_image_is_beside_the_beams(
    pitch: float, roll: float, cx: float, cy: float, seed: int
) -> None:
    """However the camera is mounted, and wherever its principal point is."""
    plane, random = floor_plane(pitch, roll), np.random.default_rng(seed)
    view = FloorView(Intrinsics(100.0, 100.0, cx, cy, 160, 120), plane)
    beams = level_beams(view, 0.02)
    scanner = Scanner(view, ScanSettings(max_range=3.0), beams)
    for row, column in random.integers((0, 0), (120, 160), (20, 2)):
        depth = np.full((120, 160), np.nan, np.float32)
        depth[row, column] = random.uniform(0.2, 2.5)
        reach, up = (axis[row, column] * depth[row, column] for axis in (view.reach, view.up))
        is_obstacle = 0.3 < view.height + up < 0.9 and reach < 2.9
        assert np.isfinite(scanner.scan(depth)).any() or not is_obstacle or reach < 0.1


@pytest.mark.parametrize('roll', [0.0, 0.5, math.pi / 2, math.pi])
def test_a_rolled_camera_sees_a_wall_in_every_beam(roll: float) -> None:
    plane = floor_plane(0.1, roll)
    view = FloorView(CAMERA, plane)
    beams = level_beams(view, 0.0125)
    scanner = Scanner(view, ScanSettings(), beams)
    ranges = scanner.scan(seen_depth(plane, [(2.0, 0.0, 3.0)]))
    angles = beams.angle_min + beams.angle_increment * np.arange(beams.count)
    inner = np.abs(angles) < math.radians(25)
    np.testing.assert_allclose(ranges[inner] * np.cos(angles[inner]), 2.0, rtol=0.012)
    assert np.isposinf(scanner.scan(seen_depth(plane))[inner]).all()


def test_floor_is_not_free_beyond_what_the_camera_sees_of_it() -> None:
    """This one sees obstacles up to 1.3 m away: the floor behind is out of the image."""
    plane = floor_plane(0.8)
    assert np.isnan(scanned(seen_depth(plane), plane, max_range=2.0)).all()
    near = scanned(seen_depth(plane), plane, max_range=0.9)
    assert np.isposinf(near[np.abs(bearings()) < 0.5]).all()


@settings(deadline=None)
@given(hnp.arrays(np.float32, (120, 160), elements=st.floats(width=32), fill=st.just(1.5)),
       st.floats(-0.4, 0.8))  # fmt: skip
def test_ranges_are_within_the_limits(depth: np.ndarray, pitch: float) -> None:
    ranges = scanned(depth, floor_plane(pitch, 0.1), min_range=0.4, max_range=5.0)
    finite = ranges[np.isfinite(ranges)]
    assert len(ranges) == BEAMS.count
    assert ((finite >= np.float32(0.4)) & (finite <= 5.0001)).all()


@settings(deadline=None)
@given(st.integers(0, 99))
def test_more_obstacles_never_move_a_range_away(seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = floor_plane(0.1)
    depth = seen_depth(plane, [(4.0, 0.0, 3.0)])
    nearer = np.where(random.random(depth.shape) < 0.01, depth / 2, depth).astype(np.float32)
    assert (scanned(nearer, plane) <= scanned(depth, plane) + 1e-6).all()


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (2, 7), (7, 5)])
def test_any_size_of_image(size: tuple[int, int]) -> None:
    height, width = size
    camera = Intrinsics(5.0, 5.0, (width - 1) / 2, (height - 1) / 2, width, height)
    view = FloorView(camera, floor_plane(0.1))
    beams = level_beams(view, 0.3)
    scanner = Scanner(view, ScanSettings(), beams)
    ranges = scanner.scan(np.full(size, 1.0, np.float32))
    assert ranges.shape == (beams.count,)
    # Straight on, a pixel at depth 1 is 0.4 m over the floor.
    assert np.nanmin(ranges) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    'changes',
    [{'min_height': -0.1}, {'max_height': 0.05}, {'max_slope': 2.0}, {'min_range': -1.0},
     {'max_range': math.inf}, {'max_range': 0.01}, {'min_height': math.nan}],
)  # fmt: skip
def test_impossible_settings_are_named(changes: dict[str, float]) -> None:
    with pytest.raises(FilterError, match=r'scan\.'):
        ScanSettings(**changes)


def test_beams_finer_than_pixels_and_low_cameras_are_refused() -> None:
    with pytest.raises(FilterError, match=r'a pixel of this camera is 0\.01 rad wide'):
        level_beams(FloorView(CAMERA, floor_plane()), 0.001)
    with pytest.raises(FilterError, match=r'scan\.angle_increment'):
        ScanBeams(0.0, 0.0, 5)
    with pytest.raises(FilterError, match=r'scan\.min_height is 0\.1 m, the camera only 0\.05 m'):
        Scanner(FloorView(CAMERA, floor_plane(height=0.05)), ScanSettings(), BEAMS)
