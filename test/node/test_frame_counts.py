"""Counts, rates and latencies of a camera's frames."""

from __future__ import annotations

import pytest

from s2r_depth_ros.node import frame_counts
from s2r_depth_ros.node.frame_counts import FrameCounter


def test_totals_go_on_and_rates_are_those_since_the_last_call() -> None:
    counter = FrameCounter()
    for dropped in (False, True, True):
        counter.count_received(dropped)
    counter.count_skipped()
    counter.count_error()
    for milliseconds in range(1, 101):
        counter.count_published(milliseconds / 1e3, 0.5)
    totals = {'received': 3, 'dropped': 2, 'skipped': 1, 'errors': 1, 'published': 100}
    first = counter.take()
    assert first.totals == totals
    assert first.rate_in > 0
    assert first.rate_out / first.rate_in == pytest.approx(100 / 3)
    assert first.latency == pytest.approx([milliseconds / 1e3 for milliseconds in range(1, 101)])
    assert first.inference == (0.5,) * 100
    second = counter.take()
    assert second.totals == totals
    assert (second.rate_in, second.rate_out) == (0.0, 0.0)
    counter.reset()
    assert not counter.take().totals


@pytest.mark.parametrize('offset', [-3600.0, 3600.0])
def test_latency_of_another_clock_is_no_latency(offset: float) -> None:
    counter = FrameCounter()
    counter.count_published(0.02, None)
    counter.count_published(offset, None)
    counts = counter.take()
    assert counts.latency == (0.02,)
    assert counts.stamp_offset == offset
    counter.count_published(0.03, None)
    assert counter.take().stamp_offset is None


def test_the_period_of_images_is_the_median_of_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(frame_counts.time, 'monotonic', lambda: now)
    counter = FrameCounter()
    periods = []
    for seconds in (0.5, 3.0, 3.0, 60.0, 3.5):  # a pause is no period
        now += seconds
        counter.count_received(dropped=False)
        periods.append(counter.take().image_period)
    assert periods == pytest.approx([0.0, 3.0, 3.0, 3.0, 3.25])
    now += 7.0
    assert counter.take().since_image == pytest.approx(7.0)
    counter.reset()
    now += 4.0
    assert counter.take().since_image == pytest.approx(4.0)
    assert counter.take().image_period == 0.0
