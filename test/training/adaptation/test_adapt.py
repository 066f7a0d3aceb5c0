"""The command adapt, from a recording to a model that the node can load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robot_recordings as robot
import torch
from floor_scenes import CAMERA
from safetensors.torch import load_file
from source_files import ROOT

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_training.adaptation import adapt as adapting
from s2r_depth_training.adaptation import lessons
from s2r_depth_training.adaptation.adapt import Adapted
from s2r_depth_training.adaptation.card import card_text
from s2r_depth_training.adaptation.judging import Errors
from s2r_depth_training.adaptation.recording import Lessons
from s2r_depth_training.adaptation.tuning import Judgement
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.dataset.format import read_manifest
from s2r_depth_training.dataset.render_to_disk import render_dataset
from s2r_depth_training.errors import DataError

MODEL = ROOT / 'models' / 'indoor-s.safetensors'


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with depth images."""
    distances = np.linspace(6.0, 2.0, 36).tolist()
    return robot.record(tmp_path_factory.mktemp('bags') / 'drive', robot.messages(distances))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps, small ones."""
    for name, value in (('_STEPS', 8), ('_BATCH', 2), ('_JUDGING', 3), ('_EVERY', 4)):
        monkeypatch.setattr(adapting, name, value)


def call(bag: Path, out: Path, manifests: list[Path], *more: str) -> int:
    return main(
        ['adapt', '--model', str(MODEL), '--bag', str(bag), '--out', str(out),
         '--synthetic', str(manifests[0]), *more]
    )  # fmt: skip


def test_a_model_learns_from_a_recording(
    drive: Path, manifests: list[Path], tmp_path: Path, short: None, capsys: Any
) -> None:
    out = tmp_path / 'mine.safetensors'
    assert call(drive, out, manifests) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(f'{out}\n')
    assert '| this recording | 3 |' in printed
    card = out.with_suffix('.md').read_text()
    assert card in printed
    metadata, before = read_metadata(out), read_metadata(MODEL)
    assert metadata.name == 'mine'
    assert metadata.scores == {}
    assert metadata.provenance['before'] == {'name': 'indoor-s', 'sha256': before.sha256}
    adapted = metadata.provenance['adapted']
    assert adapted['recordings'] == ['drive']
    assert adapted['steps'] in (4, 8)  # what it says is far off, and easily bettered
    errors = [adapted[when]['recording']['abs_rel'] for when in ('before', 'after')]
    assert errors[1] < 0.97 * errors[0]
    # And it is so for who measures it anew.
    rgb = robot.picture(robot.truth(2.2), 99)
    mine, old = (
        np.nanmean(np.abs(DepthEstimator(m, device='cpu').predict(rgb, fx=100.0).depth
                          / robot.truth(2.2) - 1))
        for m in (out, MODEL)
    )  # fmt: skip
    assert mine < old
    assert sorted(p.name for p in tmp_path.iterdir()) == ['mine.md', 'mine.safetensors']


def test_the_card_says_what_was_kept_and_forgotten(
    drive: Path, manifests: list[Path], tmp_path: Path, short: None
) -> None:
    out = tmp_path / 'mine.safetensors'
    assert call(drive, out, manifests) == 0
    assert read_metadata(out).provenance['adapted']['share'] in (0.25, 0.5, 0.75, 1.0)
    truth = robot.truth(2.0)
    pair = RecordedPair(robot.picture(truth, 0), truth, CAMERA, 0.0)
    before, after = Errors(0.4, 0.3, 0.2, 0.6, 9), Errors(0.1, 0.9, 0.1, 0.9, 9)

    def card(rendered: float, share: float) -> str:
        elsewhere = (before, before._replace(abs_rel_scaled=rendered))
        first = Judgement(0, before, elsewhere[0])
        then = Judgement(4, after, elsewhere[1], share)
        return card_text(Adapted(out, first, then, Lessons([pair], names=['drive'])))

    assert 'Depth as the robot gets it was off by 40%, and is off by 10% here.' in card(0.2, 1.0)
    assert 'was kept' not in card(0.2, 1.0)
    assert 'Elsewhere' not in card(0.19, 1.0)
    assert 'Of what was learnt 75% was kept' in card(0.2, 0.75)
    assert 'Elsewhere it is 4.0% worse' in card(0.208, 0.75)


@pytest.mark.parametrize('rate', [0.0, 0.3])
def test_a_model_that_gains_nothing_stays_and_it_is_told(
    drive: Path,
    manifests: list[Path],
    tmp_path: Path,
    short: None,
    monkeypatch: Any,
    capsys: Any,
    rate: float,
) -> None:
    """What is learnt is nothing, or nonsense."""
    monkeypatch.setattr(adapting, '_RATE', rate)
    out = tmp_path / 'mine.safetensors'
    assert call(drive, out, manifests) == 0
    assert 'Nothing was gained' in capsys.readouterr().out
    assert read_metadata(out).provenance['adapted']['steps'] == 0
    mine, before = load_file(out), load_file(MODEL)
    assert mine.keys() == before.keys()
    assert all(torch.equal(v, mine[k]) for k, v in before.items())


def test_it_goes_on_where_it_was_cut_off(
    drive: Path, manifests: list[Path], tmp_path: Path, short: None, monkeypatch: Any, capsys: Any
) -> None:
    whole, cut = tmp_path / 'whole.safetensors', tmp_path / 'cut.safetensors'
    assert call(drive, whole, manifests) == 0
    run = adapting.TrainingStep.run

    def killed(self: Any, rate: float) -> None:
        if self.number == 6:
            raise KeyboardInterrupt
        run(self, rate)

    monkeypatch.setattr(adapting.TrainingStep, 'run', killed)
    assert call(drive, cut, manifests) == 130
    assert capsys.readouterr().err.endswith('interrupted: the same command goes on\n')
    monkeypatch.setattr(adapting.TrainingStep, 'run', run)
    assert not cut.exists()
    assert call(drive, cut, manifests, '--minutes', '19') == 2
    assert 'another minutes (20.0, now 19.0)' in capsys.readouterr().err
    assert call(drive, cut, manifests) == 0
    assert read_metadata(cut).sha256 == read_metadata(whole).sha256


def test_rendering_that_was_cut_off_goes_on(
    drive: Path, tmp_path: Path, short: None, monkeypatch: Any
) -> None:
    """What is there by then may be one shard, with nothing to judge by."""

    def cut_off(out: Path, recipe: Any, first: int, *rest: Any, **more: Any) -> None:
        render_dataset(out, recipe, first, scenes=1, workers=1)
        raise KeyboardInterrupt

    out = tmp_path / 'mine.safetensors'
    command = ['adapt', '--model', str(MODEL), '--bag', str(drive), '--minutes', '0.1']
    with monkeypatch.context() as cut:
        for name in ('render_dataset', 'render_for'):
            cut.setattr(adapting, name, cut_off, raising=False)
        assert main([*command, '--out', str(out)]) == 130
    assert main([*command, '--out', str(out)]) == 0
    judged = read_metadata(out).provenance['adapted']['after']['rendered']
    assert judged['frames'] >= 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ['mine.md', 'mine.safetensors']


def test_another_model_is_not_mixed_with_what_was_rendered_for_the_one_before(
    drive: Path, tmp_path: Path, short: None, monkeypatch: Any
) -> None:
    """The first may have ended before its first judgement, by a mistake that was told."""
    out = tmp_path / 'mine.safetensors'
    command = ['adapt', '--bag', str(drive), '--minutes', '0.05', '--out', str(out), '--model']

    def kinds_at(model: str) -> set[str]:
        seen: dict[str, Any] = {}

        def ended(judge: Any, *_: Any) -> None:
            seen.update(read_manifest(judge.synthetic))
            raise DataError('no frame to judge by')

        with monkeypatch.context() as cut:
            cut.setattr(adapting._Judge, '__call__', ended)
            assert main([*command, model]) == 2
        return {seen['kind']}

    assert kinds_at('indoor-s') == {'indoor'}
    assert kinds_at('outdoor-s') == {'street'}


def test_recordings_are_several_however_they_are_given(
    drive: Path, manifests: list[Path], tmp_path: Path, short: None, capsys: Any
) -> None:
    """An option given twice means both; the first must not be forgotten silently."""
    nowhere = str(tmp_path / 'nowhere.mcap')
    command = ['adapt', '--model', str(MODEL), '--out', str(tmp_path / 'mine.safetensors'),
               '--synthetic', str(manifests[0]), '--bag', nowhere, '--bag', str(drive)]  # fmt: skip
    assert main(command) == 2
    assert nowhere in capsys.readouterr().err


def test_the_tolerance_is_that_of_a_lidar_too(
    manifests: list[Path], tmp_path: Path, short: None, capsys: Any
) -> None:
    content = robot.messages(np.linspace(6.0, 2.0, 36).tolist(), robot.POINTS)
    for topic, _, message in content:
        if topic == robot.POINTS:
            message.header.stamp.nanosec += 70_000_000
    bag = robot.record(tmp_path / 'drive', content)
    out = tmp_path / 'mine.safetensors'
    assert call(bag, out, manifests) == 2
    assert 'say --tolerance 0.096' in capsys.readouterr().err
    assert call(bag, out, manifests, '--tolerance', '0.096') == 0


@pytest.mark.parametrize(('factor', 'told'), [(0.13, False), (1.0, True)])
def test_a_scale_that_the_model_contradicts_is_told(
    manifests: list[Path], tmp_path: Path, short: None, capsys: Any, factor: float, told: bool
) -> None:
    """What the model sees in noise is near: by the drive's depth all is 7 times as far."""
    content = robot.messages(np.linspace(6.0, 2.0, 36).tolist())
    for topic, _, message in content:
        if topic == robot.DEPTH:
            message.data = (np.float32(factor) * message.data.view('<f4')).view(np.uint8)
    bag = robot.record(tmp_path / 'drive', content)
    assert call(bag, tmp_path / 'mine.safetensors', manifests) == 0
    printed = capsys.readouterr()
    for text in (printed.err, printed.out):
        assert ('times as far as the model said before' in text) == told


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (['--model', 'nowhere'], 'nowhere'),
        (['--bag', 'nowhere.mcap'], 'nowhere.mcap'),
        (['--colour', '/none'], 'has no topic /none'),
        (['--depth', robot.INFO_TOPIC], 'three topics'),
        (['--transform', 'a b 1 2 3'], 'has 5 words'),
        (['--judge', '0'], 'to judge by differ'),
        (['--out', str(MODEL)], 'is the model to start from'),
    ],
)
def test_mistakes_are_told_in_one_line(
    drive: Path,
    manifests: list[Path],
    tmp_path: Path,
    capsys: Any,
    options: list[str],
    told: str,
) -> None:
    lidar = ['--lidar', robot.POINTS] if '--transform' in options else []
    assert call(drive, tmp_path / 'mine.safetensors', manifests, *options, *lidar) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('s2r_train: ')
    assert told in error


def test_a_text_that_is_no_card_is_left_alone(
    drive: Path, manifests: list[Path], tmp_path: Path, capsys: Any
) -> None:
    readme = tmp_path / 'README.md'
    readme.write_text('mine')
    assert call(drive, tmp_path / 'README.safetensors', manifests) == 2
    assert f'{readme}, which would be the card' in capsys.readouterr().err
    assert readme.read_text() == 'mine'


def test_images_too_small_to_show_anything_are_refused(
    drive: Path, manifests: list[Path], tmp_path: Path, capsys: Any
) -> None:
    with pytest.raises(SystemExit):
        call(drive, tmp_path / 'mine.safetensors', manifests, '--width', '8')
    assert "--width: '8' is not a whole number, 64 or more" in capsys.readouterr().err


def test_a_recording_that_has_changed_begins_anew(
    drive: Path, manifests: list[Path], tmp_path: Path, short: None, monkeypatch: Any, capsys: Any
) -> None:
    """Of the same name and length: its judgements are not those of the one before."""

    def killed(self: Any, rate: float) -> None:
        raise KeyboardInterrupt

    out = tmp_path / 'mine.safetensors'
    monkeypatch.setattr(adapting.TrainingStep, 'run', killed)
    assert call(drive, out, manifests) == 130
    again = robot.record(tmp_path / 'drive', robot.messages(np.linspace(5.5, 2.5, 36).tolist()))
    assert call(again, out, manifests) == 2
    assert 'is a run with another content' in capsys.readouterr().err
    other = tmp_path / 'manifest.json'
    content = json.loads(manifests[0].read_text())
    for shard in content['shards']:
        shard['file'] = str(manifests[0].parent / shard['file'])
    other.write_text(json.dumps(content))
    assert call(drive, out, [other]) == 2
    assert 'is a run with another scenes' in capsys.readouterr().err


@pytest.mark.parametrize('factor', [1.0, 1.4])
def test_a_models_own_depth_teaches_nothing(
    manifests: list[Path], tmp_path: Path, monkeypatch: Any, capsys: Any, factor: float
) -> None:
    """A recording made while the node ran, perhaps with a scale."""
    # What the model sees in noise is one wall.
    monkeypatch.setattr(lessons, '_FLAT_SHARE', 1.0)
    estimator = DepthEstimator(MODEL, device='cpu')
    content = robot.messages(np.linspace(6.0, 2.0, 36).tolist())
    seen = {}
    for topic, _, message in content:
        stamp = round(robot.nanoseconds(message.header.stamp) / 1e7) if topic != '/tf_static' else 0
        if topic == robot.COLOUR:
            seen[stamp] = message.data.reshape(120, 160, 3)
        elif topic == robot.DEPTH:
            own = estimator.predict(seen[stamp], fx=100.0).depth * np.float32(factor)
            message.data = own.astype('<f4').reshape(-1).view(np.uint8)
    bag = robot.record(tmp_path / 'drive', content)
    assert call(bag, tmp_path / 'mine.safetensors', manifests) == 2
    assert 'if it is the output of the depth node' in capsys.readouterr().err


def test_depth_in_the_wrong_unit_is_told(
    manifests: list[Path], tmp_path: Path, short: None, capsys: Any
) -> None:
    """Millimetres as 32FC1: nothing is within what counts, so nothing could be judged."""
    content = robot.messages(np.linspace(6.0, 2.0, 36).tolist())
    for topic, _, message in content:
        if topic == robot.DEPTH:
            message.data = (1000 * message.data.view('<f4')).view(np.uint8)
    bag = robot.record(tmp_path / 'drive', content)
    assert call(bag, tmp_path / 'mine.safetensors', manifests) == 2
    error = capsys.readouterr().err
    assert 'no frame to judge by has depth within 10 m' in error
    assert '32FC1 is metres' in error
