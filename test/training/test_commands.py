from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from s2r_depth_training.cli import COMMANDS, main
from s2r_depth_training.dataset.format import Manifest, ShardEntry
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.runs.experiment import Experiment, load_experiment, save_experiment
from s2r_depth_training.runs.fit import fit


def test_the_commands_options_reach_the_run(experiment, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr('s2r_depth_training.runs.fit.fit', lambda run, out: seen.append((run, out)))
    save_experiment(experiment, tmp_path / 'a.yaml')
    command = ['fit', str(tmp_path / 'a.yaml'), '--out', str(tmp_path)]
    assert main(command) == 0
    assert main([*command, '--data', 'd', '--render', '2', '--start', 's', '--real', 'r']) == 0
    (plain, out), (changed, _) = seen
    assert (plain, out) == (experiment, tmp_path)
    here = Path.cwd()
    assert changed.data.manifests == [str(here / 'd')]
    assert (changed.data.renderers, changed.start) == (2, str(here / 's'))
    assert changed.validation.real == str(here / 'r')


def test_command_line_reports_mistakes_in_one_line(tmp_path, capsys):
    assert main(['fit', str(tmp_path / 'none.yaml'), '--out', str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith('s2r_train: ')


@pytest.mark.parametrize('count', ['-1', '1.5', 'many'])
def test_rendering_in_a_negative_number_of_processes_is_refused(tmp_path, capsys, count):
    with pytest.raises(SystemExit) as ended:
        main(['fit', 'a.yaml', '--out', str(tmp_path), '--render', count])
    assert ended.value.code == 2
    assert f"argument --render: '{count}' is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'text', 'command', 'told'),
    [
        ('a.yaml', 'a: [', ['fit', 'a.yaml', '--out', 'run'], 'a.yaml: not YAML'),
        ('a.yaml', 'seed: 1', ['fit', 'a.yaml', '--out', 'a.yaml'], 'folder a.yaml: File exists'),
        ('a.yaml', 'seed: 1', ['fit', 'a.yaml', '--out', 'r', '--data', 'd'], 'd cannot be read'),
        ('a.yaml', 'start: n.safetensors', ['fit', 'a.yaml', '--out', 'r'], 'n.safetensors'),
        ('a.yaml', 'precision: 3', ['fit', 'a.yaml', '--out', 'r'], 'precision is 3'),
        ('a.yaml', '', ['fit', 'b.yaml', '--out', 'r'], 'n: b.yaml: cannot be read: No such'),
        ('a.yaml', 'seed: 1', ['fit', 'a.yaml', '--out', 'r'], 'no training set is named'),
        ('a.ckpt', '', ['export', 'a.ckpt', '--name', 'a', '--out', 'b'], 'is not a checkpoint'),
        ('a.ckpt', '', ['export', 'b.ckpt', '--name', 'a', '--out', 'b'], 'b.ckpt: no such'),
        ('m.json', '{}', ['priors', '--data', 'm.json', '--out', 'o/p.npz'], 'is no folder o'),
        ('m.json', '{}', ['priors', '--data', 'm.json', '--out', 'p'], 'must end in .npz'),
        ('r.json', 'no', ['card', 'm.safetensors', '--results', 'r.json'], 'is no JSON'),
        ('r.json', '{}', ['card', 'm.safetensors', '--results', 'r.json'], 'evaluate --json'),
        ('m.json', '{}', ['priors', '--data', 'm.json', '--out', 'p.npz'], 'is not a manifest'),
    ],
)  # fmt: skip
def test_wrong_input_is_told_in_one_line(tmp_path, monkeypatch, capsys, name, text, command, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert main(command) == 2
    error = capsys.readouterr().err.strip()
    assert error.splitlines()[-1].startswith('s2r_train: ')
    assert told in error
    assert 'Traceback' not in error


def test_a_precision_that_lightning_does_not_know_is_told(experiment, tmp_path, capsys):
    experiment.precision = 'high'
    save_experiment(experiment, tmp_path / 'a.yaml')
    assert main(['fit', str(tmp_path / 'a.yaml'), '--out', str(tmp_path / 'run')]) == 2
    assert "Precision 'high' is invalid" in capsys.readouterr().err


@pytest.mark.parametrize('module', ['s2r_depth_training', 's2r_depth_training.cli'])
def test_the_overview_names_all_commands_and_loads_no_library(module):
    code = (
        'import runpy, sys\n'
        'sys.argv = ["s2r_train", "--help"]\n'
        'try:\n'
        f'    runpy.run_module({module!r}, run_name="__main__")\n'
        'except SystemExit as ended:\n'
        '    assert not ended.code\n'
        'heavy = {"torch", "numpy", "lightning", "cv2"} & set(sys.modules)\n'
        'assert not heavy, heavy\n'
    )
    process = subprocess.run(
        [sys.executable, '-c', code],
        env={'PYTHONPATH': ':'.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    for command in COMMANDS:
        assert f'  {command} ' in process.stdout


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_describes_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, '--help'])
    assert ended.value.code == 0
    assert f'usage: s2r_train {command}' in capsys.readouterr().out


def test_render_renders_by_its_options(tmp_path, monkeypatch, capsys):
    seen: list[tuple[Any, ...]] = []

    def render_dataset(
        out: Path, recipe: Recipe, first: int, scenes: int, workers: int, **others: Any
    ) -> Manifest:
        seen.append((out, recipe, first, scenes, workers))
        shards = [ShardEntry(file='a.npz', split='train', frames=n) for n in (3, 4)]
        return Manifest(kind=recipe.kind, shards=shards)

    monkeypatch.setattr('s2r_depth_training.commands.render.render_dataset', render_dataset)
    command = ['render', '--kind', 'gazebo', '--out', str(tmp_path), '--scenes', '5']
    assert main(command) == 0  # what a world is, the rendering itself says
    options = ['--first', '2', '--workers', '3', '--size', '64x80', '--views', '1', '--plain']
    worlds = ['--world', 'a', '--world', 'b']
    assert main([*command, *options, *worlds, '--poses', 'wide']) == 0
    assert seen == [
        (tmp_path, Recipe('gazebo', 96, 128), 0, 5, 1),
        (tmp_path, Recipe('gazebo', 64, 80, 1, False, ('a', 'b'), poses='wide'), 2, 5, 3),
    ]
    assert f'7 frames in 2 shards in {tmp_path}\n' in capsys.readouterr().out


def test_render_renders_for_a_time_and_a_set_for_judging_only(tmp_path, monkeypatch):
    seen: list[tuple[Any, ...]] = []

    def render_for(
        out: Path, recipe: Recipe, first: int, seconds: float, workers: int, **others: Any
    ) -> Manifest:
        seen.append((out, recipe, first, seconds, workers))
        return Manifest(kind=recipe.kind, shards=[])

    monkeypatch.setattr('s2r_depth_training.commands.render.render_for', render_for)
    command = ['render', '--kind', 'indoor', '--out', str(tmp_path), '--minutes', '1.5']
    assert main([*command, '--first', '7', '--validation', '1']) == 0
    assert seen == [(tmp_path, Recipe('indoor', 96, 128, validation=1.0), 7, 90.0, 1)]


def test_render_takes_the_limits_of_an_experiment(tmp_path, monkeypatch, capsys):
    seen: list[Recipe] = []

    def render_dataset(out: Path, recipe: Recipe, *others: Any, **more: Any) -> Manifest:
        seen.append(recipe)
        return Manifest(kind=recipe.kind, shards=[])

    monkeypatch.setattr('s2r_depth_training.commands.render.render_dataset', render_dataset)
    config = tmp_path / 'a.yaml'
    config.write_text(
        'data: {typical: {indoor: [0.8, 4.5, 3.0]}, height: 96, width: 128, focal_length: 64.0}'
    )
    command = ['render', '--out', str(tmp_path), '--scenes', '5', '--typical', str(config)]
    assert main([*command, '--kind', 'indoor']) == 0
    assert seen == [Recipe('indoor', 96, 128, typical=(1.6, 9.0, 3.0))]
    assert main([*command, '--kind', 'street']) == 2
    assert 'data.typical has no limits for street' in capsys.readouterr().err


@pytest.mark.parametrize('options', [[], ['--scenes', '5', '--minutes', '1']])
def test_render_wants_either_a_number_of_scenes_or_a_time(tmp_path, options):
    with pytest.raises(SystemExit) as ended:
        main(['render', '--kind', 'indoor', '--out', str(tmp_path), *options])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ('kind', 'worlds', 'told'),
    [
        ('gazebo', [], 'kind gazebo needs a world: give a .world, .sdf or .json file with --world'),
        ('gazebo', ['none.world'], 'none.world: no such world file'),
        ('gazebo', ['broken.world'], 'a render worker failed'),
        ('indoor', ['broken.world'], 'kind indoor takes no world'),
    ],
)
def test_a_wrong_world_leaves_nothing_that_refuses_the_right_one(
    tmp_path, monkeypatch, capsys, kind, worlds, told
):
    monkeypatch.chdir(tmp_path)
    Path('broken.world').write_text('no world')
    command = ['render', '--kind', kind, '--out', 'set', '--scenes', '1']
    assert main([*command, *(word for world in worlds for word in ('--world', world))]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert 'Traceback' not in error
    assert not list(tmp_path.glob('set/*'))


def test_a_manifest_without_shards_refuses_no_recipe(tmp_path, monkeypatch):
    """As versions up to 2026-11 leave it after a mistake."""
    manifest = {'kind': 'gazebo', 'format': 1, 'code_version': 'old', 'recipe': {}, 'shards': []}
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    monkeypatch.setattr('s2r_depth_training.dataset.render_to_disk._run_jobs', lambda *_: [])
    command = ['render', '--kind', 'indoor', '--out', str(tmp_path), '--scenes', '1']
    assert main(command) == 0
    assert json.loads((tmp_path / 'manifest.json').read_text())['kind'] == 'indoor'


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        ("data: {manifests: ['none.json']}", 'none.json cannot be read: No such'),
        ('precision: high', "Precision 'high' is invalid"),
        ('validation: {every: 2, frames: 1, monitor: val/abs}', "monitor is 'val/abs'; use one of"),
        ('validation: {every: 2, frames: 1, monitor: real/abs_rel}', 'no real images; give their'),
        ('validation: {every: 2, frames: 1, real: none.json}', 'none.json cannot be read: No such'),
        ('start: none.safetensors', 'none.safetensors'),
        ('stages: []', 'the experiment has none'),
    ],
)  # fmt: skip
def test_a_mistake_leaves_nothing_that_refuses_the_corrected_experiment(
    experiment, tmp_path, monkeypatch, capsys, change, told
):
    monkeypatch.chdir(tmp_path)
    save_experiment(experiment, 'right.yaml')
    Path('wrong.yaml').write_text(f'base: right.yaml\n{change}\n')
    assert main(['fit', 'wrong.yaml', '--out', 'run']) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count('Seed set to') < 2
    assert not Path('run/experiment.yaml').exists()
    ended: list[Experiment] = []
    monkeypatch.setattr('s2r_depth_training.runs.fit._run_stage', lambda run, *_: ended.append(run))
    with pytest.raises(FileNotFoundError, match='finished'):
        fit(load_experiment('right.yaml'), Path('run'))
    assert ended == [experiment]


def test_lightning_says_everything_once(tmp_path):
    (tmp_path / 'a.yaml').write_text('width: 0.125\naccelerator: cpu\n')
    command = ['-m', 's2r_depth_training', 'fit', 'a.yaml', '--out', 'run']
    process = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=os.environ | {'PYTHONPATH': ':'.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2, process.stderr
    assert (process.stdout + process.stderr).count('Seed set to 0') == 1


@pytest.mark.parametrize(
    'option',
    [
        ['--scenes', '0'],
        ['--workers', '-2'],
        ['--size', '16x16'],
        ['--validation', '1.1'],
        ['--validation', 'all'],
    ],
)
def test_render_refuses_what_cannot_be_rendered(tmp_path, capsys, option):
    command = ['render', '--kind', 'indoor', '--out', str(tmp_path), '--scenes', '5']
    with pytest.raises(SystemExit) as ended:
        main([*command, *option])
    assert ended.value.code == 2
    assert f'argument {option[0]}: ' in capsys.readouterr().err
