"""Messages of two topics are paired with their nearest, in whatever order a recording has them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_training.dataset.stamp_pairs import StampPair, StampPairs

Arrival = tuple[float, int, float]
"""When a message was recorded, its side, and its stamp; s."""


def paired(arrivals: list[Arrival], tolerance: float) -> list[tuple[float, float]]:
    pairs = StampPairs(tolerance)
    found: list[StampPair] = []
    for _, side, stamp in sorted(arrivals):
        found += pairs.add(side, stamp, (side, stamp))
    found += pairs.rest()
    assert all(p.first == (0, p.stamp) and p.second[0] == 1 for p in found)
    return [(p.stamp, p.second[1]) for p in found]


@given(
    rate=st.sampled_from([10.0, 30.0, 60.0, 90.0]),
    delays=st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)),
    apart=st.floats(-0.004, 0.004),
    lost=st.sets(st.tuples(st.integers(0, 1), st.integers(0, 59)), max_size=8),
)
def test_a_lost_message_shifts_no_other_pair(
    rate: float, delays: tuple[float, float], apart: float, lost: set[tuple[int, int]]
) -> None:
    """The frame before is within the tolerance, too, and may wait for a partner."""
    arrivals = [
        (n / rate + delays[side], side, n / rate + side * apart)
        for n in range(60)
        for side in (0, 1)
        if (side, n) not in lost
    ]
    found = paired(arrivals, 0.02)
    right = {n for n in range(60) if (0, n) not in lost and (1, n) not in lost}
    of_one_frame = {round(a * rate) for a, b in found if abs(b - a - apart) < 1e-6}
    assert right <= of_one_frame


@pytest.mark.parametrize('lidar_delay', [0.0, 0.01, 0.03, 0.09])
def test_a_lidar_pairs_with_the_nearest_image(lidar_delay: float) -> None:
    images = [(n / 30 + 0.02, 0, n / 30) for n in range(90)]
    sweeps = [(n / 10 + lidar_delay, 1, n / 10 + 0.001) for n in range(28)]
    found = paired(images + sweeps, 0.05)
    assert len(found) == 28
    assert all(abs(b - a) < 0.0011 for a, b in found)


def test_a_clock_that_begins_anew_pairs_nothing_with_before() -> None:
    before: list[Arrival] = [(n / 10, 0, n / 10) for n in range(20)]
    after: list[Arrival] = [(3 + n / 10, side, n / 10) for n in range(5, 20) for side in (0, 1)]
    found = paired([*before, *after], 0.02)
    assert [a for a, _ in found] == [n / 10 for n in range(5, 20)]
    pairs = StampPairs(0.02)
    for _, side, stamp in before:
        assert not list(pairs.add(side, stamp, 'before'))
    messages = [m for _, side, stamp in after for p in pairs.add(side, stamp, 'after') for m in p]
    assert 'before' not in messages


@given(seed=st.integers(0, 10**6))
def test_each_message_is_in_one_pair(seed: int) -> None:
    generator = random.Random(seed)
    arrivals = [
        (stamp + generator.random() / 5, side, stamp)
        for side in (0, 1)
        for stamp in (generator.random() * 5 for _ in range(80))
    ]
    found = paired(arrivals, 0.03)
    assert all(abs(a - b) <= 0.03 for a, b in found)
    for side in zip(*found):
        assert len(set(side)) == len(side)
