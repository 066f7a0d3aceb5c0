from __future__ import annotations

import math

import numpy as np
import pytest
from floor_scenes import CAMERA, HEIGHT, floor_plane, level_rays, seen_depth
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry.navigation import (
    FloorView,
    GroundSettings,
    GroundSplit,
    ground_bounds,
    split_ground,
)
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.settings import FilterError

angles = st.floats(-0.5, 0.5)


def split(depth: np.ndarray, plane: Plane, settings: GroundSettings | None = None) -> GroundSplit:
    bounds = ground_bounds(FloorView(CAMERA, plane), settings or GroundSettings())
    return split_ground(depth, bounds)


@given(angles, angles)
def test_floor_and_wall_are_told_apart(pitch: float, roll: float) -> None:
    plane = floor_plane(pitch, roll)
    depth = seen_depth(plane, [(2.0, 0.0, 3.0)])
    height = HEIGHT + level_rays(plane)[..., 2] * np.where(np.isfinite(depth), depth, np.nan)
    parts = split(depth, plane)
    assert (parts.ground[height < 0.05] == 255).all()
    assert (parts.obstacle[height > 0.35] == 255).all()
    assert (parts.obstacle[height < 0.05] == 0).all()
    assert (parts.ground[height > 0.35] == 0).all()


@given(
    hnp.arrays(np.float32, (120, 160), elements=st.floats(width=32), fill=st.just(1.5)),
    angles, st.floats(0.02, 0.4), st.floats(0, 0.3),
)  # fmt: skip
def test_masks_part_what_is_finite_by_height(
    depth: np.ndarray, pitch: float, max_height: float, max_slope: float
) -> None:
    plane = floor_plane(pitch, 0.1)
    parts = split(depth, plane, GroundSettings(max_height, max_slope))
    real = np.isfinite(depth) & (depth > 1e-6) & (depth < 1e6)
    rays = level_rays(plane)
    height = HEIGHT + rays[..., 2] * np.where(real, depth, 0)
    reach = np.hypot(rays[..., 0], rays[..., 1]) * np.where(real, depth, 0)
    limit = max_height + math.tan(max_slope) * reach
    sure = real & (np.abs(np.abs(height) - limit) > 1e-4 * (1 + np.abs(height)))
    np.testing.assert_array_equal(parts.ground[sure] > 0, np.abs(height)[sure] <= limit[sure])
    np.testing.assert_array_equal(parts.obstacle[sure] > 0, height[sure] > limit[sure])
    assert not (parts.ground & parts.obstacle).any()
    unreal = ~np.isfinite(depth) | (depth <= 0)
    assert not (parts.ground | parts.obstacle)[unreal].any()


def test_beneath_the_floor_is_neither() -> None:
    depth = seen_depth(floor_plane(0.3, height=HEIGHT + 0.5))
    parts = split(depth, floor_plane(0.3), GroundSettings(0.1, 0.0))
    below = np.isfinite(depth)
    assert below.any()
    assert not (parts.ground | parts.obstacle)[below].any()


def test_a_wider_slope_makes_more_of_it_floor() -> None:
    plane = floor_plane(0.2)
    depth = seen_depth(floor_plane(0.2 + math.radians(4)))  # a floor that rises by 4 degrees
    narrow = split(depth, plane, GroundSettings(0.02, math.radians(2)))
    wide = split(depth, plane, GroundSettings(0.02, math.radians(6)))
    assert (wide.ground[np.isfinite(depth)] == 255).all()
    assert (narrow.ground == 0).any()
    assert not (narrow.ground & ~wide.ground).any()


def test_a_camera_lower_than_the_tolerance_is_refused() -> None:
    with pytest.raises(FilterError, match=r'ground.max_height is 0.6 m, the camera only 0.5 m'):
        split(np.ones((120, 160), np.float32), floor_plane(), GroundSettings(max_height=0.6))


@pytest.mark.parametrize('settings', [{'max_height': 0.0}, {'max_height': math.nan},
                                      {'max_slope': -0.1}, {'max_slope': 1.0}])  # fmt: skip
def test_impossible_settings_are_named(settings: dict[str, float]) -> None:
    with pytest.raises(FilterError, match=f'ground.{next(iter(settings))} is'):
        GroundSettings(**settings)
