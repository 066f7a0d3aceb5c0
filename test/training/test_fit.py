from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from made_up_truth import write_evaluation_set
from torch import Tensor

from s2r_depth_ros.network.checkpoint import load_model, save_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.errors import ConfigError, DivergedError
from s2r_depth_training.runs.callbacks import real_keys
from s2r_depth_training.runs.checkpoint import load_checkpoint, metadata_of
from s2r_depth_training.runs.experiment import Experiment, save_experiment
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.depth import VALIDATED, DepthStage
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.table import make_stage


def state_of(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, map_location='cpu', weights_only=True)


class CutOffError(Exception):
    """Stands for a power failure."""


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(experiment, tmp_path, monkeypatch):
    """Bit for bit: weights, average, optimizer and schedule, from a cut between checkpoints."""
    experiment.stages = [StageConfig('joint', steps=6)]
    experiment.validation.every = 3
    fit(experiment, tmp_path / 'whole')

    step = Stage.training_step

    def cut(self: Stage, batch: Batch, batch_idx: int) -> Tensor:
        if self.global_step == 5:
            raise CutOffError
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Stage, 'training_step', cut)
    with pytest.raises(CutOffError):
        fit(experiment, tmp_path / 'cut')
    monkeypatch.setattr(Stage, 'training_step', step)
    torch.rand(7)  # a new process has another random state
    fit(experiment, tmp_path / 'cut')

    whole, resumed = (state_of(tmp_path / name / 'joint/last.ckpt') for name in ('whole', 'cut'))
    assert whole['global_step'] == resumed['global_step'] == 6
    for key, value in whole['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    moments = [s['optimizer_states'][0]['state'] for s in (whole, resumed)]
    for i, values in moments[0].items():
        assert all(torch.equal(v, moments[1][i][k]) for k, v in values.items())
    assert whole['lr_schedulers'] == resumed['lr_schedulers']
    states = [s['callbacks']['RandomStates']['torch'] for s in (whole, resumed)]
    assert torch.equal(*states)


def test_stages_follow_each_other_and_finished_ones_are_not_repeated(
    experiment, tmp_path, monkeypatch
):
    names = ['encoder', 'decoder', 'attention', 'joint']
    experiment.stages = [StageConfig(name, steps=1) for name in names]
    best = fit(experiment, tmp_path)
    assert best.parent.name == 'joint'
    states = [state_of(tmp_path / name / 'best.ckpt')['state_dict'] for name in names]
    part = 'average.struct_encoder.conv.conv.weight'
    # The encoder is frozen in the decoder and attention stages, then tuned.
    assert torch.equal(states[0][part], states[1][part])
    assert torch.equal(states[1][part], states[2][part])
    assert not torch.equal(states[2][part], states[3][part])
    part = 'average.struct_decoder.up1.bn1.running_mean'
    assert torch.equal(states[1][part], states[2][part])
    assert list((tmp_path / 'joint').glob('events.out.tfevents*'))

    monkeypatch.setattr(Stage, 'training_step', None)
    assert fit(experiment, tmp_path) == best


def test_what_may_be_monitored_is_what_is_logged(experiment, tmp_path):
    seen: set[str] = set()

    class Watcher(Callback):
        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            seen.update(trainer.callback_metrics)

    experiment.stages[0].steps = 2
    experiment.validation.real = str(write_evaluation_set(tmp_path))
    experiment.validation.monitor = 'real/driving/abs_rel'
    fit(experiment, tmp_path / 'run', [Watcher()])
    allowed = {*VALIDATED, 'train/loss', *real_keys(['indoor', 'driving'])}
    assert allowed == {key for key in seen if key.startswith(('val/', 'real/'))} | {'train/loss'}
    assert allowed <= seen


def test_a_folder_of_another_experiment_is_refused(experiment, tmp_path):
    save_experiment(experiment, tmp_path / 'experiment.yaml')
    with pytest.raises(ConfigError, match='another experiment'):
        fit(replace(experiment, seed=9), tmp_path)


def test_a_run_from_before_a_key_was_added_goes_on(experiment, tmp_path):
    experiment.stages = []
    saved = tmp_path / 'experiment.yaml'
    save_experiment(experiment, saved)
    assert 'fold_skips: false\n' in saved.read_text()
    saved.write_text(saved.read_text().replace('fold_skips: false\n', ''))
    with pytest.raises(ConfigError, match='has none'):
        fit(experiment, tmp_path)


def test_training_refuses_to_go_on_with_nan(experiment, tmp_path, monkeypatch):
    losses = DepthStage.losses

    def broken(self: DepthStage, batch: Batch) -> dict[str, Tensor]:
        terms = losses(self, batch)
        return {**terms, 'log': terms['log'] * float('nan')} if self.global_step == 1 else terms

    monkeypatch.setattr(DepthStage, 'losses', broken)
    with pytest.raises(DivergedError, match=r'step 1: the loss is nan .*log nan'):
        fit(experiment, tmp_path)


def test_a_warm_up_stage_learns_its_map_and_touches_nothing_else(experiment, tmp_path):
    experiment.optimizer.learning_rate = 2e-3
    experiment.stages = [StageConfig('structure', steps=1), StageConfig('nearness', steps=1)]
    fit(experiment, tmp_path)
    first, second = (
        state_of(tmp_path / name / 'best.ckpt')['state_dict'] for name in ('structure', 'nearness')
    )
    changed = {
        key.split('.')[1]
        for key, value in second.items()
        if key.startswith('average.') and not torch.equal(value, first[key])
    }
    assert changed == {'dsa'}


def test_a_run_starts_from_a_model_file(experiment, tmp_path, monkeypatch):
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    save_model(tmp_path / 'start.safetensors', network, metadata_of(experiment, 'start'))
    experiment.start = str(tmp_path / 'start.safetensors')
    experiment.stages = [StageConfig('nearness', steps=1)]
    best = fit(experiment, tmp_path / 'run')
    started = load_checkpoint(best)[0].state_dict()
    for key, value in network.state_dict().items():
        if not key.startswith('dsa.'):
            assert torch.allclose(started[key], value, rtol=2e-3, atol=1e-4), key

    experiment.width = 0.5
    with pytest.raises(ConfigError, match=r'width 0\.125, the experiment 0\.5; .* half of it'):
        fit(experiment, tmp_path / 'other')


@torch.no_grad()
def test_a_run_of_twice_the_width_starts_with_the_same_maps(experiment, tmp_path):
    network = S2RDepthNet(0.125).eval()
    initialise(network, 'kaiming')
    save_model(tmp_path / 'start.safetensors', network, metadata_of(experiment, 'start'))
    narrow, _ = load_model(tmp_path / 'start.safetensors')
    experiment.start, experiment.width = str(tmp_path / 'start.safetensors'), 0.25
    experiment.stages = [StageConfig('nearness', steps=1)]
    with torch.enable_grad():
        best = fit(experiment, tmp_path / 'run')
    wide = load_checkpoint(best)[0].eval()
    image = torch.rand(1, 3, 96, 96) * 2 - 1
    structure, same = (n.float().struct_decoder(n.struct_encoder(image)) for n in (wide, narrow))
    torch.testing.assert_close(structure, same, atol=1e-4, rtol=1e-4)


def test_two_processes_train_as_one_with_the_joint_batch(experiment, tmp_path):
    """By Lightning's ddp strategy over gloo, started as on a cluster.

    BatchNorm is frozen: its statistics over half a batch are other ones, and SyncBatchNorm, which
    mends that on GPUs, does not run on a CPU.
    """
    experiment.stages = [StageConfig('decoder', steps=3, freeze_batch_norm=True)]
    experiment.validation.every = 3
    experiment.data.batch = 4
    fit(experiment, tmp_path / 'one')
    experiment.data.batch, experiment.devices, experiment.strategy = 2, 2, 'ddp'
    save_experiment(experiment, tmp_path / 'two.yaml')
    options = ['fit', tmp_path / 'two.yaml', '--out', tmp_path / 'two']
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2']
    subprocess.run(
        [*launcher, '-m', 's2r_depth_training.cli', *map(str, options)],
        check=True,
        timeout=300,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    one, two = (state_of(tmp_path / name / 'decoder/last.ckpt') for name in ('one', 'two'))
    assert one['global_step'] == two['global_step'] == 3
    before = start_of(experiment)
    # A tensor by its whole way: where the gradients of a weight nearly cancel, the order in which
    # they are summed, another one for each number of threads, changes Adam's step.
    furthest = 0.0
    for key, value in one['state_dict'].items():
        if value.is_floating_point():
            way, difference = value - before[key], two['state_dict'][key] - value
            assert difference.norm() <= 0.01 * way.norm() + 1e-7, key
            furthest = max(furthest, way.abs().max().item())
    assert furthest > 1e-3


def start_of(experiment: Experiment) -> dict[str, Tensor]:
    """The state that the only stage of ``experiment`` starts from."""
    lightning.seed_everything(experiment.seed)
    network = S2RDepthNet(experiment.width)
    initialise(network, experiment.depth_init)
    return make_stage(experiment.settings(experiment.stages[0]), network).state_dict()
