from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry.scale import (
    Correction,
    FilterSettings,
    FilterState,
    Freshness,
    ScaleEstimate,
    rescaled,
    update,
)
from s2r_depth_ros.geometry.scale.correction import KNOTS, LOG_KNOTS, monotone

SETTINGS = FilterSettings()
RATE = 30.0


def estimate(log_scale: float, stamp: float, deviation: float = 0.1) -> ScaleEstimate:
    scale = math.exp(log_scale)
    return ScaleEstimate('lidar', scale, deviation, Correction.constant(scale), 20, 1, 0.05, stamp)


def settled(log_scale: float = 0.0, now: float = 0.0) -> FilterState:
    """A state that has believed one scale for long."""
    state = FilterState.initial(math.exp(log_scale))
    for i in range(60):
        state = update(
            state, estimate(log_scale, now - (59 - i) / RATE), now - (59 - i) / RATE, SETTINGS
        )
    return state


def log_factors(state: FilterState) -> np.ndarray:
    return np.array(state.current.log_factors)


STEPS = st.lists(
    st.tuples(
        st.floats(-2, 40),  # passed, s; back in time, too
        st.none() | st.floats(-4, 4),  # log scale
        st.floats(0, 1),  # deviation
        st.lists(st.floats(-1, 1), min_size=len(KNOTS), max_size=len(KNOTS)),
    ),
    max_size=30,
)


@given(steps=STEPS, rate=st.floats(0.01, 5), start=st.floats(0.1, 10))
def test_the_scale_never_moves_faster_than_the_limit(steps, rate, start) -> None:
    settings = replace(SETTINGS, rate_limit=rate)
    state, now = update(FilterState.initial(start), None, 100.0, settings), 100.0
    for passed, log_scale, deviation, bends in steps:
        now += passed
        found = None
        if log_scale is not None:
            curve = Correction(tuple(monotone(np.add(bends, log_scale)).tolist()))
            found = replace(estimate(log_scale, now, deviation), correction=curve)
        before, state = state, update(state, found, now, settings)
        moved = np.abs(log_factors(state) - log_factors(before)).max()
        assert moved <= rate * min(max(passed, 0), 1.0) + 1e-9
        assert np.all(np.diff(log_factors(state) + LOG_KNOTS) > 0)
        assert state.scale > 0
        assert state.deviation >= 0
        assert (state.age(now) or 0) >= 0


def test_the_same_estimates_give_the_same_scales() -> None:
    def run() -> FilterState:
        state = FilterState.initial()
        for i in range(50):
            state = update(state, estimate(0.3 + 0.05 * (i % 3), i / RATE), i / RATE, SETTINGS)
        return state

    assert run() == run()


@given(log_scale=st.floats(-1, 1), noise=st.floats(0, 0.1), seed=st.integers(0, 2**32 - 1))
def test_the_scale_comes_to_what_is_measured(log_scale, noise, seed) -> None:
    rng = np.random.default_rng(seed)
    state = FilterState.initial()
    for i in range(300):
        found = estimate(log_scale + rng.normal(0, noise), i / RATE)
        state = update(state, found, i / RATE, SETTINGS)
    assert math.log(state.scale) == pytest.approx(log_scale, abs=0.02 + noise)
    assert state.source == 'lidar'


def test_a_jump_is_not_believed_before_it_is_seen_again() -> None:
    state = settled()
    for i in range(1, 10):
        wrong = 1.5 if i in (3, 7) else 0.0
        state = update(state, estimate(wrong, i / RATE), i / RATE, SETTINGS)
        assert state.scale == pytest.approx(1.0, abs=0.01)


def test_wild_estimates_that_disagree_are_never_believed() -> None:
    state = settled()
    for i in range(1, 200):
        state = update(state, estimate(1.5 if i % 2 else -1.5, i / RATE), i / RATE, SETTINGS)
    assert state.scale == pytest.approx(1.0)


def test_a_jump_that_stays_is_followed_at_the_limit() -> None:
    state, seconds = settled(), []
    for i in range(1, 300):
        state = update(state, estimate(1.0, i / RATE), i / RATE, SETTINGS)
        seconds.append(math.log(state.scale))
    # Half a second until it is believed, then 0.2 in a second.
    assert seconds[int(0.45 * RATE)] == pytest.approx(0.0, abs=1e-6)
    assert seconds[int(3.0 * RATE)] == pytest.approx(0.5, abs=0.02)
    assert seconds[-1] == pytest.approx(1.0, abs=0.01)


def test_single_outliers_far_apart_are_no_jump() -> None:
    state, now = settled(), 0.0
    for _ in range(10):
        now += 20.0
        state = update(state, estimate(3.0, now), now, SETTINGS)
    assert state.scale == pytest.approx(1.0)


@given(
    timeout=st.floats(0.1, 60),
    share=st.floats(0.1, 1),
    jump=st.floats(2.5, 3.3),
    begun=st.booleans(),
)
def test_a_jump_of_a_slow_reference_is_followed_too(timeout, share, jump, begun) -> None:
    settings = replace(SETTINGS, timeout=timeout)
    period = share * (timeout + 0.4)  # of frames, or of the reference if they are faster
    state, now = settled() if begun else FilterState.initial(), 0.0
    for _ in range(3 + round(1 / period)):
        now += period
        state = update(state, estimate(jump, now), now, settings)
    assert state.log_scale == pytest.approx(jump)
    assert state.age(now) == 0


def test_a_lost_reference_is_held_then_stale() -> None:
    state = settled(0.4)
    assert state.freshness(0.0, SETTINGS) is Freshness.FRESH
    for now in np.arange(0.1, 20, 0.1):
        state = update(state, None, float(now), SETTINGS)
        assert math.log(state.scale) == pytest.approx(0.4, abs=1e-6)
        assert state.age(float(now)) == pytest.approx(now)
    assert state.freshness(0.4, SETTINGS) is Freshness.FRESH
    assert state.freshness(0.6, SETTINGS) is Freshness.HELD
    assert state.freshness(5.1, SETTINGS) is Freshness.STALE
    assert state.deviation > settled(0.4).deviation


def test_a_drop_out_does_not_end_a_move() -> None:
    state = update(settled(), None, 0.1, SETTINGS)
    for i in range(1, 40):
        state = update(state, estimate(1.0, 0.1 + i / RATE), 0.1 + i / RATE, SETTINGS)
    for now in np.arange(2, 10, 0.1):
        state = update(state, None, float(now), SETTINGS)
    assert math.log(state.scale) == pytest.approx(1.0, abs=0.01)


def test_before_any_reference_the_scale_is_what_it_began_with() -> None:
    state = FilterState.initial(1.3)
    for now in (0.0, 1.0, 100.0):
        state = update(state, None, now, SETTINGS)
    assert state.scale == pytest.approx(1.3)
    assert state.age(100.0) is None
    assert state.freshness(100.0, SETTINGS) is Freshness.UNSET


def test_a_recording_that_begins_again_goes_on() -> None:
    state = settled(0.2, now=1000.0)
    state = update(state, estimate(0.2, 1.0), 1.0, SETTINGS)
    assert state.age(1.0) == 0
    assert math.log(state.scale) == pytest.approx(0.2, abs=1e-6)
    for i in range(1, 200):
        state = update(state, estimate(0.5, 1 + i / RATE), 1 + i / RATE, SETTINGS)
    assert math.log(state.scale) == pytest.approx(0.5, abs=0.02)


def test_a_surer_estimate_weighs_more() -> None:
    moved = [
        update(settled(), estimate(0.1, 0.1, deviation), 0.1, SETTINGS).log_scale
        for deviation in (0.02, 0.1, 0.5)
    ]
    assert moved[0] > moved[1] > moved[2] > 0


@pytest.mark.parametrize('now', [math.nan, math.inf])
def test_the_time_must_be_a_number(now) -> None:
    with pytest.raises(ValueError, match='time'):
        update(FilterState.initial(), None, now, SETTINGS)


@pytest.mark.parametrize('name', [f.name for f in fields(FilterSettings)])
@pytest.mark.parametrize('value', [0.0, -1.0, math.nan, math.inf])
def test_settings_are_numbers_above_0(name, value) -> None:
    with pytest.raises(ValueError, match=name):
        replace(SETTINGS, **{name: value})


@pytest.mark.parametrize(
    'changed', [{'scale': 0.0}, {'scale': math.nan}, {'deviation': -1.0}, {'stamp': math.inf}]
)
def test_an_estimate_is_of_numbers(changed) -> None:
    with pytest.raises(ValueError, match='estimate'):
        replace(estimate(0.0, 0.0), **changed)


@given(
    factor=st.floats(0.05, 20),
    log_scale=st.floats(-2, 2),
    bends=st.lists(st.floats(-0.1, 0.1), min_size=len(KNOTS), max_size=len(KNOTS)),
)
def test_a_new_factor_before_the_scale_moves_no_depth(factor, log_scale, bends) -> None:
    curve = Correction(tuple(monotone(np.array(bends) + log_scale).tolist()))
    state = replace(settled(log_scale), current=curve, target=curve)
    moved = rescaled(state, factor)
    depth = np.geomspace(0.3, 60, 200)
    before = np.log(depth) + curve.log_factor(np.log(depth))
    after = np.log(depth * factor) + moved.current.log_factor(np.log(depth * factor))
    # Between the knots the curve is resampled.
    np.testing.assert_allclose(after, before, atol=0.25)
    steady = rescaled(settled(log_scale), factor)
    assert steady.scale == pytest.approx(settled(log_scale).scale / factor)
    assert (steady.measured, steady.deviation) == (moved.measured, moved.deviation)


def test_a_factor_must_be_above_0() -> None:
    with pytest.raises(ValueError, match='above 0'):
        rescaled(FilterState.initial(), 0.0)
