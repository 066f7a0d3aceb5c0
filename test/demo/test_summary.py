"""The figures of a run are those of its recording."""

from __future__ import annotations

import pytest
import written_bags as bags
from made_up_frames import FRAMES

from s2r_depth_ros.demo.summary import mean_rate, percentile_ms, summarise
from s2r_depth_ros.rig.recording import Recording


def test_summary_counts_drops_and_latency(recording: Recording) -> None:
    played = [bags.nanoseconds(bags.header(50.0 + 0.1 * i).stamp) for i in range(FRAMES)]
    summary = summarise(recording, played)
    assert (summary.played, summary.processed, summary.dropped) == (8, 7, 1)
    assert summary.latency_median == pytest.approx(40.0, abs=0.1)
    assert summary.camera_rate == pytest.approx(10.0, abs=0.01)
    assert summary.rate == pytest.approx(6 / 0.7, abs=0.01)
    assert '8 frames played' in summary.line()
    assert '1 dropped' in summary.line()
    assert summary.as_dict()['latency_median_ms'] == summary.latency_median


def test_of_nothing_there_are_no_figures() -> None:
    assert percentile_ms({}, 50) == 0.0
    assert percentile_ms({1: 0.02, 2: 0.04}, 50) == 30.0
    assert mean_rate([5]) == mean_rate([5, 5]) == 0.0
    assert mean_rate([0, 10**9, 2 * 10**9]) == 1.0
