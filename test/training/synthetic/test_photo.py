"""The photo model: ranges, effects, and no effect where nothing is asked."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_training.synthetic.looks.photo import Photo, sample_photo, take_photo


def picture(seed: int = 0, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), height=st.integers(32, 90), width=st.integers(32, 90))
def test_any_sampled_photo_gives_a_picture_of_the_same_size(
    seed: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    photo = sample_photo(rng, height)
    taken = take_photo(picture(seed, height, width), photo, rng)
    assert taken.shape == (height, width, 3)
    assert taken.dtype == np.uint8
    assert 0.3 < photo.gain < 3.5
    assert photo.quality == 0 or 30 < photo.quality <= 95


def test_sampled_photos_stay_recognisable() -> None:
    source = picture().astype(float)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        taken = take_photo(picture(), sample_photo(rng, 48), rng).astype(float)
        assert np.corrcoef(source.ravel(), taken.ravel())[0, 1] > 0.75


def test_the_default_photo_changes_nothing() -> None:
    assert (
        np.abs(
            take_photo(picture(), Photo(), np.random.default_rng(0)).astype(int) - picture()
        ).max()
        <= 1
    )


def test_same_seed_same_noise() -> None:
    photo = Photo(shot_noise=0.03, read_noise=0.02)
    one, two, three = (take_photo(picture(), photo, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_each_setting_does_what_it_says() -> None:
    grey, rng = np.full((64, 64, 3), 128, np.uint8), np.random.default_rng(0)
    assert take_photo(grey, Photo(gain=1.5), rng).mean() > 140
    vignetted = take_photo(grey, Photo(vignette=0.4), rng)
    assert vignetted[0, 0, 0] < vignetted[32, 32, 0] - 15
    warm = take_photo(grey, Photo(white=(1.2, 1.0, 0.8)), rng)[0, 0].astype(int)
    assert warm[0] > warm[1] > warm[2]
    assert take_photo(grey, Photo(shot_noise=0.05), rng).std() > 4
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 255
    assert 0 < take_photo(edge, Photo(blur=2.0), rng)[32, 31, 0] < 255
    across = take_photo(edge, Photo(shake=8.0, shake_angle=0.0), rng)
    along = take_photo(edge, Photo(shake=8.0, shake_angle=np.pi / 2), rng)
    assert 0 < across[32, 30, 0] < 255
    assert along[32, 30, 0] == 0
    assert len(np.unique(take_photo(picture(), Photo(quality=20), rng))) > 10


@pytest.mark.parametrize('bad', [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8)])
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match='uint8 image'):
        take_photo(bad, Photo(), np.random.default_rng(0))
