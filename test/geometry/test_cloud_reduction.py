from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.reduction import (
    Box,
    keep_region,
    region_bounds,
    strided_image,
    strided_intrinsics,
    voxel_grid,
)
from s2r_depth_ros.geometry.settings import FilterError

ANY = st.floats(width=32)
clouds = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 40), st.just(3)),
    elements=st.one_of(st.floats(-4, 4, width=32), st.sampled_from([np.nan, np.inf, -np.inf])),
)


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=ANY),
    st.integers(1, 15),
)
def test_a_strided_cloud_is_part_of_the_whole(depth: np.ndarray, stride: int) -> None:
    height, width = depth.shape
    camera = Intrinsics(9.0, 7.0, 3.0, 2.5, width, height)
    depth = np.where(np.isfinite(depth) & (np.abs(depth) < 1e6), depth, np.nan).astype(np.float32)
    few = back_project(strided_image(depth, stride), strided_intrinsics(camera, stride))
    whole = back_project(depth, camera)[::stride, ::stride]
    np.testing.assert_allclose(few, whole, rtol=1e-5, atol=1e-6)


def test_a_stride_of_colours() -> None:
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    np.testing.assert_array_equal(strided_image(rgb, 2), rgb[::2, ::2])
    for bad in (0, -1):
        with pytest.raises(FilterError, match=r'cloud\.stride is'):
            strided_image(rgb, bad)
        with pytest.raises(FilterError, match=r'cloud\.stride is'):
            strided_intrinsics(Intrinsics(1, 1, 0, 0, 4, 4), bad)


@given(clouds, st.floats(0.05, 2))
def test_a_voxel_has_the_centroid_of_its_points(points: np.ndarray, size: float) -> None:
    colours = np.arange(len(points), dtype=np.uint32)
    result = voxel_grid(points, colours, size)
    real = np.isfinite(points).all(axis=1)
    cells = np.floor(points[real] / np.float32(size))
    expected = {tuple(cell): points[real][(cells == cell).all(axis=1)] for cell in cells}
    assert len(result.points) == len(expected)
    first = {tuple(cell): number for cell, number in zip(cells[::-1], colours[real][::-1])}
    assert [tuple(cell) for cell in np.unique(cells, axis=0)] == sorted(expected)
    for point, colour, cell in zip(result.points, result.colours, sorted(expected)):
        np.testing.assert_allclose(point, expected[cell].mean(axis=0), atol=1e-5)
        assert colour == first[cell]


def test_voxels_too_fine_for_the_cloud_are_named() -> None:
    points = np.array([[0, 0, 0], [1e30, 0, 0], [3e38, -3e38, 0]], np.float32)
    with pytest.raises(FilterError, match=r'cloud\.voxel_size is 0\.01 m, too fine'):
        voxel_grid(points, np.zeros(3, np.uint32), 0.01)


@pytest.mark.parametrize('size', [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_voxel_is_refused(size: float) -> None:
    with pytest.raises(FilterError, match=r'cloud\.voxel_size is'):
        voxel_grid(np.zeros((1, 3), np.float32), np.zeros(1, np.uint32), size)


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
               elements=st.one_of(st.floats(0.125, 9, width=32),
                                  st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0]))),
    st.floats(-3.1, 3.1), st.integers(0, 99),
)  # fmt: skip
def test_a_region_keeps_the_points_of_a_box(depth: np.ndarray, yaw: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = depth.shape
    camera = Intrinsics(9.0, 7.0, 3.0, 2.5, width, height)
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0,
                                                                    math.cos(yaw)]])  # fmt: skip
    shift = random.uniform(-1, 1, 3)
    centre, half = random.uniform(-2, 2, 3), random.uniform(0.2, 4, 3)
    box = Box(tuple(centre - half), tuple(centre + half))
    result = keep_region(depth.copy(), region_bounds(camera, box, turn, shift))
    real = np.isfinite(depth) & (depth > 0)
    points = back_project(np.where(real, depth, 1).astype(np.float32), camera) @ turn.T + shift
    margin = (half - np.abs(points - centre)).min(axis=-1)
    kept = ~np.isnan(result)
    assert kept[real & (margin > 1e-4)].all()
    assert not kept[~real | (margin < -1e-4)].any()
    np.testing.assert_array_equal(result[kept], depth[kept])


def test_a_box_without_sides_keeps_all_that_is_real() -> None:
    endless = Box((-math.inf,) * 3, (math.inf,) * 3)
    camera = Intrinsics(2.0, 2.0, 1.0, 0.0, 3, 1)
    depth = np.array([[1.0, np.nan, 80.0]], np.float32)
    bounds = region_bounds(camera, endless, np.eye(3), np.zeros(3))
    np.testing.assert_array_equal(keep_region(depth.copy(), bounds), depth)


@pytest.mark.parametrize('upper', [(1.0, 0.0, 1.0), (1.0, math.nan, 1.0)])
def test_a_box_inside_out_is_refused(upper: tuple[float, float, float]) -> None:
    with pytest.raises(FilterError, match=r'lower y of cloud\.region is 0 and upper y is'):
        Box((0.0, 0.0, 0.0), upper)
