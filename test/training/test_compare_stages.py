from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from made_up_shards import HEIGHT, WIDTH, make_set, make_shard
from safetensors.torch import load_file
from torch import Tensor

from compare_stages import main, parser
from comparison_of_stages import arms, training
from comparison_of_stages.judging import judge
from comparison_of_stages.results import KEPT
from comparison_of_stages.tables import paired, print_table
from s2r_depth_ros.network.weights import weights_sha256
from s2r_depth_training.runs.experiment import Experiment, load_experiment, save_experiment
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import Trunk, load_trunk

Train = Callable[..., Path]


@pytest.fixture
def shared(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arms of the smallest width, which take all made-up frames."""
    comparison = load_experiment(arms.CONFIG)
    for key in ('typical', 'mix'):
        setattr(comparison.data, key, {})
    comparison.width = experiment.width
    comparison.optimizer.warm_up = 1
    save_experiment(comparison, tmp_path / 'comparison.yaml')
    monkeypatch.setattr(arms, 'CONFIG', tmp_path / 'comparison.yaml')


@pytest.fixture
def train(shared: None, manifests: list[Path], tmp_path: Path) -> Train:
    """Return what trains arms for a small number of images, two a step, and tells the folder."""

    def run(
        *names: str, images: int = 10, folder: str = 'runs', options: Sequence[str] = ()
    ) -> Path:
        # Rooms only: stage 0 and arm f need views in two styles.
        args = ['train', '--arms', *names, '--images', str(images), '--pairs', '4', '--batch', '2']
        args += ['--runs', str(tmp_path / folder), '--data', str(manifests[0]), '--device', 'cpu']
        training.train(parser().parse_args([*args, *options]))
        return tmp_path / folder

    return run


def test_all_arms_are_trained_judged_and_shown(train, manifests, tmp_path, capsys):
    runs = train(*arms.PLAIN)
    for name in arms.PLAIN:
        facts = json.loads((runs / f'{name}_10.json').read_text())
        assert (facts['arm'], facts['images'], facts['device']) == (name, 10, 'cpu')
        assert facts['stage'] == arms.ARMS[name].stage
        assert facts['training_frames'] == {'indoor': 6}
    for name in arms.STAGE_0:
        assert json.loads((runs / f'{name}_10.json').read_text())['pairs'] == 4
    before = {path: path.stat().st_mtime_ns for path in runs.iterdir()}
    train(*arms.PLAIN)  # nothing is left to do
    assert {path: path.stat().st_mtime_ns for path in runs.iterdir()} == before
    starts_are_as_told(runs)
    losses_are_as_told(runs)

    out = tmp_path / 'results'
    command = ['judge', '--runs', str(runs), '--rooms', str(manifests[0]), '--out', str(out)]
    command += ['--worlds', str(manifests[1]), '--outdoor', manifests[1].parent.name]
    command += ['--device', 'cpu']
    judge(parser().parse_args(command))
    assert sorted(p.name for p in out.iterdir()) == [f'arm_{n}_10.json' for n in arms.PLAIN]
    for name in arms.PLAIN:
        result = json.loads((out / f'arm_{name}_10.json').read_text())
        # Streets are judged as rooms are: nothing in them is sky.
        assert set(result['sets']) == {
            'rooms', 'rooms, typical', 'outdoor world', 'outdoor world, typical',
        }  # fmt: skip
        rooms = result['sets']['rooms']
        assert (rooms['frames'], rooms['scenes']) == (2, 1)
        for alignment in ('median', 'none'):
            for metric in KEPT:
                assert 0 <= rooms[alignment][metric]['mean'] < 100
        (scene,) = result['scene_means']['rooms'].items()
        assert scene[0].endswith('/3')
        assert scene[1][0] == pytest.approx(rooms['median']['abs_rel']['mean'], abs=1e-4)

    capsys.readouterr()
    print_table(out)
    shown = capsys.readouterr().out
    assert 'rooms: 2 frames of 1 scenes' in shown
    lines = [line for line in shown.splitlines() if line.startswith('| 10 | ')]
    assert len(lines) == 4 * len(arms.PLAIN)
    assert lines[0].split('|')[2].strip() == 'a: map by formula, no attention'
    assert lines[0].rstrip().endswith('|  |  |')  # a is what others are compared with
    assert all('+' in line or '-' in line.split('|')[5] for line in lines[1 : len(arms.PLAIN)])


def test_arms_of_worlds_are_judged_on_the_others(train, manifests, tmp_path):
    worlds = [a_world(name, tmp_path) for name in (*arms.ARMS['i'].worlds, 'bookstore')]
    start = train('a', images=2, folder='start') / 'a_2.safetensors'
    given = ['--worlds', *worlds, '--wide', str(manifests[1]), '--start', str(start)]
    given += ['--rate', '1e-9']  # so that nothing moves
    runs = train('a', 'i', 'j', options=given)
    facts = {n: json.loads((runs / f'{n}_10.json').read_text()) for n in 'aij'}
    assert {n: list(f['training_frames']) for n, f in facts.items()} == {
        'a': ['indoor'], 'i': ['gazebo', 'indoor'], 'j': ['street'],
    }  # fmt: skip
    assert facts['i']['training_frames']['gazebo'] == 2 * facts['a']['training_frames']['indoor']
    assert facts['i']['experiment']['data']['mix'] == {'indoor': 0.75, 'gazebo': 0.25}
    began = weights_sha256(load_file(start))
    assert {f['weights_at_the_start'] for f in facts.values()} == {began}
    first, last = (load_file(path) for path in (start, runs / 'i_10.safetensors'))
    for key in [key for key in first if key.endswith(('weight', 'bias'))]:  # DP, too, goes on
        torch.testing.assert_close(first[key], last[key], rtol=1e-3, atol=1e-4, msg=key)

    out = tmp_path / 'results'
    command = ['judge', '--runs', str(runs), '--rooms', str(manifests[0]), '--out', str(out)]
    command += ['--worlds', *worlds, '--wide', str(manifests[0]), '--device', 'cpu']
    judge(parser().parse_args(command))
    seen = {}
    for name in 'aij':
        means = json.loads((out / f'arm_{name}_10.json').read_text())['scene_means']
        assert 'rooms, wide poses' in means
        seen[name] = {scene.split('/')[0] for scene in means['indoor worlds']}
    assert seen['a'] == seen['j'] == {*arms.ARMS['i'].worlds, 'bookstore'}
    assert seen['i'] == {'bookstore'}


def a_world(name: str, folder: Path) -> str:
    """Write made-up frames as those of the Gazebo world ``name``; return the manifest."""
    made = folder / name
    made.mkdir()
    make_shard(made / 'train.npz', 6, [1, 2], 7)
    make_shard(made / 'validation.npz', 2, [3], 8)
    return str(make_set(made, 'gazebo'))


def test_arms_without_their_frames_are_told_before_any_is_trained(train, tmp_path):
    with pytest.raises(arms.ComparisonError, match='i learns from hospital: give --worlds'):
        train('a', 'i')
    with pytest.raises(arms.ComparisonError, match='j learns from rooms of wide poses'):
        train('a', 'j')
    assert not list((tmp_path / 'runs').glob('*'))


def starts_are_as_told(runs: Path) -> None:
    """Check, by what an arm does not train, which weights it began with."""
    weights = {
        path.stem.removesuffix('_10'): load_file(path) for path in runs.glob('*.safetensors')
    }

    def part(name: str, prefix: str) -> dict[str, Tensor]:
        return {k: v for k, v in weights[name].items() if k.startswith(prefix)}

    def same(first: str, second: str, prefix: str) -> bool:
        return all(torch.equal(v, part(second, prefix)[k]) for k, v in part(first, prefix).items())

    assert same('c', 'encoder', 'struct_encoder.')
    assert same('g', 'encoder_across', 'struct_encoder.')
    assert not same('encoder', 'encoder_across', 'struct_encoder.')
    assert not same('h', 'c', 'struct_encoder.')
    for prefix in ('struct_encoder.', 'struct_decoder.'):
        assert same('d', 'c', prefix)
        assert same('d_fork', 'd', prefix)
        assert not same('f', 'd', prefix)
        assert same('a', 'b', prefix)  # as it was drawn
    assert same('h', 'a', 'struct_encoder.')
    assert not same('d_fork', 'd', 'depth_net.')


def losses_are_as_told(runs: Path) -> None:
    """Check that only arm f keeps codes equal, and that steps add up."""
    for name, first, last in (('a', 4, 5), ('d', 3, 5), ('f', 1, 2)):
        lines = [json.loads(t) for t in (runs / f'{name}_10.jsonl').read_text().splitlines()]
        assert (lines[0]['step'], lines[-1]['step']) == (first, last)
        assert all(('code' in line) == (name == 'f') for line in lines)
    own = [json.loads((runs / f'{n}_10.jsonl').read_text().splitlines()[0])
           for n in ('encoder', 'encoder_across')]  # fmt: skip
    assert all(line['stage'] == 'encoder' for line in own)


def test_an_arm_whose_start_is_missing_is_told(train, manifests, tmp_path, monkeypatch, capsys):
    with pytest.raises(arms.ComparisonError, match='d starts from c: train that too'):
        train('d')
    with pytest.raises(arms.ComparisonError, match='f starts from d_fork'):
        train('f')
    command = ['compare_stages.py', 'train', '--arms', 'f', '--runs', str(tmp_path / 'runs')]
    command += ['--data', str(manifests[0]), '--device', 'cpu']
    monkeypatch.setattr(sys, 'argv', command)
    for library, setting in ((torch, 'set_num_threads'), (torch, 'set_flush_denormal'),
                             (cv2, 'setNumThreads')):  # fmt: skip
        monkeypatch.setattr(library, setting, lambda _: None)  # other tests go on in this process
    assert main() == 2
    assert capsys.readouterr().err == 'compare_stages: f starts from d_fork: train that too\n'


def test_an_interrupted_arm_ends_as_one_that_was_not(train, monkeypatch):
    """Cut off in the trunk, then in the branch."""
    whole = train('b', images=20, folder='whole')
    growing = Trunk.growing
    monkeypatch.setattr(training, 'SAVE_EVERY', -1.0)
    monkeypatch.setattr(Trunk, 'growing', lambda self, steps: growing(self, min(steps, 2)))
    run, end = TrainingStep.run, 0

    def cut(self: TrainingStep, rate: float) -> None:
        if self.number == end:
            raise KeyboardInterrupt
        run(self, rate)

    monkeypatch.setattr(TrainingStep, 'run', cut)
    trunk = whole.parent / 'runs/b_20.trunk.pt'
    for end, saved in ((5, 4), (9, 8)):  # noqa: B007  # ``cut`` reads it
        with pytest.raises(KeyboardInterrupt):
            train('b', images=20)
        assert load_trunk(trunk)['number'] == saved
    monkeypatch.setattr(TrainingStep, 'run', run)
    again = train('b', images=20)
    one, two = (load_file(folder / 'b_20.safetensors') for folder in (whole, again))
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """One room with known depth, as the evaluate command takes it."""
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / 'a.png'), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    depth = rng.integers(1000, 5000, (HEIGHT, WIDTH)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'a_depth.png'), depth)
    frame = {
        'id': 'a', 'rgb': 'a.png', 'depth': 'a_depth.png', 'depth_scale': 1e-3, 'fx': 100.0,
        'kind': 'indoor', 'scene': 'a',
    }  # fmt: skip
    (tmp_path / 'real.json').write_text(json.dumps({'frames': [frame]}))
    return tmp_path / 'real.json'


def test_real_images_are_used_once(train, manifests, real, tmp_path):
    runs, out = train('a'), tmp_path / 'results'
    command = ['judge', '--runs', str(runs), '--rooms', str(manifests[0]), '--out', str(out)]
    command += ['--device', 'cpu']
    once = parser().parse_args([*command, '--real-once', str(real)])
    judge(once)
    result = json.loads((out / 'arm_a_10.json').read_text())
    assert result['real']['indoor']['frames'] == 1
    with pytest.raises(arms.ComparisonError, match='to be used once'):
        judge(once)
    judge(parser().parse_args(command))  # what was found stays
    assert json.loads((out / 'arm_a_10.json').read_text())['real'] == result['real']


def test_pairs_of_scenes_are_compared():
    own = {str(i): [0.1 * i, 0.5] for i in range(20)}
    other = {str(i): [0.1 * i + 0.02, 0.4] for i in range(20)}
    own['not in the other'] = [9.0, 0.0]
    for value, expected in zip(paired(own, other), (0.02, 0.1)):
        for bound in value.values():
            assert bound == pytest.approx(expected)
