from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmark_scripts import load_script

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.inference.estimator import DepthEstimator


def test_upside_down_a_levelled_frame_has_the_errors_of_the_upright_one(
    monkeypatch: pytest.MonkeyPatch, lively_model: Path
) -> None:
    script = load_script('level_camera', monkeypatch)
    estimator = DepthEstimator(lively_model, device='cpu')
    random = np.random.default_rng(0)
    rgb = random.integers(0, 255, (48, 64, 3), np.uint8)
    truth = random.uniform(1, 9, (48, 64)).astype(np.float32)
    camera = Intrinsics(60.0, 60.0, 31.5, 23.5, 64, 48)
    upright = script.PosedFrame('indoor', 's', 'a', rgb, truth, camera, (0.0, 1.0, 0.0))
    turned = upright._replace(
        pose='b',
        rgb=np.ascontiguousarray(rgb[::-1, ::-1]),
        truth=np.ascontiguousarray(truth[::-1, ::-1]),
        down=(0.0, -1.0, 0.0),
    )
    rows = [script.row_of(frame, estimator) for frame in (upright, turned)]
    assert rows[0].values['never'] == rows[0].values['roll'] == rows[0].values['both']
    for metric, value in rows[0].values['never']['median'].items():
        assert rows[1].values['roll']['median'][metric] == pytest.approx(value, rel=1e-4)
    apart = [row.values['never']['none']['abs_rel'] for row in rows]
    assert apart[0] != pytest.approx(apart[1], rel=1e-3)
    summary = script.summary_of(rows)['indoor']
    assert summary['b']['roll']['none']['abs_rel']['mean'] == pytest.approx(apart[0], rel=1e-4)
    assert '| b | 1 |' in script.table({'indoor': summary}).replace('  ', ' ')
