"""The whole graph is timed with real processes, briefly; what the times are is no test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from s2r_depth_ros.inference.benchmark import Case, drawn_image
from s2r_depth_ros.node.benchmark import ProcessError, graph


def test_every_frame_is_accounted_for(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, '_FRAMES', 30)
    case = Case('torch', 'fp32', tiny_model)
    result = graph.measure(case, drawn_image(96, 128), (96, 128), 'cpu')
    assert result['case'] == 'torch fp32'
    for name in ('image_rect', 'points'):
        figures = result[name]
        assert figures['received'] + figures['not_received'] == result['frames'] == 30
        assert figures['received'] > 0
        assert 0 < figures['median_ms'] <= figures['p95_ms'] <= figures['p99_ms']
    assert 0 < result['inference_median_ms'] < result['points']['median_ms']
    assert result['rss_mib_settled'] > 50
    assert result['cpu_percent'] > 0
    assert 'torch fp32' in graph.format_results([result])


def test_a_node_that_cannot_start_ends_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, '_PATIENCE', 15.0)
    with pytest.raises(ProcessError) as caught:
        graph.measure(
            Case('torch', 'fp32', tmp_path / 'missing.safetensors'),
            drawn_image(96, 128), (96, 128), 'cpu',
        )  # fmt: skip
    assert 'missing.safetensors: no such' in caught.value.last_words
