"""Frames are due at sensible times, whatever the clocks of a recording say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.rig.clip_clock import LONGEST_S, SHORTEST_S, ClipClock

WALL = 1.7e9
LOG = [1000 + i / 10 for i in range(8)]  # when the frames were recorded


def times(*clocks: list[float], steady: float = 0.1) -> list[float]:
    clock = ClipClock(steady)
    return [clock(*readings) for readings in zip(*clocks)]


@given(
    start=st.floats(-1e9, 2e9),
    steps=st.lists(st.floats(0.002, 9.0), min_size=1, max_size=20),
)
def test_a_good_clock_is_kept(start: float, steps: list[float]) -> None:
    stamps = [start]
    for step in steps:
        stamps.append(stamps[-1] + step)
    log = [0.001 * i for i in range(len(stamps))]
    assert times(stamps, log) == pytest.approx([stamp - start for stamp in stamps], abs=1e-5)


@pytest.mark.parametrize(
    'stamps',
    [
        pytest.param([0.0] * 8, id='all zero'),
        pytest.param([0.0] + [WALL + i / 10 for i in range(1, 8)], id='first zero, then wall time'),
        pytest.param([0.0] + [40 + i / 10 for i in range(1, 8)], id='first zero, then sim time'),
        pytest.param([WALL + i / 10 if i % 2 else 0.0 for i in range(8)], id='every other is zero'),
        pytest.param([WALL + i // 2 / 5 for i in range(8)], id='each twice'),
        pytest.param([WALL + i / 10 - 3600 * (i > 3) for i in range(8)], id='set back an hour'),
        pytest.param([WALL + i / 10 + 7200 * (i > 3) for i in range(8)], id='put on two hours'),
        pytest.param([WALL + i / 10 + 7200 * (i == 3) for i in range(8)], id='one odd stamp'),
        pytest.param([math.nan, math.inf, -math.inf, 1e300, -1e300, 0, 1e18, 5], id='garbage'),
    ],
)
def test_one_odd_stamp_costs_one_frame_not_the_run(stamps: list[float]) -> None:
    assert times(stamps, LOG) == pytest.approx([i / 10 for i in range(8)], abs=1e-5)


@given(
    clocks=st.lists(
        st.tuples(st.floats(), st.one_of(st.floats(), st.just(0.0))), min_size=1, max_size=40
    ),
    steady=st.floats(0.01, 1.0),
)
def test_a_run_neither_hangs_nor_bursts(clocks: list[tuple[float, float]], steady: float) -> None:
    clock = ClipClock(steady)
    due = [clock(*readings) for readings in clocks]
    assert due[0] == 0.0
    for before, after in pairwise(due):
        assert 0.99 * SHORTEST_S < after - before < 1.01 * LONGEST_S


def test_without_a_clock_the_rate_is_steady() -> None:
    assert times([5.0] * 4, [7.0] * 4, steady=0.25) == [0.0, 0.25, 0.5, 0.75]
