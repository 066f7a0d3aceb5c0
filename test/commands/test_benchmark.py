"""The benchmark command: what it measures without ROS, prints, writes and refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import s2r_depth_ros
from s2r_depth_ros.cli import main


def test_command_writes_what_the_times_depend_on(
    lively_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'times.json'
    options = ['--model', str(lively_model), '--image-size', '120x160', '--runs', '2']
    assert main(['benchmark', *options, '--cases', 'torch:fp32', '--json', str(out)]) == 0
    report = json.loads(out.read_text())
    settings = report['settings']
    assert settings['input_size'] == [96, 128]
    assert settings['image_size'] == [120, 160]
    assert settings['width'] == 0.125
    assert len(settings['model_sha256']) == 64
    assert report['machine']['versions']['torch'] == torch.__version__
    assert report['machine']['threads'] == torch.get_num_threads()
    rows = {(row['level'], row['case']): row for row in report['rows']}
    assert set(rows) == {
        (level, case)
        for level in ('a inference', 'b estimator')
        for case in ('reference', 'torch fp32')
    }
    for (level, case), row in rows.items():
        assert 0 < row['median_ms'] <= row['p95_ms'] <= row['p99_ms']
        reference = rows[level, 'reference']['median_ms']
        assert row['ratio'] == pytest.approx(reference / row['median_ms'], rel=0.01)
        assert (row['depth_change_p99'] is None) == (case == 'reference')
    assert rows['a inference', 'torch fp32']['depth_change_p99'] < 1e-3
    printed = capsys.readouterr().out
    assert 'torch fp32' in printed


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--cases', 'torch'], 'use BACKEND:PRECISION'),
        (['--cases', 'tvm:fp32'], 'use BACKEND:PRECISION'),
        (['--levels', 'abx'], "letters of 'abc'"),
        (['--cameras', '2'], 'c among the --levels'),
        (['--levels', 'c', '--cameras', '1'], 'at least 2 cameras'),
        (['--levels', ''], "letters of 'abc'"),
        (['--json', 'gone/times.json'], 'gone/times.json: there is no folder gone'),
        (['--image', 'missing.png'], 'missing.png: no such file'),
    ],
)
def test_mistakes(
    options: list[str], message: str, lively_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['benchmark', '--model', str(lively_model), *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--runs', '--threads', '--cameras'])
@pytest.mark.parametrize('text', ['0', '-3', 'two'])
def test_what_is_no_count_is_refused(
    lively_model: Path, capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    with pytest.raises(SystemExit, match='2'):
        main(['benchmark', '--model', str(lively_model), f'{option}={text}'])
    assert f"'{text}' is not a whole number, 1 or more" in capsys.readouterr().err


def test_level_c_without_ros_names_the_remedy(
    lively_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(s2r_depth_ros, 'graph_benchmark', raising=False)
    monkeypatch.setitem(sys.modules, 's2r_depth_ros.graph_benchmark', None)
    options = ['--model', str(lively_model), '--levels', 'c', '--cases', 'torch:fp32']
    assert main(['benchmark', *options]) == 2
    assert 'level c needs ROS 2' in capsys.readouterr().err


def test_random_weights_of_a_width(tmp_path: Path) -> None:
    out = tmp_path / 'times.json'
    options = ['--width', '0.125', '--input-size', '96x128', '--runs', '1', '--levels', 'a']
    assert main(['benchmark', *options, '--cases', 'eager:fp32', '--json', str(out)]) == 0
    assert json.loads(out.read_text())['settings']['width'] == 0.125
