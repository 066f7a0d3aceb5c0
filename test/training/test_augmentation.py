from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_depth_training.dataset.augmentation import crop_and_resize, photometric, random_window


@given(st.integers(0, 10_000), st.floats(0.5, 4.0), st.floats(0.3, 1.0), st.floats(1.0, 3.0))
@settings(deadline=None, max_examples=50)
def test_windows_lie_inside(seed, aspect, smallest, widest):
    rng = np.random.default_rng(seed)
    top, left, height, width = random_window(96, 128, aspect, smallest, rng, widest)
    assert 0 <= top <= top + height <= 96
    assert 0 <= left <= left + width <= 128
    assert min(height, width) >= 1


def test_depth_is_not_mixed_at_edges():
    depth = np.where(np.arange(128) < 50, 1.0, 9.0).astype(np.float32) * np.ones((96, 1), 'f4')
    small = crop_and_resize(depth, (3, 5, 80, 101), (96, 128), nearest=True)
    assert set(np.unique(small)) == {1.0, 9.0}


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_every_augmentation_gives_a_finite_image(seed):
    rng = np.random.default_rng(seed)
    rgb, donor = rng.integers(0, 256, (2, 96, 128, 3), np.uint8)
    image = photometric(rgb, donor, rng)
    assert image.shape == (96, 128, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert 0 <= image.min() <= image.max() <= 1
