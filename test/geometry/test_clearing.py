from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry import Intrinsics, project
from s2r_depth_ros.geometry.navigation import clearing_points
from s2r_depth_ros.geometry.settings import FilterError


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
               elements=st.floats(width=32)),
    st.floats(0.5, 50), st.integers(1, 5),
)  # fmt: skip
def test_points_are_finite_at_the_range_where_depth_is_beyond(
    depth: np.ndarray, maximum: float, stride: int
) -> None:
    height, width = depth.shape
    camera = Intrinsics(9.0, 7.0, 3.0, 2.5, width, height)
    points = clearing_points(depth, camera, maximum, stride=stride)
    free = {
        (column, row)
        for row in range(0, height, stride)
        for column in range(0, width, stride)
        if depth[row, column] > maximum
    }
    assert np.isfinite(points).all()
    np.testing.assert_allclose(points[:, 2], maximum, rtol=1e-6)
    assert {(round(u), round(v)) for u, v in project(points, camera)} == free
    assert len(points) == len(free)


@pytest.mark.parametrize('maximum', [0.0, -1.0, math.inf, math.nan])
def test_a_range_without_end_is_refused(maximum: float) -> None:
    with pytest.raises(FilterError, match=r'max_depth is'):
        clearing_points(np.ones((2, 2), np.float32), Intrinsics(1, 1, 0, 0, 2, 2), maximum)
