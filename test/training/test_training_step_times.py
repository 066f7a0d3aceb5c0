from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from benchmark_scripts import load_script

from s2r_depth_training.stages.table import STAGES

TINY = ('depth', 0.125, (96, 128), 1)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load_script('training_step', monkeypatch)
    monkeypatch.setattr(module, 'FRAMES', 3)
    monkeypatch.setattr(module, 'CASES_CPU', (TINY,))
    return module


def run(script: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    command = ['training_step.py', '--device', 'cpu', '--seconds', '0.05', *options]
    command += ['--json', str(folder / 'a.json'), '--profile', str(folder / 'a.txt')]
    monkeypatch.setattr(sys, 'argv', command)
    return script.main()


def test_times_are_written(script, monkeypatch, tmp_path, capsys):
    run(script, monkeypatch, tmp_path)
    facts = json.loads((tmp_path / 'a.json').read_text())
    assert facts['torch'] == torch.__version__
    assert facts['machine']['cpu_family_model'].count('/') == 1
    assert facts['startup_s'] > 0
    (case,) = facts['cases']
    assert (case['stage'], case['width'], case['size'], case['batch']) == (
        'depth', 0.125, [96, 128], 1,
    )  # fmt: skip
    assert case['images_per_s'] == pytest.approx(1e3 / case['ms'], rel=0.01, abs=0.1)
    assert 0 < case['loss'] < 100
    assert json.loads(capsys.readouterr().out) == case
    profile = (tmp_path / 'a.txt').read_text()
    assert profile.startswith("one training step: ('depth', 0.125")
    assert 'conv' in profile


def test_a_case_that_fails_is_told_and_takes_no_other_along(script, monkeypatch, tmp_path):
    monkeypatch.setattr(script, 'CASES_CPU', (('no stage', 0.125, (96, 128), 1), TINY))
    monkeypatch.setattr(script, 'profile', lambda *_: '')
    assert run(script, monkeypatch, tmp_path) == 1
    failed, fine = json.loads((tmp_path / 'a.json').read_text())['cases']
    assert failed['error'].startswith('KeyError')
    assert fine['images_per_s'] > 0


def test_cases_are_chosen_by_their_numbers(script, monkeypatch, tmp_path):
    cases = (('a', 0), ('b', 1), ('c', 2))
    monkeypatch.setattr(script, 'CASES_CPU', cases)
    monkeypatch.setattr(script, 'timed', lambda case, *_: {'stage': case[0]})
    monkeypatch.setattr(script, 'profile', lambda case, _: f'profile of {case[0]}')
    run(script, monkeypatch, tmp_path, '--cases', '2', '0', '--profiled', '1')
    assert json.loads((tmp_path / 'a.json').read_text())['cases'] == [
        {'stage': 'c'}, {'stage': 'a'},
    ]  # fmt: skip
    assert (tmp_path / 'a.txt').read_text() == 'profile of b'


def test_cases_are_of_stages_that_there_are(monkeypatch):
    script = load_script('training_step', monkeypatch)
    for case in (*script.CASES_CUDA, *script.CASES_CPU):
        assert case[0] in STAGES
