from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from s2r_depth_ros.inference.postprocess import depth_to_millimetres, mask_range

DEPTHS = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32, allow_nan=True)
)


def test_millimetres_by_hand() -> None:
    metres = np.array(
        [np.nan, np.inf, -np.inf, -1, 0, 4e-4, 1e-3, 1.2344, 65.535, 65.536, 80], np.float32
    )
    expected = [0, 0, 0, 0, 0, 0, 1, 1234, 65535, 0, 0]
    millimetres = depth_to_millimetres(metres)
    assert millimetres.dtype == np.uint16
    assert millimetres.tolist() == expected


@given(depth=DEPTHS)
def test_millimetres_are_right_or_invalid(depth: NDArray[np.float32]) -> None:
    millimetres = depth_to_millimetres(depth)
    valid = millimetres > 0
    assert valid[(depth >= 0.001) & (depth <= 65.535)].all()
    assert not valid[~((depth >= 0.0004) & (depth <= 65.536))].any()
    np.testing.assert_allclose(millimetres[valid] / 1000, depth[valid], atol=5.1e-4)


def test_mask_by_hand() -> None:
    depth = np.array([[0.1, 0.5, 3.0, 10.0, 10.5, np.nan, np.inf]], np.float32)
    masked = mask_range(depth, 0.5, 10.0)
    np.testing.assert_array_equal(
        masked, np.array([[np.nan, 0.5, 3.0, 10.0, np.nan, np.nan, np.nan]], np.float32)
    )
    assert masked.dtype == np.float32
    assert depth[0, 0] == np.float32(0.1)


@given(depth=DEPTHS)
def test_mask_keeps_the_rest(depth: NDArray[np.float32]) -> None:
    masked = mask_range(depth, 1.0, 20.0)
    kept = ~np.isnan(masked)
    np.testing.assert_array_equal(kept, (depth >= 1.0) & (depth <= 20.0))
    np.testing.assert_array_equal(masked[kept], depth[kept])
