"""Figures of a run whose times are known, and their table."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip('rclpy')

from s2r_depth_ros.graph_benchmark.figures import DEPTH, POINTS, camera_figures, costs
from s2r_depth_ros.graph_benchmark.report import format_cameras, format_results
from s2r_depth_ros.graph_benchmark.session import GraphRun
from s2r_depth_ros.node import topics

MS = 1_000_000
# Eleven frames in a second.
STAMPS = [10**9 + 100 * MS * index for index in range(11)]


def run(**changed: Any) -> GraphRun:
    """Depth images come 20 ms after the stamp, clouds 30 ms; two are lost."""
    depth = [(stamp, stamp + 20 * MS) for stamp in STAMPS]
    points = [(stamp, stamp + 30 * MS) for stamp in STAMPS[2:]]
    arrivals = {topics.DEPTH: depth, topics.POINTS: points}
    result = {'arrivals': arrivals, 'status': {'inference p50 (ms)': '12.5'}} | changed
    return GraphRun([STAMPS], [result], 3.14159, 99.6, 400.2, 401.8)


def test_latencies_rates_and_losses() -> None:
    figures = camera_figures(run(), 0, 10.0)
    assert (figures['rate_hz'], figures['frames']) == (10.0, 11)
    depth, points = figures[DEPTH], figures[POINTS]
    assert (depth['received'], depth['not_received'], depth['frames_per_s']) == (11, 0, 10.0)
    assert (points['received'], points['not_received'], points['frames_per_s']) == (9, 2, 8.0)
    assert depth['median_ms'] == depth['p99_ms'] == depth['first_ms'] == 20.0
    assert (figures['inference_median_ms'], figures['overhead_median_ms']) == (12.5, 17.5)


def test_messages_from_before_the_first_frame_do_not_count() -> None:
    early = [(STAMPS[0] - MS, STAMPS[0]), (STAMPS[0], STAMPS[0] + 5 * MS)]
    arrivals = {topics.DEPTH: early, topics.POINTS: early}
    figures = camera_figures(run(arrivals=arrivals), 0, 10.0)
    assert (figures[DEPTH]['received'], figures[DEPTH]['median_ms']) == (1, 5.0)


def test_nothing_received_is_not_a_number() -> None:
    arrivals: dict[str, list[tuple[int, int]]] = {topics.DEPTH: [], topics.POINTS: []}
    figures = camera_figures(run(arrivals=arrivals, status={}), 0, 10.0)
    assert figures[POINTS]['not_received'] == 11
    assert math.isnan(figures[POINTS]['median_ms'])
    assert math.isnan(figures['inference_median_ms'])


def test_tables_have_a_line_for_each_camera_and_costs_once() -> None:
    figures = camera_figures(run(), 0, 10.0)
    row = {'case': 'torch fp32', 'start_s': 3.14, **figures, **costs(run())}
    head, line, note = format_results([row]).splitlines()
    assert head.split()[:4] == ['c', 'whole', 'graph', 'case']
    assert line.split() == [
        'torch', 'fp32', '20.0', '30.0', '30.0', '30.0', '12.5', '17.5', '8.0', '2', '100',
        '400-402', '3.1',
    ]  # fmt: skip
    assert 'stamp-to-receive in ms' in note
    row |= {'layout': 'one node', 'cameras': [figures, figures]}
    _, first, second, _ = format_cameras([row]).splitlines()
    assert 'torch fp32, one node, 0' in first
    assert first.split()[-2:] == ['400-402', '3.1']
    assert 'torch fp32, one node, 1' in second
    assert second.split()[-1] == '2'
