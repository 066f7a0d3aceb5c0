from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.experiment import Experiment, load_experiment, save_experiment
from s2r_depth_training.stages.base import rate_factor


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_layers_change_only_what_they_name(tmp_path):
    write(tmp_path, 'base.yaml', 'width: 0.125\ndata: {batch: 4, crop: 0}\nloss: {l1: 2}\n')
    path = write(tmp_path, 'top.yaml', 'base: base.yaml\ndata: {batch: 8}\n')
    experiment = load_experiment(path)
    assert (experiment.width, experiment.data.batch, experiment.data.crop) == (0.125, 8, 0.0)
    assert experiment.loss.l1 == 2.0
    assert experiment.loss.beta == Experiment().loss.beta


def test_a_mix_replaces_the_one_below(tmp_path):
    write(tmp_path, 'base.yaml', 'data: {batch: 4, mix: {indoor: 0.5, street: 0.5}}\n')
    path = write(tmp_path, 'top.yaml', 'base: base.yaml\ndata: {mix: {indoor: 1}}\n')
    data = load_experiment(path).data
    assert (data.batch, data.mix) == (4, {'indoor': 1})


def test_a_saved_experiment_reads_back_the_same(tmp_path):
    path = write(
        tmp_path, 'a.yaml', 'stages: [{name: decoder, steps: 3}, {name: attention}]\nseed: 5\n'
    )
    experiment = load_experiment(path)
    save_experiment(experiment, tmp_path / 'b.yaml')
    assert load_experiment(tmp_path / 'b.yaml') == experiment
    assert [s.name for s in experiment.stages] == ['decoder', 'attention']


def test_exponents_without_a_point_are_numbers(tmp_path):
    path = write(tmp_path, 'a.yaml', 'optimizer: {learning_rate: 1e-3}\n')
    assert load_experiment(path).optimizer.learning_rate == 1e-3


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('lr: 1\n', 'unknown key lr'),
        ('data: {bath: 1}\n', 'unknown key data.bath'),
        ('data: {batch: many}\n', 'data.batch'),
        ('data: {photometric: 3}\n', 'data.photometric'),
        ('seed: true\n', 'seed is True'),
        ('stages: [{name: middle}]\n', "stages.name is 'middle'"),
        ('stages: [{name: joint}, {name: joint}]\n', 'named twice'),
        ('stages: [{steps: 7}]\nvalidation: {every: 3}\n', 'not a multiple'),
        ('width: 0.3\n', 'width is 0.3'),
        ('loss: {scales: [1, 1]}\n', 'four weights'),
        ('data: {typical: {indoor: [4, 1, 3]}}\n', r'typical: indoor is \[4.*least median'),
        ('- a\n', 'holds no keys'),
        ('base: none.yaml\n', 'a.yaml: base none.yaml: cannot be read: No such file'),
        ('base: a.yaml\n', 'a.yaml is its own base'),
        ('base: 3\n', 'base is 3'),
        ('a: [\n', 'a.yaml: not YAML'),
        ('a: ' + '[' * 20_000, 'a.yaml: not YAML'),
        ('data: 3\n', 'data must hold keys, it is 3'),
        ('data: {mix: {indoor: much}}\n', "data.mix.indoor is 'much'"),
        ('data: {typical: {indoor: [a, 4, 3]}}\n', r"data.typical.indoor\[0\] is 'a'"),
        ('data: {batch: 0}\n', 'data.batch is 0'),
        ('data: {renderers: -1}\n', 'data.renderers is -1'),
        ('stages: [{steps: 0}]\n', 'joint has 0 steps'),
        ('validation: {every: 0}\n', 'validation.every is 0'),
        ('optimizer: {betas: [0.9]}\n', 'two numbers'),
        ('optimizer: {schedule: line}\n', "optimizer.schedule is 'line'"),
        ('seed: -1\n', 'seed is -1'),
        ('scene: attic\n', "scene is 'attic'"),
    ],
)
def test_wrong_keys_are_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(write(tmp_path, 'a.yaml', text))


_FOLDER = Path(__file__).parents[2] / 'training/configs'
CONFIGS = sorted(_FOLDER.rglob('*.yaml'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_shipped_experiments_are_valid(path):
    experiment = load_experiment(path)
    named = '-'.join(path.relative_to(_FOLDER).with_suffix('').parts)
    assert experiment.name == named or path.stem == 'base'
    assert experiment.data.manifests == []  # given on the command line


@pytest.mark.parametrize('scene', ['outdoor', 'indoor'])
def test_the_papers_experiment_has_the_papers_settings(scene):
    """Those of the authors' code (docs/paper.md)."""
    experiment = load_experiment(_FOLDER / 'paper' / f'{scene}.yaml')
    data, loss, adam = experiment.data, experiment.loss, experiment.optimizer
    size, metres = {'outdoor': ((192, 640), 80), 'indoor': ((192, 256), 8)}[scene]
    assert (experiment.width, experiment.depth_init, experiment.ema) == (1.0, 'normal', 0.0)
    assert ((data.height, data.width), data.max_depth) == (size, metres)
    assert (data.crop, data.resize, data.photometric, data.darken) == (0, 'bicubic', False, True)
    assert (data.rotation, data.sky_weight, data.batch) == (5.0, 1.0, 32)
    assert (loss.l1, loss.structure, loss.beta, loss.scales) == (1.0, 1.0, 0.001, [1.0] * 4)
    assert (loss.log, loss.scale_invariant, loss.gradient, loss.inverse_depth) == (0, 0, 0, 0)
    assert (loss.attention, loss.code, experiment.fold_skips) == (0, 0, False)
    assert (adam.learning_rate, adam.betas, adam.weight_decay) == (1e-4, [0.9, 0.999], 0)
    epoch = math.ceil(20760 / 32)
    rates = [rate_factor(epoch * e, 120 * epoch, adam) for e in (0, 9, 10, 19, 20, 119)]
    assert rates == [1, 1, 0.5, 0.5, 0.25, 0.5**11]
    released = load_experiment(_FOLDER / 'paper' / f'{scene}-released.yaml')
    assert released.stages == experiment.stages[1:]
    assert [(s.name, s.steps) for s in released.stages] == [
        ('decoder', 120 * epoch), ('attention', 120 * epoch)
    ]  # fmt: skip
    assert replace(released, name='a', stages=[]) == replace(experiment, name='a', stages=[])
