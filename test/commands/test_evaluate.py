"""The evaluate command, end to end on files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_up_truth import HEIGHT, WIDTH, flat_prior, write_evaluation_set

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


def test_a_sheet_of_a_wall_of_one_depth(manifest: Path, tiny_model: Path, tmp_path: Path) -> None:
    for path in tmp_path.glob('*_d.png'):
        cv2.imwrite(str(path), np.full((HEIGHT, WIDTH), 2000, np.uint16))
    options = ['--manifest', manifest, '--model', tiny_model, '--device', 'cpu']
    assert run_command(*options, '--sheet', tmp_path / 'sheet.png') == 0
    assert (tmp_path / 'sheet.png').stat().st_size > 1000


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


# ---------------------------------------------------------------- protocols, and maps of any tool


def put_maps(folder: Path, names: Sequence[str], metres: float = 3.0) -> Path:
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        plane = np.tile(np.linspace(metres, 2 * metres + i, WIDTH), (HEIGHT, 1))
        np.save(folder / f'{name}.npy', plane.astype(np.float32))
    return folder


ALL = ('a', 'bb', 'ccc')


def test_maps_are_scored_beside_the_model_and_written_as_tables(
    manifest: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_maps(tmp_path / 'mono', ALL)
    put_maps(tmp_path / 'other', ALL, 4.0)
    options = ['--manifest', manifest, '--model', tiny_model, '--device', 'cpu']
    options += [
        '--predictions',
        tmp_path / 'mono',
        '--predictions',
        f'A_B & c|d={tmp_path / "other"}',
    ]
    for table in ('t.md', 't.tex', 't.MD'):
        assert run_command(*options, '--table', tmp_path / table) == 0
    printed = capsys.readouterr().out
    assert 'mono' in printed
    markdown, latex = ((tmp_path / name).read_text() for name in ('t.md', 't.tex'))
    assert markdown == (tmp_path / 't.MD').read_text()
    assert markdown.count(r'| A_B & c\|d | ') == markdown.count('| model | ') == 6
    assert 'driving, alignment: median, up to 80 m, no crop, means over scenes:' in markdown
    assert latex.count(r'A\_B \& c|d') == latex.count(r'\begin{tabular}{lrrrrrrr}') == 6
    assert r'abs\_rel' in latex
    columns = {line.count('&') - line.count(r'\&') for line in latex.splitlines() if '&' in line}
    assert columns == {7}


def of_kind(manifest: Path, kind: str) -> list[str]:
    """Leave the frames of one kind; return their ids."""
    frames = [f for f in json.loads(manifest.read_text())['frames'] if f['kind'] == kind]
    manifest.write_text(json.dumps({'frames': frames}))
    return [frame['id'] for frame in frames]


def scored(manifest: Path, tmp_path: Path, *options: object) -> dict[str, Any]:
    maps = tmp_path / 'maps'
    arguments = ['--manifest', manifest, '--predictions', maps, '--json', tmp_path / 'r.json']
    assert run_command(*arguments, *options) == 0
    return dict(json.loads((tmp_path / 'r.json').read_text()))


@pytest.mark.parametrize(
    ('protocol', 'kind', 'cap', 'crop', 'images'),
    [('kitti-eigen', 'driving', 80, 'garg', 697), ('nyu', 'indoor', 8, 'none', 654)],
)
def test_a_protocol_sets_cap_crop_and_means_and_each_can_be_changed(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    protocol: str, kind: str, cap: float, crop: str, images: int,
) -> None:  # fmt: skip
    put_maps(tmp_path / 'maps', of_kind(manifest, kind))
    results = scored(manifest, tmp_path, '--protocol', protocol)
    assert (results['protocol'], results['caps_m'], results['crop'], results['means']) == (
        protocol, {kind: cap}, crop, 'images'
    )  # fmt: skip
    assert f'has {images} images, the manifest' in capsys.readouterr().err
    assert 'model' not in results
    frames = [f for f in results['frames'] if f['alignment'] == 'none']
    mean = sum(f['errors']['abs_rel'] for f in frames) / len(frames)
    told = results['summary'][kind]['none']['maps']['abs_rel']['mean']
    assert told == pytest.approx(mean)
    changed = [
        ('--cap', cap / 2.5),
        ('--crop', 'eigen'),
        ('--crop', {'garg': 'none'}.get(crop, 'eigen')),
    ]
    for option, value in changed:
        other = scored(manifest, tmp_path, '--protocol', protocol, option, value)
        assert other['summary'][kind]['none']['maps']['abs_rel']['mean'] != told
    scenes = scored(manifest, tmp_path, '--protocol', protocol, '--means', 'scenes')
    assert scenes['means'] == 'scenes'


def test_images_weigh_alike_where_it_is_said(manifest: Path, tmp_path: Path) -> None:
    frames = [f for f in json.loads(manifest.read_text())['frames'] if f['kind'] == 'indoor']
    frames.append({**frames[0], 'id': 'again'})
    manifest.write_text(json.dumps({'frames': frames}))
    put_maps(tmp_path / 'maps', ['a', 'bb', 'again'])
    means = {
        over: scored(manifest, tmp_path, '--means', over)['summary']['indoor']['none']['maps']
        for over in ('scenes', 'images')
    }
    errors = {
        f['frame']: f['errors']['abs_rel']
        for f in scored(manifest, tmp_path)['frames']
        if f['alignment'] == 'none'
    }
    a, b, again = errors['a'], errors['bb'], errors['again']
    assert means['images']['abs_rel']['mean'] == pytest.approx((a + b + again) / 3)
    assert means['scenes']['abs_rel']['mean'] == pytest.approx(((a + again) / 2 + b) / 2)


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        ([], 'nothing to score: give --model, --predictions or both'),
        (['--predictions', 'MAPS', '--sheet', 'OUT/s.png'], '--sheet is about a model'),
        (['--predictions', 'MAPS', '--parts'], '--parts is about a model'),
        (['--predictions', 'MAPS', '--priors', 'OUT/p.npz'], '--priors is about a model'),
        (['--model', 'indoor-s', '--unit', '1'], '--unit is about --predictions'),
        (['--predictions', 'MAPS', '--predictions', 'MAPS'], "'maps' is taken"),
        (['--predictions', 'model=MAPS'], "'model' is taken"),
        (['--predictions', 'row=MAPS'], "'row' is taken"),
        (['--predictions', '=MAPS'], "'' is taken"),
        (['--predictions', 'OUT/nowhere'], 'no such folder of depth maps'),
        (['--predictions', 'MAPS', '--table', 'OUT/t.txt'], 'the name must end in .md or .tex'),
        (['--predictions', 'MAPS', '--table', 'OUT/gone/t.md'], 'there is no folder'),
        (
            ['--predictions', 'MAPS', '--protocol', 'nyu'],
            'frame ccc is of kind driving; the protocol',
        ),
        (['--predictions', 'MAPS', '--protocol', 'kitti-eigen'], 'frame a is of kind indoor'),
        (['--predictions', 'MAPS', '--cap', '0.5'], 'no ground truth between'),
    ],
)
def test_what_does_not_fit_is_told(
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    told: str,
) -> None:
    maps = put_maps(tmp_path / 'maps', ALL)
    given = [o.replace('MAPS', str(maps)).replace('OUT', str(tmp_path)) for o in options]
    assert main(['evaluate', '--manifest', str(manifest), *given]) == 2
    assert told in capsys.readouterr().err


def test_a_crop_that_there_is_not_is_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = put_maps(tmp_path / 'maps', of_kind(manifest, 'indoor'))
    arguments = ['evaluate', '--manifest', str(manifest), '--predictions', str(maps)]
    for protocol in ('nyu', 'eval'):
        assert main([*arguments, '--protocol', protocol, '--crop', 'garg']) == 2
        assert 'there is no crop garg of indoor images' in capsys.readouterr().err


def test_depths_of_another_unit_are_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_maps(tmp_path / 'maps', ALL, 3000.0)
    scored(manifest, tmp_path)
    error = capsys.readouterr().err
    assert 'maps: true depths are 0.00' in error
    assert 'is it metres, or the right --unit?' in error
    put_maps(tmp_path / 'maps', ALL)
    scored(manifest, tmp_path)
    assert 'unit' not in capsys.readouterr().err


def test_what_predict_writes_is_scored_as_the_model_is(
    manifest: Path, lively_model: Path, tmp_path: Path
) -> None:
    frames = json.loads(manifest.read_text())['frames']
    options = ['--model', lively_model, '--device', 'cpu', '--backend', 'torch']
    images = [manifest.parent / frame['rgb'] for frame in frames]
    predict_options = ['--out', tmp_path / 'maps', '--fx', 50, '--npy']
    assert main(['predict', *map(str, [*images, *options, *predict_options])]) == 0
    results = scored(manifest, tmp_path, *options)
    for alignments in results['summary'].values():
        for predictors in alignments.values():
            for metric, value in predictors['model'].items():
                assert predictors['maps'][metric]['mean'] == pytest.approx(value['mean'], rel=1e-5)


@pytest.mark.parametrize('change', [{'id': 'bb'}, {}])
def test_two_frames_of_one_id_are_refused(
    manifest: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str]
) -> None:
    content = json.loads(manifest.read_text())
    content['frames'].append({**content['frames'][0], **change})
    manifest.write_text(json.dumps(content))
    assert main(['evaluate', '--manifest', str(manifest), '--model', 'indoor-s']) == 2
    assert f'several frames have the id {change.get("id", "a")}' in capsys.readouterr().err
