"""benchmarks/soak.py in seconds: every frame is counted, and a stuck subscriber holds nobody up."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from benchmark_scripts import load_script


@pytest.mark.parametrize('name', ['four cameras', 'a stuck subscriber', 'three more subscribers'])
def test_every_frame_of_a_short_run_is_accounted_for(
    name: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soak = load_script('soak', monkeypatch)
    result = tmp_path / 'reliability.json'
    result.write_text('{"other": 1}')
    arguments = ['--minutes', '0.05', '--only', name, '--model', str(tiny_model), '--json']
    monkeypatch.setattr(sys, 'argv', ['soak.py', *arguments, str(result), '--backend', 'torch'])
    # Memory still grows in the first seconds: its flatness is for the long run.
    soak.main()
    kept = json.loads(result.read_text())
    assert kept['other'] == 1
    figures = kept['soak'][name]
    assert re.fullmatch('[0-9a-f]+(-dirty)?', figures['commit'])
    assert figures['machine']['cores'] > 0
    assert figures['accounted_for']
    assert len(figures['cameras']) == soak.ROWS[name].cameras
    for camera in figures['cameras']:
        assert camera['images received'] + camera['images lost on the way'] <= camera['frames']
        assert camera['frames published'] > 0
        assert camera['points']['received'] > 0
        assert camera['points']['p99_ms'] > 0


def test_frames_that_are_nowhere_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    soak = load_script('soak', monkeypatch)
    status = {
        'images received': '9',
        'frames published': '4',
        'images dropped for a newer one': '3',
        'images skipped without a subscriber': '1',
        'inference p50 (ms)': '1',
    }
    arrivals = {key: [(1, 2)] for key in (soak.topics.DEPTH, soak.topics.POINTS)}
    run = soak.GraphRun(
        [list(range(1, 11))], [{'arrivals': arrivals, 'status': status}], 1.0, 1.0, 100.0, 103.0
    )
    figures = soak.figures_of(run, soak.ROWS['one camera'])
    assert not figures['accounted_for']
    assert not figures['memory_flat']
    assert figures['cameras'][0]['received and nowhere'] == 1
    assert figures['cameras'][0]['neither lost nor received'] == 1
    status['frames with an error'] = '1'
    assert soak.figures_of(run, soak.ROWS['one camera'])['accounted_for']
