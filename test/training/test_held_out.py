from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmark_scripts import load_script
from made_up_shards import make_set, make_shard

from s2r_depth_ros.inference.estimator import DepthEstimator


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    folder = tmp_path / 'house'
    folder.mkdir()
    make_shard(folder / 'validation.npz', 6, [900_001, 900_002], 1)
    return make_set(folder, 'gazebo', ['validation'])


def test_models_are_judged_as_a_robot_gets_their_depth(
    held_out, tiny_model, tmp_path, monkeypatch, capsys
):
    script = load_script('held_out', monkeypatch)
    monkeypatch.setattr(script.torch, 'set_num_threads', lambda _: None)
    out = tmp_path / 'result.json'
    args = ['--models', tiny_model, '--sets', held_out, '--json', out]
    monkeypatch.setattr(sys, 'argv', ['held_out.py', *map(str, args)])
    assert script.main() == 0
    (model,) = json.loads(out.read_text())['models']
    (name, scores), *others = model['sets'].items()
    assert (name, scores['frames'], scores['scenes'], others) == ('house', 6, 2, [])
    estimator = DepthEstimator(tiny_model, device='cpu', backend='torch')
    errors: dict[str, list[float]] = {}
    for frame in script.frames_of(held_out, 10.0):
        depth = np.clip(estimator.predict(frame.rgb, fx=frame.fx).depth, 1e-3, 10.0)
        known = (frame.depth > 0) & (frame.depth < 10.0)
        errors.setdefault(frame.scene, []).append(
            np.mean(np.abs(depth - frame.depth)[known] / frame.depth[known])
        )
    assert errors.keys() == {'900001', '900002'}
    expected = np.mean([np.mean(values) for values in errors.values()])
    assert scores['none']['abs_rel']['mean'] == pytest.approx(expected, rel=0.02)
    assert scores['median']['abs_rel']['low'] <= scores['median']['abs_rel']['high']
    assert 0 <= scores['edges_px']['completeness'] <= 10
    assert 'house: 6 views of 2 scenes' in capsys.readouterr().out


def test_a_set_that_shows_nothing_near_is_named(
    held_out, tiny_model, tmp_path, monkeypatch, capsys
):
    script = load_script('held_out', monkeypatch)
    monkeypatch.setattr(script.torch, 'set_num_threads', lambda _: None)
    args = ['--models', tiny_model, '--sets', held_out, '--cap', '0.5']
    args += ['--json', tmp_path / 'result.json']
    monkeypatch.setattr(sys, 'argv', ['held_out.py', *map(str, args)])
    assert script.main() == 2
    assert 'house has no held-out frame with depth within 0.5 m' in capsys.readouterr().err
