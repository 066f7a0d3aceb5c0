from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from made_up_shards import HEIGHT, WIDTH, make_shard
from training_states import assert_same_state

from s2r_depth_ros.network.checkpoint import load_model, read_metadata, save_model
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.format import (
    MANIFEST,
    Manifest,
    ShardEntry,
    read_manifest,
    write_manifest,
)
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.errors import ConfigError, ExportError, PaceError
from s2r_depth_training.runs import side_by_side
from s2r_depth_training.runs import timed_run as module
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.experiment import Experiment, load_experiment, save_experiment
from s2r_depth_training.runs.relay import Relay, trunk_file
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.timed_run import TimedRun, timed_run
from s2r_depth_training.runs.trunk import Work, load_trunk
from s2r_depth_training.stages.config import StageConfig

CPU = torch.device('cpu')
MINUTES = 0.04


class Renderer:
    """Stands in for render_for: made-up frames of eight scenes a call, at once."""

    def __init__(self) -> None:
        self.calls: list[tuple[Path, Recipe, int, float]] = []

    def render(
        self, folder: Path, recipe: Recipe, first: int, seconds: float, workers: int, per_shard: int
    ) -> Manifest:
        number = len(self.calls)
        self.calls.append((folder, recipe, first, seconds))
        folder.mkdir(parents=True, exist_ok=True)
        there = (folder / MANIFEST).exists()
        shards = read_manifest(folder / MANIFEST)['shards'] if there else []
        scenes = list(range(first, first + 8))
        for split, own in (('train', scenes[:6]), ('validation', scenes[6:])):
            make_shard(folder / f'{split}_{number}.npz', 2, own, number)
            shards.append(ShardEntry(
                file=f'{split}_{number}.npz', split=split, frames=2, seeds=[own[0], own[-1]],
            ))  # fmt: skip
        manifest = Manifest(kind=recipe.kind, shards=shards)
        write_manifest(folder, manifest)
        return manifest

    def firsts(self, kind: str) -> list[int]:
        return [first for _, recipe, first, _ in self.calls if recipe.kind == kind]


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> Renderer:
    """Renders in no time, so that a few seconds are enough for a run."""
    renderer = Renderer()
    monkeypatch.setattr(module, 'render_for', renderer.render)
    monkeypatch.setattr(module, '_LEAST_S', 0.2)
    return renderer


@pytest.fixture
def configs(experiment: Experiment, tmp_path: Path) -> list[Path]:
    """Two of the smallest experiments, of rooms and of streets."""
    experiment.data.manifests = []
    experiment.data.batch = 1
    experiment.stages = [StageConfig('depth', steps=4)]
    paths = []
    for name, scene, kind in (('a', 'indoor', 'indoor'), ('b', 'outdoor', 'street')):
        experiment.data.mix = {kind: 1.0}
        paths.append(tmp_path / f'{name}.yaml')
        save_experiment(replace(experiment, name=name, scene=scene), paths[-1])
    return paths


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """One room and one road with known depth, as the evaluate command takes them."""
    frames = []
    for kind in ('indoor', 'driving'):
        rng = np.random.default_rng(0)
        cv2.imwrite(
            str(tmp_path / f'{kind}.png'), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        )
        depth = rng.integers(1000, 5000, (HEIGHT, WIDTH)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f'{kind}_depth.png'), depth)
        frames.append({
            'id': kind, 'rgb': f'{kind}.png', 'depth': f'{kind}_depth.png', 'depth_scale': 1e-3,
            'fx': 100.0, 'kind': kind, 'scene': kind,
        })  # fmt: skip
    (tmp_path / 'real.json').write_text(json.dumps({'frames': frames}))
    return tmp_path / 'real.json'


def test_a_timed_run_leaves_models_scores_and_cards_and_goes_on(
    renderer, configs, real, tmp_path, capsys, clock
):
    out = tmp_path / 'out'
    command = ['timed', *map(str, configs), '--minutes', str(MINUTES), '--out', str(out)]
    command += ['--real', str(real)]
    assert main(command) == 0
    models = [out / f'{name}.safetensors' for name in 'ab']
    assert capsys.readouterr().out.split() == [str(model) for model in models]
    for model, scene, kind in zip(models, ('indoor', 'outdoor'), ('indoor', 'street')):
        metadata = read_metadata(model)
        assert (metadata.name, metadata.scene) == (model.stem, scene)
        results = json.loads(model.with_suffix('.json').read_text())
        assert results['model_sha256'] == metadata.sha256
        assert metadata.scores['indoor']['median'].keys() >= {'abs_rel'}
        assert 'row' in results['summary']['driving']['median']
        sheet = cv2.imread(str(model.with_suffix('.png')))
        assert sheet is not None
        assert sheet.shape[0] == 2 * 144  # one row an image
        assert model.with_suffix('.md').read_text().startswith(f'# {model.stem}')
        assert metadata.provenance['seen']['depth'] > 0
        assert metadata.provenance['scenes'] == {kind: [[0, 7]]}
    # Frames are larger than the network's input, and each set gets its share of the time.
    for (folder, recipe, first, seconds), kind in zip(renderer.calls, ('indoor', 'street')):
        assert folder == out / 'data' / '144x192' / kind
        assert recipe == Recipe(kind, 144, 192)
        assert first == 0
        assert seconds == pytest.approx(60 * MINUTES * module._RENDERING / 2)

    before = [load_trunk(trunk_file(model)) for model in models]
    assert main(command) == 0
    assert renderer.firsts('indoor') == renderer.firsts('street') == [0, 8]
    for model, kind, trunk in zip(models, ('indoor', 'street'), before):
        provenance = read_metadata(model).provenance
        assert provenance['seen']['depth'] > trunk['facts']['seen']['depth']
        assert provenance['scenes'] == {kind: [[0, 15]]}
        again = load_trunk(trunk_file(model))
        assert again['number'] == again['facts']['seen']['depth'] > trunk['number']


def test_an_interrupted_run_goes_on(renderer, configs, tmp_path, monkeypatch, clock):
    """In the second experiment: the first one's model is there, and its scenes are not redone."""
    run = TrainingStep.run

    def cut(self: TrainingStep, rate: float) -> None:
        if (
            self.number == 3
            and renderer.firsts('street') == [0]
            and (out / 'a.safetensors').exists()
        ):
            raise KeyboardInterrupt
        run(self, rate)

    out = tmp_path / 'out'
    monkeypatch.setattr(TrainingStep, 'run', cut)
    given = TimedRun(configs, out, CPU)
    with pytest.raises(KeyboardInterrupt):
        timed_run(given, MINUTES)
    trunk = load_trunk(trunk_file(out / 'a.safetensors'))
    assert not (out / 'b.safetensors').exists()
    monkeypatch.setattr(TrainingStep, 'run', run)
    assert timed_run(given, MINUTES) == [out / 'a.safetensors', out / 'b.safetensors']
    assert renderer.firsts('indoor') == renderer.firsts('street') == [0, 8]
    assert load_trunk(trunk_file(out / 'a.safetensors'))['number'] > trunk['number']


def fake_pieces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Relay, Extent]]:
    """Train nothing; return what would have been trained."""
    pieces: list[tuple[Relay, Extent]] = []

    def piece_work(
        relay: Relay, extent: Extent, frames: object, device: object, out: Path
    ) -> Work[Path]:
        yield
        pieces.append((relay, extent))
        return out / f'{relay.experiment.name}.safetensors'

    monkeypatch.setattr(side_by_side, 'piece_work', piece_work)
    return pieces


def test_experiments_of_one_size_and_kind_share_a_set(renderer, configs, tmp_path, monkeypatch):
    pieces = fake_pieces(monkeypatch)
    experiment = load_experiment(configs[0])
    experiment.name = 'c'
    experiment.data.mix = {'indoor': 0.5, 'street': 0.5}
    experiment.data.typical = {'street': [3.0, 20.0, 6.5]}  # the first user's limits count
    save_experiment(experiment, tmp_path / 'c.yaml')
    experiment.name, experiment.data.height = 'd', 192
    save_experiment(experiment, tmp_path / 'd.yaml')
    out = tmp_path / 'out'
    timed_run(TimedRun([*configs, tmp_path / 'c.yaml'], out, CPU), MINUTES)
    assert [recipe for _, recipe, *_ in renderer.calls] == [
        Recipe('indoor', 144, 192), Recipe('street', 144, 192),
    ]  # fmt: skip
    sets = {kind: str(out / 'data/144x192' / kind / MANIFEST) for kind in ('indoor', 'street')}
    assert [relay.experiment.data.manifests for relay, _ in pieces] == [
        [sets['indoor']], [sets['street']], [sets['indoor'], sets['street']],
    ]  # fmt: skip
    assert [relay.scenes for relay, _ in pieces] == [
        {'indoor': [[0, 7]]}, {'street': [[0, 7]]}, {'indoor': [[0, 7]], 'street': [[0, 7]]},
    ]  # fmt: skip
    # Those of another size have their own, by their own limits, in the canonical camera's metres.
    renderer.calls.clear()
    monkeypatch.setattr(side_by_side, 'load_frames', lambda *_: None)
    timed_run(TimedRun([tmp_path / 'd.yaml'], out, CPU), MINUTES)
    limits = (3.0 * 1.28, 20.0 * 1.28, 6.5)
    assert [recipe for _, recipe, *_ in renderer.calls] == [
        Recipe('indoor', 288, 192), Recipe('street', 288, 192, typical=limits),
    ]  # fmt: skip


def test_a_set_begins_behind_the_scenes_of_all_its_users(renderer, configs, tmp_path, monkeypatch):
    pieces = fake_pieces(monkeypatch)
    relays = [Relay(load_experiment(configs[0])) for _ in range(2)]
    relays[0].scenes = {'indoor': [[0, 99]]}
    relays[1].experiment.name, relays[1].scenes = 'c', {'indoor': [[40, 499]]}
    monkeypatch.setattr(module, '_open_all', lambda run: relays)
    timed_run(TimedRun([], tmp_path / 'out', CPU), MINUTES)
    assert renderer.firsts('indoor') == [500]
    assert [relay.next_scene('indoor') for relay, _ in pieces] == [508, 508]
    assert pieces[0][0].scenes['indoor'] == [[0, 99], [500, 507]]


def test_experiments_share_what_is_left_of_the_time(renderer, configs, tmp_path, monkeypatch):
    """A twentieth of it is for evaluation; here nothing takes time."""
    now = 1000.0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

    for timed in (module, side_by_side):
        monkeypatch.setattr(timed, 'time', Clock)
    pieces = fake_pieces(monkeypatch)
    timed_run(TimedRun(configs, tmp_path / 'out', CPU), 10.0)
    assert [extent.end for _, extent in pieces] == pytest.approx([1000 + 285, 1000 + 570])
    assert all(extent.images == 0 for _, extent in pieces)


def test_another_batch_may_be_given_for_all(renderer, configs, tmp_path, monkeypatch):
    pieces = fake_pieces(monkeypatch)
    timed_run(TimedRun(configs, tmp_path / 'out', CPU, batch=7), MINUTES)
    assert [relay.experiment.data.batch for relay, _ in pieces] == [7, 7]


def test_a_run_goes_on_from_a_model_without_a_config(renderer, configs, tmp_path):
    first = TimedRun([configs[0]], tmp_path / 'out', CPU)
    (model,) = timed_run(first, MINUTES / 2)
    trunk = load_trunk(trunk_file(model))
    (again,) = timed_run(TimedRun([], tmp_path / 'other', CPU, start=model), MINUTES / 2)
    assert again == tmp_path / 'other/a.safetensors'
    assert renderer.firsts('indoor') == [0, 8]  # in another folder, but behind what was learnt from
    assert read_metadata(again).provenance['scenes'] == {'indoor': [[0, 15]]}
    assert load_trunk(trunk_file(again))['number'] > trunk['number']
    assert_same_state(load_trunk(trunk_file(model)), trunk)


def test_a_model_that_has_learnt_from_worlds_goes_on_without_them(
    renderer, configs, tmp_path, monkeypatch, caplog
):
    (model,) = timed_run(TimedRun([configs[0]], tmp_path / 'out', CPU), MINUTES / 2)
    network, metadata = load_model(model)
    experiment = metadata.provenance['experiment']
    experiment['data']['mix'] = {'indoor': 0.75, 'gazebo': 0.25}
    alone = tmp_path / 'alone.safetensors'  # without its trunk
    save_model(alone, network, metadata, torch.float16)
    pieces = fake_pieces(monkeypatch)
    timed_run(TimedRun([], tmp_path / 'other', CPU, start=alone), MINUTES / 2)
    assert pieces[0][0].experiment.data.mix == {'indoor': 0.75}
    assert (
        'has also learnt from gazebo, which is not here: goes on with indoor alone' in caplog.text
    )
    experiment['data']['mix'] = {'gazebo': 1.0}
    save_model(alone, network, metadata, torch.float16)
    with pytest.raises(ConfigError, match='names gazebo'):
        timed_run(TimedRun([], tmp_path / 'other', CPU, start=alone), 1)


def test_too_little_time_is_told_before_the_work(configs, tmp_path, monkeypatch, capsys):
    renderer = Renderer()
    monkeypatch.setattr(module, 'render_for', renderer.render)
    command = ['timed', str(configs[0]), '--minutes', '0.1', '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert '0.1 min are too few to render and train 1 experiments' in capsys.readouterr().err
    assert renderer.calls == []
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('count', range(1, 7))
def test_the_least_time_that_is_told_is_enough(configs, tmp_path, monkeypatch, count):
    monkeypatch.setattr(module, 'render_for', Renderer().render)
    pieces = fake_pieces(monkeypatch)
    experiment = load_experiment(configs[0])
    relays = [Relay(replace(experiment, name=f'{n}')) for n in range(count)]
    monkeypatch.setattr(module, '_open_all', lambda run: relays)
    given = TimedRun([], tmp_path / 'out', CPU)
    with pytest.raises(PaceError) as told:
        timed_run(given, 0.2)
    least = float(str(told.value).split('at least ')[1])
    timed_run(given, least)
    assert len(pieces) == count
    with pytest.raises(PaceError):
        timed_run(given, least - 0.11)


def test_what_cannot_be_rendered_or_told_apart_is_refused(renderer, configs, tmp_path):
    out = tmp_path / 'out'
    with pytest.raises(ConfigError, match='the same name'):
        timed_run(TimedRun([configs[0], configs[0]], out, CPU), 1)
    experiment = load_experiment(configs[0])
    experiment.data.mix = {'attic': 1.0}
    save_experiment(experiment, tmp_path / 'c.yaml')
    with pytest.raises(ConfigError, match='names attic; a timed run renders indoor and street'):
        timed_run(TimedRun([tmp_path / 'c.yaml'], out, CPU), 1)
    experiment.data.mix, experiment.stages = {}, [StageConfig('decoder', 4)]
    save_experiment(experiment, tmp_path / 'c.yaml')
    with pytest.raises(ExportError, match='of stage decoder'):
        timed_run(TimedRun([tmp_path / 'c.yaml'], out, CPU), 1)
    with pytest.raises(ConfigError, match='give an experiment, or a model'):
        timed_run(TimedRun([], out, CPU), 1)
    assert renderer.calls == []


def test_real_images_that_cannot_be_read_are_told_before_the_work(renderer, configs, tmp_path):
    command = ['timed', str(configs[0]), '--minutes', '1', '--out', str(tmp_path / 'out')]
    assert main([*command, '--real', str(tmp_path / 'none.json')]) == 2
    assert renderer.calls == []
