"""The whole graph is timed with real processes, briefly; what the times are is no test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from s2r_depth_ros.benchmark.cases import Case
from s2r_depth_ros.benchmark.inputs import drawn_image
from s2r_depth_ros.graph_benchmark.graphs import measure, measure_cameras
from s2r_depth_ros.graph_benchmark.report import format_cameras, format_results
from s2r_depth_ros.graph_benchmark.session import Schedule
from s2r_depth_ros.rig.process_group import ProcessError


def test_every_frame_is_accounted_for(tiny_model: Path) -> None:
    case = Case('torch', 'fp32', tiny_model)
    result = measure(case, drawn_image(96, 128), (96, 128), 'cpu', Schedule(frames=30))
    assert result['case'] == 'torch fp32'
    for name in ('image_rect', 'points'):
        figures = result[name]
        assert figures['received'] + figures['not_received'] == result['frames'] == 30
        assert figures['received'] > 0
        assert 0 < figures['median_ms'] <= figures['p95_ms'] <= figures['p99_ms']
    assert 0 < result['inference_median_ms'] < result['points']['median_ms']
    assert result['rss_mib_settled'] > 50
    assert result['cpu_percent'] > 0
    assert 'torch fp32' in format_results([result])


def test_two_cameras_by_one_node_and_by_two(tiny_model: Path) -> None:
    case = Case('torch', 'fp32', tiny_model)
    image, schedule = drawn_image(96, 128), Schedule(frames=30)
    rows = measure_cameras(case, image, (96, 128), 'cpu', 2, schedule)
    assert [row['layout'] for row in rows] == ['one node', '2 nodes']
    for row in rows:
        assert len(row['cameras']) == 2
        for figures in row['cameras']:
            for name in ('image_rect', 'points'):
                times = figures[name]
                assert times['received'] + times['not_received'] == figures['frames'] == 30
                assert times['received'] > 0
                assert 0 < times['median_ms'] <= times['p95_ms']
            assert 0 < figures['inference_median_ms'] < figures['points']['median_ms']
    assert rows[1]['rss_mib_settled'] > 1.5 * rows[0]['rss_mib_settled']
    table = format_cameras(rows)
    assert table.count('torch fp32, one node, ') == table.count('torch fp32, 2 nodes, ') == 2


def test_a_node_that_cannot_start_ends_the_benchmark(tmp_path: Path) -> None:
    case = Case('torch', 'fp32', tmp_path / 'missing.safetensors')
    image, schedule = drawn_image(96, 128), Schedule(patience_s=15.0)
    with pytest.raises(ProcessError) as caught:
        measure(case, image, (96, 128), 'cpu', schedule)
    assert 'missing.safetensors: no such' in caught.value.last_words
