from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.cleaning import EdgeFilter, EdgeSettings
from s2r_depth_ros.geometry.settings import FilterError

ANY = st.one_of(
    st.floats(0.0625, 60, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0])
)
images = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=ANY)


def camera(height: int, width: int, focal_length: float = 50.0, aspect: float = 1.0) -> Intrinsics:
    centre = (width - 1) / 2, (height - 1) / 2
    return Intrinsics(focal_length, aspect * focal_length, *centre, width, height)


def filtered(depth: np.ndarray, settings: EdgeSettings, aspect: float = 1.0) -> np.ndarray:
    height, width = depth.shape
    return EdgeFilter(camera(height, width, aspect=aspect), settings).apply(depth.copy())


@given(images, st.floats(0.01, 1.55), st.floats(0.001, 1), st.floats(0.5, 2))
def test_a_depth_stays_or_becomes_nan(
    depth: np.ndarray, incidence: float, step: float, aspect: float
) -> None:
    result = filtered(depth, EdgeSettings(incidence, step), aspect)
    stays = ~np.isnan(result)
    np.testing.assert_array_equal(result[stays], depth[stays])
    assert stays[np.isinf(depth)].all()


@given(images, st.floats(0.01, 1.4), st.floats(0.001, 0.5))
def test_more_generous_limits_keep_more(depth: np.ndarray, incidence: float, step: float) -> None:
    strict = filtered(depth, EdgeSettings(incidence, step))
    generous = filtered(depth, EdgeSettings(incidence + 0.1, 2 * step))
    assert not (np.isnan(generous) & ~np.isnan(strict)).any()


@given(images, st.integers(-3, 3))
def test_scale_does_not_matter(depth: np.ndarray, power: int) -> None:
    factor = np.float32(2.0**power)
    result = filtered(depth * factor, EdgeSettings())
    np.testing.assert_array_equal(result, filtered(depth, EdgeSettings()) * factor)


@pytest.mark.parametrize('axis', [0, 1])
def test_points_between_two_surfaces_go_and_the_surfaces_stay(axis: int) -> None:
    profile = np.full(40, 1.0, np.float32)
    profile[15:25] = np.linspace(1.0, 3.0, 10)
    profile[25:] = 3.0
    depth = np.repeat(profile[:, None], 30, axis=1)
    settings = EdgeSettings(max_step=0.05)
    result = filtered(depth if axis == 0 else np.ascontiguousarray(depth.T), settings)
    result = result if axis == 0 else result.T
    assert np.isnan(result[16:24]).all()
    assert np.isfinite(result[:14]).all()
    assert np.isfinite(result[26:]).all()


@pytest.mark.parametrize('aspect', [0.5, 1.0, 2.0])
@pytest.mark.parametrize('axis', [0, 1])
def test_a_surface_goes_at_the_angle_that_is_said(axis: int, aspect: float) -> None:
    # Around the optical axis: z = 2 / (1 - tan(angle) * x) is a plane at this angle.
    for degrees, stays in ((60.0, True), (69.0, True), (71.0, False), (85.0, False)):
        intrinsics = camera(9, 9, 2000.0, aspect)
        focal_length = intrinsics.fx if axis == 1 else intrinsics.fy
        slope = (np.arange(9) - 4) / focal_length
        profile = (2 / (1 - math.tan(math.radians(degrees)) * slope)).astype(np.float32)
        depth = np.tile(profile, (9, 1))
        depth = depth if axis == 1 else np.ascontiguousarray(depth.T)
        settings = EdgeSettings(max_incidence=math.radians(70), max_step=1.0)
        result = EdgeFilter(intrinsics, settings).apply(depth)
        assert np.isfinite(result[4, 4]) == stays, degrees


def test_a_step_goes_though_a_short_lens_sees_it_at_a_small_angle() -> None:
    depth = np.ones((5, 6), np.float32)
    depth[:, 3:] = 1.5
    tiny = camera(5, 6, focal_length=2.0)
    result = EdgeFilter(tiny, EdgeSettings(max_step=0.1)).apply(depth.copy())
    assert np.isnan(result[:, 2:4]).all()
    kept = EdgeFilter(tiny, EdgeSettings(max_step=0.5)).apply(depth.copy())
    np.testing.assert_array_equal(kept, depth)


def test_edges_at_the_border_go_too() -> None:
    depth = np.ones((4, 4), np.float32)
    depth[:, 0] = 2.0
    assert np.isnan(filtered(depth, EdgeSettings())[:, 0]).all()


@pytest.mark.parametrize('settings', [{'max_incidence': 1.6}, {'max_incidence': 0.0},
                                      {'max_step': 0.0}, {'max_step': math.nan}])  # fmt: skip
def test_impossible_settings_are_named(settings: dict[str, float]) -> None:
    with pytest.raises(FilterError, match=f'edge_filter.{next(iter(settings))} is'):
        EdgeSettings(**settings)


@pytest.mark.parametrize('depth', [np.ones((4, 5)), np.ones((5, 4), np.float32).T])
def test_what_cannot_be_written_in_place_is_refused(depth: np.ndarray) -> None:
    with pytest.raises(ValueError, match='must be float32 and contiguous'):
        EdgeFilter(camera(4, 5), EdgeSettings()).apply(depth)


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match='depth has shape'):
        EdgeFilter(camera(4, 5), EdgeSettings()).apply(np.ones((5, 4), np.float32))
