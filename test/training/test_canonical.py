from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_depth_training.dataset.canonical import canonical_depth
from s2r_depth_training.dataset.config import DataConfig


@given(st.floats(20, 400), st.floats(0.2, 60))
@settings(deadline=None, max_examples=30)
def test_zoom_and_canonical_camera_cancel(fx, metres):
    """Cropping to a half doubles fx and halves canonical depth; what is not sky is not clipped."""
    config = DataConfig(max_depth=1e6, min_depth=1e-6)
    depth = np.full((4, 4), metres, np.float32)
    whole, weight = canonical_depth(depth, fx, True, config)
    half, _ = canonical_depth(depth, 2 * fx, True, config)
    np.testing.assert_allclose(whole, metres * config.focal_length / fx, rtol=1e-5)
    np.testing.assert_allclose(half, whole / 2, rtol=1e-5)
    assert weight.min() == 1


def test_zero_depth_is_far_sky_or_unknown():
    config = DataConfig()
    depth = np.array([[0.0, 5.0]], np.float32)
    metres, weight = canonical_depth(depth, 100.0, True, config)
    assert metres[0, 0] == config.max_depth
    np.testing.assert_array_equal(weight, [[np.float32(config.sky_weight), 1]])
    _, weight = canonical_depth(depth, 100.0, False, config)
    np.testing.assert_array_equal(weight, [[0, 1]])
