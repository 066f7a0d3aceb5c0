"""The benchmark of loading times the samples of the shipped experiments."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
from benchmark_scripts import load_script


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr('torch.set_num_threads', lambda _: None)
    monkeypatch.setattr('cv2.setNumThreads', lambda _: None)
    module = load_script('loading', monkeypatch)
    monkeypatch.setattr(module, 'FRAMES', 2)
    return module


def test_each_case_is_timed(script, monkeypatch, tmp_path, capsys):
    path = tmp_path / 'loading.json'
    monkeypatch.setattr(sys, 'argv', ['loading', '--samples', '2', '--json', str(path)])
    assert script.main() == 0
    cases = json.loads(path.read_text())['cases']
    assert [case['experiment'] for case in cases] == [name for name, _, _ in script.CASES]
    assert cases[0]['input'] == [192, 640]
    for case in cases:
        assert case['images_per_s'] == pytest.approx(1e3 / case['ms'], rel=0.02)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == cases


def test_a_file_that_cannot_be_written_is_told_first(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, 'argv', ['loading', '--json', str(tmp_path / 'none' / 'a.json')])
    assert script.main() == 2
    said = capsys.readouterr()
    assert said.out == ''
    assert 'there is no folder' in said.err
