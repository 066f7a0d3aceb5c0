"""The evaluate command, end to end on files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import pytest
from made_up_truth import flat_prior, write_evaluation_set

from s2r_depth_ros.cli import main
from s2r_depth_ros.commands import evaluate
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.priors import save_priors


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_evaluation_set(tmp_path)


def run_command(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([str(a) for a in arguments]))


def test_command_writes_numbers_and_a_sheet(
    manifest: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_priors(tmp_path / 'p.npz', {'indoor': flat_prior(3.0), 'driving': flat_prior(20.0)})
    options = ['--manifest', manifest, '--model', tiny_model, '--priors', tmp_path / 'p.npz']
    outputs = ['--json', tmp_path / 'out.json', '--sheet', tmp_path / 'sheet.png']
    assert run_command(*options, *outputs, '--device', 'cpu') == 0
    results = json.loads((tmp_path / 'out.json').read_text())
    assert results['counts'] == {
        'indoor': {'frames': 2, 'scenes': 2},
        'driving': {'frames': 1, 'scenes': 1},
    }
    assert sorted(results['summary']['indoor']['median']) == ['constant', 'model', 'pixel', 'row']
    assert 'driving, alignment: scale_shift' in capsys.readouterr().out
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet is not None
    assert sheet.shape == (3 * 144, 3 * 192, 3)


@pytest.mark.parametrize(
    ('option', 'name', 'told'),
    [
        ('--json', 'gone/out.json', 'there is no folder'),
        ('--sheet', 'gone/sheet.png', 'there is no folder'),
        ('--sheet', 'sheet.xyz', 'the name must end in .png or .jpg'),
        ('--sheet', 'sheet', 'the name must end in .png or .jpg'),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    name: str,
    told: str,
) -> None:
    # The model does not exist: were anything done before, that would be told.
    options = ['--manifest', str(manifest), '--model', 'none', option, str(tmp_path / name)]
    assert main(['evaluate', *options]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert str(tmp_path / name) in error


@pytest.mark.parametrize('text', ['[]', '{"frames": null}', '{"frames": []}', '3', 'null'])
def test_a_manifest_without_frames_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / 'manifest.json'
    path.write_text(text)
    assert main(['evaluate', '--manifest', str(path), '--model', 'indoor-s']) == 2
    told = f'error: {path} is not a manifest with a list "frames" of one or more images\n'
    assert capsys.readouterr().err == told


def test_missing_priors_file_is_an_error(manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no such priors'):
        run_command(
            '--manifest', manifest, '--model', tiny_model, '--priors', tmp_path / 'none.npz'
        )
