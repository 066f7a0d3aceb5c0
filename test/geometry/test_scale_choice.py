from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry.scale import (
    Correction,
    NoScale,
    Reason,
    ScaleEstimate,
    choose_scale,
)


def estimate(source: str, deviation: float, stamp: float) -> ScaleEstimate:
    return ScaleEstimate(source, 2.0, deviation, Correction.constant(2.0), 20, 0, 0.1, stamp)


def test_the_surest_one_is_used_and_all_are_told() -> None:
    found: list[ScaleEstimate | NoScale] = [
        estimate('range', 0.2, 10.0),
        NoScale('camera_height', Reason.NO_FLOOR),
        estimate('lidar', 0.1, 10.0),
        estimate('depth', 0.01, 3.0),
    ]
    choice = choose_scale(found, now=10.0, max_age=1.0)
    assert choice.estimate is found[2]
    told = choice.text.split('; ')
    assert 'surer' in told[0]
    assert told[1] == f'camera_height: {Reason.NO_FLOOR.value}'
    assert told[2].startswith('lidar: 2.000')
    assert told[2].endswith('surest')
    assert 'age 7.0 s: more than 1 s' in told[3]


def test_a_little_surer_but_old_loses_to_a_new_one() -> None:
    old, new = estimate('lidar', 0.10, 8.0), estimate('depth', 0.11, 10.0)
    assert choose_scale([old, new], 10.0, 5.0).estimate is new
    assert choose_scale([replace(old, deviation=0.01), new], 10.0, 0.5).estimate is new


def test_a_reference_from_the_future_is_of_another_clock() -> None:
    choice = choose_scale([estimate('lidar', 0.1, 1e9)], 10.0, 1.0)
    assert choice.estimate is None
    assert 'more than 1 s from the image' in choice.text


def test_without_sources_there_is_no_choice() -> None:
    assert choose_scale([], 0.0, 1.0).estimate is None
    assert choose_scale([], 0.0, 1.0).text


@given(
    found=st.lists(st.tuples(st.floats(0, 1), st.floats(-20, 20)), max_size=6),
    now=st.floats(-20, 20),
)
def test_what_is_chosen_is_fresh_and_the_first_of_equals(found, now) -> None:
    estimates = [estimate(str(i), *values) for i, values in enumerate(found)]
    chosen = choose_scale(estimates, now, 1.0).estimate
    fresh = [e for e in estimates if abs(e.stamp - now) <= 1.0]
    assert (chosen is None) == (not fresh)
    if chosen is not None:
        assert chosen in fresh
        assert (
            choose_scale([*estimates, replace(chosen, source='same')], now, 1.0).estimate is chosen
        )
