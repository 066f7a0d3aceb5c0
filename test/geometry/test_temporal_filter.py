from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from s2r_depth_ros.geometry.cleaning import TemporalFilter, TemporalSettings
from s2r_depth_ros.geometry.settings import FilterError

SHAPE = (48, 64)
GREY = np.full((*SHAPE, 3), 128, np.uint8)
ANY = st.one_of(
    st.floats(0.0625, 60, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0])
)


def scene(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 5, SHAPE).astype(np.float32)


def run(depths: list[np.ndarray], images: list[np.ndarray] | None = None, step: float = 0.1,
        settings: TemporalSettings | None = None) -> list[np.ndarray]:  # fmt: skip
    temporal = TemporalFilter(settings or TemporalSettings())
    images = images or [np.full((*d.shape, 3), 128, np.uint8) for d in depths]
    return [
        temporal.update(depth.copy(), image, 1.0 + step * number)
        for number, (depth, image) in enumerate(zip(depths, images))
    ]


def test_flicker_of_single_pixels_becomes_less() -> None:
    random = np.random.default_rng(1)
    still = scene()
    noisy = [still * np.exp(random.normal(0, 0.02, SHAPE)).astype(np.float32) for _ in range(12)]
    before = np.std([np.log(d / still) for d in noisy[4:]])
    after = np.std([np.log(d / still) for d in run(noisy)[4:]])
    assert after < 0.7 * before


def test_the_scale_is_that_of_the_newest_frame() -> None:
    still = scene()
    factors = np.array([1.0, 1.5, 0.7, 1.2, 3.0], np.float32)
    for factor, result in zip(factors, run([still * factor for factor in factors])):
        np.testing.assert_allclose(result, still * factor, rtol=1e-5)


@given(st.floats(0.4, 1), st.floats(0.2, 5), st.booleans(), st.integers(0, 20))
def test_nothing_ghosts_longer_than_three_frames(
    weight: float, factor: float, seen_in_image: bool, seed: int
) -> None:
    settings = TemporalSettings(weight=weight)
    before, after = scene(seed), scene(seed)
    after[10:30, 20:40] *= np.float32(factor)
    later = GREY.copy()
    if seen_in_image:
        later[10:30, 20:40] = 255
    results = run([before] * 4 + [after] * 3, [GREY] * 4 + [later] * 3, settings=settings)
    assert np.abs(results[-1] / after - 1).max() < 0.1 * 0.6**3 / 0.9


def test_where_the_image_changed_the_newest_depth_is_taken_as_it_is() -> None:
    still = scene()
    newest = still * np.float32(1.03)
    newest[20:28, 20:28] *= np.float32(1.05)
    later = GREY.copy()
    later[16:32, 16:32] = 10
    result = run([still, newest], [GREY, later])[-1]
    np.testing.assert_array_equal(result[20:28, 20:28], newest[20:28, 20:28])
    assert (result[36:] != newest[36:]).any() or np.allclose(result[36:], newest[36:], rtol=1e-6)


@given(st.lists(hnp.arrays(np.float32, (5, 6), elements=ANY), min_size=2, max_size=5),
       st.floats(0.4, 1), st.floats(0, 0.25))  # fmt: skip
def test_depth_is_never_made_and_never_leaves_what_was_seen(
    depths: list[np.ndarray], weight: float, change: float
) -> None:
    settings = TemporalSettings(weight=weight, max_change=change)
    for depth, result in zip(depths, run(depths, settings=settings)):
        real = np.isfinite(depth) & (depth > 0)
        np.testing.assert_array_equal(result[~real], depth[~real])
        ratio = result[real] / depth[real]
        assert (ratio <= 1 + change + 1e-5).all()
        assert (ratio >= 1 / (1 + change) - 1e-5).all()


@given(st.integers(0, 99))
def test_equal_frames_give_equal_results(seed: int) -> None:
    depths = [scene(seed), scene(seed + 1), scene(seed)]
    for one, other in zip(run(depths), run(depths)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('stamp', [0.9, 1.0, 1.6, -5.0, math.nan])
def test_a_jump_of_time_starts_anew(stamp: float) -> None:
    temporal = TemporalFilter(TemporalSettings())
    temporal.update(scene(), GREY, 1.0)
    newest = scene() * np.random.default_rng(2).uniform(0.97, 1.03, SHAPE).astype(np.float32)
    np.testing.assert_array_equal(temporal.update(newest.copy(), GREY, stamp), newest)


def test_what_follows_is_blended_and_after_a_reset_it_is_not() -> None:
    newest = scene() * np.random.default_rng(2).uniform(0.97, 1.03, SHAPE).astype(np.float32)
    for reset in (False, True):
        temporal = TemporalFilter(TemporalSettings())
        temporal.update(scene(), GREY, 1.0)
        if reset:
            temporal.reset()
        blended = temporal.update(newest.copy(), GREY, 1.1)
        assert np.array_equal(blended, newest) == reset


@pytest.mark.parametrize('shape', [(1, 1), (1, 40), (40, 1), (3, 5), (64, 48)])
def test_a_change_of_size_starts_anew(shape: tuple[int, int]) -> None:
    temporal = TemporalFilter(TemporalSettings())
    temporal.update(scene(), GREY, 1.0)
    other = np.full(shape, 2.0, np.float32)
    image = np.zeros((*shape, 3), np.uint8)
    np.testing.assert_array_equal(temporal.update(other.copy(), image, 1.1), other)
    # and the same size again is filtered as ever
    np.testing.assert_array_equal(temporal.update(other.copy(), image, 1.2), other)


def test_frames_without_depth_do_no_harm() -> None:
    nothing = np.full(SHAPE, np.nan, np.float32)
    results = run([scene(), nothing, scene(), scene()])
    assert np.isnan(results[1]).all()
    np.testing.assert_array_equal(results[2], scene())


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match='sizes must be equal'):
        TemporalFilter(TemporalSettings()).update(scene(), GREY[1:], 1.0)


@pytest.mark.parametrize(
    'settings',
    [{'weight': 0.3}, {'weight': 1.1}, {'max_change': -1.0}, {'max_change': 0.3},
     {'max_difference': 256.0}, {'max_gap': 0.0}, {'max_gap': math.inf}],
)  # fmt: skip
def test_impossible_settings_are_named(settings: dict[str, float]) -> None:
    with pytest.raises(FilterError, match=f'temporal_filter.{next(iter(settings))} is'):
        TemporalSettings(**settings)
