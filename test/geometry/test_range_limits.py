from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry.cleaning import RangeLimits
from s2r_depth_ros.geometry.settings import FilterError

images = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=8),
    elements=st.floats(width=32),
)


@given(images, st.floats(0, 5, width=32), st.floats(0.25, 60, width=32))
def test_too_near_is_minus_infinity_and_too_far_infinity(
    depth: np.ndarray, minimum: float, extent: float
) -> None:
    limits = RangeLimits(minimum, minimum + extent)
    result = limits.apply(depth.copy())
    expected = np.where(depth > np.float32(limits.maximum), np.float32(np.inf), depth)
    if minimum > 0:
        expected = np.where(depth < np.float32(minimum), np.float32(-np.inf), expected)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(limits.apply(result.copy()), result)


@given(images)
def test_no_limits_change_nothing(depth: np.ndarray) -> None:
    np.testing.assert_array_equal(RangeLimits().apply(depth.copy()), depth)


def test_sky_is_too_far() -> None:
    depth = np.array([[5.0, 39.0, 41.0, 80.0, np.nan]], np.float32)
    without = RangeLimits(0.0, 100.0).without_sky(80.0).apply(depth)
    np.testing.assert_array_equal(without, [[5.0, 39.0, np.inf, np.inf, np.nan]])
    assert RangeLimits(0.0, 10.0).without_sky(80.0).maximum == 10.0


@given(st.floats(0.001, 1000), st.floats(1e-4, 1e4), st.floats(0.1, 100))
def test_sky_that_begins_nearer_than_the_least_depth_leaves_nothing(
    minimum: float, farthest: float, extent: float
) -> None:
    """As where the scale is far too small: no mistake of who set the limits."""
    limits = RangeLimits(minimum, minimum + extent).without_sky(farthest)
    assert limits.minimum == minimum < limits.maximum <= minimum + extent
    if farthest > 2.1 * minimum:
        assert limits.maximum == min(minimum + extent, farthest / 2)


@pytest.mark.parametrize(
    ('minimum', 'maximum'), [(2.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (0.0, math.nan)]
)
def test_limits_in_the_wrong_order_are_refused(minimum: float, maximum: float) -> None:
    with pytest.raises(FilterError, match=r'min_depth is'):
        RangeLimits(minimum, maximum)
