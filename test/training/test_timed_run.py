from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up_shards import HEIGHT, WIDTH, make_shard
from torch import Tensor

from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.format import Manifest, ShardEntry, write_manifest
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.errors import ConfigError, PaceError
from s2r_depth_training.runs import fit as fit_module
from s2r_depth_training.runs import timed_run
from s2r_depth_training.runs.experiment import (
    Experiment,
    ValidationConfig,
    load_experiment,
    save_experiment,
)
from s2r_depth_training.runs.pace import Pace, fitted_to, measure_pace
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.config import StageConfig


@settings(max_examples=400, deadline=None)
@example(seconds=15.0, pace=Pace(0.0, {'decoder': 1.0, 'joint': 1.0}, 0.0))
@given(
    seconds=st.floats(1, 10_000),
    pace=st.builds(
        Pace,
        st.floats(0, 100),
        st.fixed_dictionaries({'decoder': st.floats(1e-3, 5), 'joint': st.floats(1e-3, 5)}),
        st.floats(0, 30),
    ),
)
def test_steps_fit_into_the_time_and_their_end_is_validated(seconds, pace):
    stages = [StageConfig('decoder', 3000), StageConfig('joint', 1000)]
    experiment = Experiment(stages=stages, validation=ValidationConfig(every=500))
    left, slowest = seconds * 0.95 - pace.once, max(pace.steps.values())
    try:
        fitted = fitted_to(experiment, seconds, pace)
    except PaceError:
        assert 0.75 * left < 2 * (pace.validation + slowest)
        return
    steps = {stage.name: stage.steps for stage in fitted.stages}
    every = fitted.validation.every
    replace(fitted)  # refuses steps that are no multiple of ``every``
    judged = sum(max(1, count // every) for count in steps.values())
    used = sum(pace.steps[name] * count for name, count in steps.items())
    assert used + judged * pace.validation <= left + slowest
    assert judged <= 11
    if sum(steps.values()) > 100:  # 3, rounded to whole validations
        assert 1.9 < steps['decoder'] / steps['joint'] < 5.1
    assert experiment.stages[0].steps == 3000


def test_ample_time_is_used():
    experiment = Experiment(stages=[StageConfig('joint', 1000)])
    fitted = fitted_to(experiment, 1000.0, Pace(10.0, {'joint': 0.1}, 2.0))
    # 950 s, less 10 s to start and 10 validations of 2 s.
    assert (fitted.stages[0].steps, fitted.validation.every) == (9200, 920)


def test_pace_is_measured_and_leaves_nothing(experiment, tmp_path):
    experiment.stages = [StageConfig('decoder', 100), StageConfig('joint', 50)]
    experiment.validation.every = 50
    pace = measure_pace(experiment, tmp_path / 'trial')
    assert set(pace.steps) == {'decoder', 'joint'}
    assert all(0.001 < step < 10 for step in pace.steps.values())
    assert 0.01 < pace.validation < 30
    assert not list(tmp_path.iterdir())
    assert experiment.stages[0].steps == 100


class Renderer:
    """Stands in for render_dataset: made-up frames, and a clock that says how long they took."""

    def __init__(self, seconds_a_scene: float) -> None:
        self.now, self._pace = 0.0, seconds_a_scene
        self.calls: list[tuple[str, int, int]] = []

    def monotonic(self) -> float:
        return self.now

    def render(
        self, folder: Path, recipe: Recipe, first: int, scenes: int, workers: int, per_shard: int
    ) -> Manifest:
        self.now += scenes * self._pace
        self.calls.append((folder.name, first, scenes))
        folder.mkdir(parents=True, exist_ok=True)
        shards = []
        for split, scene in (('train', 1), ('validation', 2)):
            make_shard(folder / f'{split}.npz', 2, [scene], scene)
            seeds = [first, first + scenes - 1]
            shards.append(ShardEntry(file=f'{split}.npz', split=split, frames=2, seeds=seeds))
        manifest = Manifest(kind=recipe.kind, shards=shards)
        write_manifest(folder, manifest)
        return manifest


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> Renderer:
    renderer = Renderer(0.05)
    monkeypatch.setattr(timed_run, 'render_dataset', renderer.render)
    return renderer


def test_rendering_fills_its_time(renderer, tmp_path, monkeypatch):
    monkeypatch.setattr(timed_run, 'time', renderer)
    monkeypatch.setattr(timed_run, '_cores', lambda: 4)
    for _ in range(2):  # the second time it goes on behind the last scene
        timed_run._render_set(tmp_path / 'indoor', Recipe('indoor', 96, 128), 100.0)
    assert 180 < renderer.now < 202
    ends = [first + scenes for _, first, scenes in renderer.calls]
    assert [first for _, first, _ in renderer.calls] == [0, *ends[:-1]]
    assert ends[-1] * 0.05 == pytest.approx(renderer.now)


@pytest.fixture
def configs(experiment: Experiment, tmp_path: Path) -> list[Path]:
    """Two of the smallest experiments, of rooms and of streets."""
    experiment.data.manifests = []
    paths = []
    for name, scene, kind in (('a', 'indoor', 'indoor'), ('b', 'outdoor', 'street')):
        experiment.data.mix = {kind: 1.0}
        paths.append(tmp_path / f'{name}.yaml')
        save_experiment(replace(experiment, name=name, scene=scene), paths[-1])
    return paths


class CutOffError(Exception):
    """Stands for the end of a lease."""


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
    renderer, configs, real, tmp_path, monkeypatch
):
    """Cut off in the first training; the second call finishes it as planned, and the rest."""
    monkeypatch.setattr(timed_run, 'fitted_to', lambda experiment, *_: fitted(experiment))
    out = tmp_path / 'out'
    command = ['timed', *map(str, configs), '--minutes', '0.2', '--out', str(out)]
    command += ['--real', str(real)]
    step = Stage.training_step

    def cut(self: Stage, batch: Batch, batch_idx: int) -> Tensor:
        # Not in the trial, which has more than four steps.
        if self.settings.stage.steps == 4 and self.global_step == 3:
            raise CutOffError
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Stage, 'training_step', cut)
    with pytest.raises(CutOffError):
        main(command)
    monkeypatch.setattr(Stage, 'training_step', step)
    assert {kind for kind, *_ in renderer.calls} == {'indoor', 'street'}
    renderer.calls.clear()
    assert not (out / 'a.safetensors').exists()

    assert main(command) == 0
    # Rooms are being learnt from and stay as they are; streets had time left.
    assert {kind for kind, *_ in renderer.calls} == {'street'}
    for name, scene, kind in (('a', 'indoor', 'indoor'), ('b', 'outdoor', 'street')):
        metadata = read_metadata(out / f'{name}.safetensors')
        assert (metadata.name, metadata.scene) == (name, scene)
        results = json.loads((out / f'{name}.json').read_text())
        assert results['model_sha256'] == metadata.sha256
        assert metadata.scores['indoor']['median'].keys() >= {'abs_rel'}
        assert 'row' in results['summary']['driving']['median']
        sheet = cv2.imread(str(out / f'{name}.png'))
        assert sheet is not None
        assert sheet.shape[0] == 2 * 144  # one row an image
        assert (out / f'{name}.md').read_text().startswith(f'# {name}')
        trained = load_experiment(out / 'runs' / name / fit_module.CONFIG)
        assert trained.data.manifests == [str(out / 'data' / '96x128' / kind / 'manifest.json')]
    assert not list(out.glob('*.trial'))

    monkeypatch.setattr(Stage, 'training_step', None)  # finished runs are not trained again
    assert main(command) == 0


def fitted(experiment: Experiment) -> Experiment:
    return replace(experiment, stages=[StageConfig('joint', 4)])


def test_where_there_is_a_gpu_most_cores_go_on_rendering(configs, tmp_path, monkeypatch):
    monkeypatch.setattr(timed_run, '_cores', lambda: 16)
    data = timed_run._experiment(configs[0], tmp_path / 'out').data
    assert (data.renderers, data.workers) == (0, 0)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    data = timed_run._experiment(configs[0], tmp_path / 'out').data
    assert (data.renderers, data.workers) == (12, 3)


def test_too_little_time_is_told(renderer, configs, tmp_path, capsys):
    command = ['timed', str(configs[0]), '--minutes', '0.01', '--out', str(tmp_path / 'out')]
    assert main(command) == 2
    assert 'too few to train' in capsys.readouterr().err


def test_what_cannot_be_rendered_or_told_apart_is_refused(configs, tmp_path):
    with pytest.raises(ConfigError, match='one name'):
        timed_run.timed_run([configs[0], configs[0]], 1, tmp_path / 'out', None)
    experiment = load_experiment(configs[0])
    experiment.data.mix = {'attic': 1.0}
    save_experiment(experiment, tmp_path / 'c.yaml')
    with pytest.raises(ConfigError, match='names attic; a timed run renders indoor and street'):
        timed_run.timed_run([tmp_path / 'c.yaml'], 1, tmp_path / 'out', None)
