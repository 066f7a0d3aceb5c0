"""The script that measures what each source of scale is worth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import load_script
from made_up_truth import write_evaluation_set
from made_up_views import CAMERA, LevelPlane, Pose, room_depth

from scale_tables import navigation_table

POSE = Pose(pitch=-0.2)
ROOM = room_depth((LevelPlane(1.2),), 5.0, POSE)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_script('scale_sources', monkeypatch)


def frame_of(script: ModuleType, truth: np.ndarray):
    rgb = np.zeros((*truth.shape, 3), np.uint8)
    floor = script.true_floor(truth, CAMERA)
    return script.Frame('a', 'indoor', 'room', rgb, truth, CAMERA, floor)


def test_every_source_finds_the_scale_of_a_room(script: ModuleType) -> None:
    frame = frame_of(script, ROOM)
    rows = {row.source: row for row in script.rows_of(frame, ROOM / np.float32(1.5))}
    assert list(rows) == list(script.SOURCES)
    level = rows.pop('camera height, taken as level')
    for row in rows.values():
        assert row.values is not None, row.reason
        assert row.values['none']['abs_rel'] == pytest.approx(1 / 3, abs=0.001)
        assert row.values['median']['abs_rel'] == pytest.approx(0, abs=1e-4)
        assert row.values['source']['abs_rel'] < 0.03, row.source
        assert row.off == pytest.approx(0, abs=0.03)
    # A camera that looks down and is taken as level misjudges its height.
    assert level.values is None or abs(level.off) > 0.1


def test_the_true_floor_is_found_and_no_ceiling_is(script: ModuleType) -> None:
    floor = script.true_floor(ROOM, CAMERA)
    assert floor.height == pytest.approx(1.2, abs=0.02)
    np.testing.assert_allclose(floor.normal, POSE.down, atol=0.02)
    assert script.true_floor(ROOM[::-1].copy(), CAMERA) is None


def test_the_points_of_lidar_and_scan_lie_where_such_a_sensor_looks(script: ModuleType) -> None:
    frame = frame_of(script, ROOM)
    points = script.lidar(frame, curve=True).points
    elevation = np.degrees(np.arctan2(-points[:, 1], np.hypot(points[:, 0], points[:, 2])))
    assert np.abs(elevation - (2 * np.rint((elevation - 1) / 2) + 1)).max() < 0.2
    assert set(np.rint(elevation)) == set(range(-15, 16, 2))
    over = 1.2 - script.scan(frame, curve=True).points @ np.array(POSE.down)
    assert over.min() > 0.25
    assert over.max() < 0.35


def test_the_script_writes_a_table_and_what_it_is_made_of(
    script: ModuleType, lively_model: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(script, 'MODELS', dict.fromkeys(script.MODELS, str(lively_model)))
    manifest, out = write_evaluation_set(tmp_path), tmp_path / 'out'
    arguments = ['--real', str(manifest), '--out', str(out), '--floors', str(tmp_path / 'f.png')]
    monkeypatch.setattr(sys, 'argv', ['scale_sources.py', *arguments])
    script.main()
    results = json.loads((out / 'real.json').read_text())
    assert list(results) == ['indoor', 'driving']
    for sources in results.values():
        assert list(sources) == list(script.SOURCES)
        for row in sources.values():
            assert 0 <= row['frames'] <= row['of']
            assert row['frames'] == row['of'] or row['reasons']
    table = (out / 'real.md').read_text()
    assert all(f'| {name} |' in table for name in script.SOURCES)
    assert table in capsys.readouterr().out
    assert (tmp_path / 'f.png').stat().st_size > 0


def test_the_table_of_the_documentation_is_that_of_the_results() -> None:
    root = Path(__file__).resolve().parents[2]
    results = json.loads((root / 'benchmarks' / 'scale' / 'real.json').read_text())
    assert navigation_table(results) in (root / 'docs' / 'navigation.md').read_text()
