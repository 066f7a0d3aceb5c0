from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry.depth_bounds import bounds_above, bounds_below

ODD = [np.nan, np.inf, -np.inf, 0.0, -1.0]
depths = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.one_of(st.floats(0.0625, 60, width=32), st.sampled_from(ODD)),
)


@given(depths, st.floats(-2, 2), st.floats(-3, 3), st.integers(0, 99))
def test_bounds_are_the_inequality_that_they_stand_for(
    depth: np.ndarray, steepness: float, limit: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    slope = (steepness * random.uniform(-1, 1, depth.shape)).astype(np.float32)
    some = np.isfinite(depth) & (depth > 0)
    product = slope.astype(np.float64) * np.where(some, depth, 0)
    margin = 1e-5 * (1 + np.abs(product) + abs(limit))
    below = bounds_below(slope, limit).inside(depth) > 0
    above = bounds_above(slope, limit).inside(depth) > 0
    assert not (below & ~some).any()
    assert not (above & ~some).any()
    assert below[some & (product < limit - margin)].all()
    assert not below[some & (product > limit + margin)].any()
    assert above[some & (product > limit + margin)].all()
    assert not above[some & (product < limit - margin)].any()


def test_both_bounds_are_where_either_is() -> None:
    slope = np.ones((1, 3), np.float32)
    both = bounds_above(slope, 1.0).and_also(bounds_below(slope, 2.0))
    np.testing.assert_array_equal(
        both.inside(np.array([[0.5, 1.5, 2.5]], np.float32)), [[0, 255, 0]]
    )


def test_another_size_is_refused() -> None:
    bounds = bounds_below(np.ones((2, 3), np.float32), 1.0)
    with pytest.raises(ValueError, match=r'depth has shape \(3, 2\), its bounds \(2, 3\)'):
        bounds.inside(np.ones((3, 2), np.float32))
