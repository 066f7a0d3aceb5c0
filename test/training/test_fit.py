from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import lightning
import pytest
import torch

from s2r_depth_ros.network.checkpoint import load_model, save_model
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.data import Batch
from s2r_depth_training.runs.experiment import (
    STAGE_NAMES,
    ConfigError,
    StageConfig,
    save_experiment,
)
from s2r_depth_training.runs.export import load_checkpoint, metadata_of
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.stages import (
    DivergedError,
    Stage,
    make_stage,
    rate_factor,
    update_average,
)


def state_of(checkpoint):
    return torch.load(checkpoint, map_location='cpu', weights_only=True)


class CutOffError(Exception):
    """Stands for a power failure."""


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(experiment, tmp_path, monkeypatch):
    """Bit for bit: weights, average, optimizer and schedule, from a cut between checkpoints."""
    experiment.stages = [StageConfig('joint', steps=6)]
    experiment.validation.every = 3
    fit(experiment, tmp_path / 'whole')

    step = Stage.training_step

    def cut(self, batch, batch_idx):
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


def test_a_folder_of_another_experiment_is_refused(experiment, tmp_path):
    experiment.stages = []
    with pytest.raises(ConfigError, match='has none'):
        fit(experiment, tmp_path)
    with pytest.raises(ConfigError, match='another experiment'):
        fit(replace(experiment, seed=9), tmp_path)


def test_a_run_from_before_a_key_was_added_goes_on(experiment, tmp_path):
    experiment.stages = []
    with pytest.raises(ConfigError, match='has none'):
        fit(experiment, tmp_path)
    saved = tmp_path / 'experiment.yaml'
    assert 'fold_skips: false\n' in saved.read_text()
    saved.write_text(saved.read_text().replace('fold_skips: false\n', ''))
    with pytest.raises(ConfigError, match='has none'):
        fit(experiment, tmp_path)


def test_training_refuses_to_go_on_with_nan(experiment, tmp_path, monkeypatch):
    losses = Stage.__subclasses__()[0].losses

    def broken(self, batch):
        terms = losses(self, batch)
        return {**terms, 'log': terms['log'] * float('nan')} if self.global_step == 1 else terms

    monkeypatch.setattr(Stage.__subclasses__()[0], 'losses', broken)
    with pytest.raises(DivergedError, match=r'step 1: the loss is nan .*log nan'):
        fit(experiment, tmp_path)


def test_infinite_gradients_are_refused_too(experiment):
    stage = make_stage(experiment, StageConfig('joint'), S2RDepthNet(0.125))
    stage.log = lambda *args: None
    optimizer = torch.optim.SGD(stage.network.dsa.parameters(), 0.1)
    for parameter in stage.network.dsa.parameters():
        parameter.grad = torch.zeros_like(parameter)
    stage.configure_gradient_clipping(optimizer)
    parameter.grad.fill_(float('inf'))
    with pytest.raises(DivergedError, match='norm of the gradients is'):
        stage.configure_gradient_clipping(optimizer)


TRAINED = {
    'encoder': ['struct_encoder'],
    'structure': ['struct_encoder', 'struct_decoder'],
    'nearness': ['dsa'],
    'decoder': ['struct_decoder', 'depth_net'],
    'depth': ['depth_net'],
    'ste': ['struct_encoder', 'struct_decoder', 'depth_net'],
    'attention': ['dsa', 'depth_net'],
    'joint': list(SUB_NETWORKS),
}


@pytest.mark.parametrize('name', STAGE_NAMES)
def test_frozen_parts_stay_frozen_and_in_evaluation(experiment, name):
    stage = make_stage(experiment, StageConfig(name), S2RDepthNet(0.125))
    stage.train()
    trained = TRAINED
    for part in SUB_NETWORKS:
        network = getattr(stage.network, part)
        assert network.training == (part in trained[name])
        assert all(p.requires_grad == (part in trained[name]) for p in network.parameters())
    assert not stage.average.training


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


@pytest.mark.parametrize('name', ['structure', 'nearness'])
def test_a_warm_up_stage_learns(experiment, name):
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    stage = make_stage(experiment, StageConfig(name), network)
    ramp = torch.linspace(-1, 1, 128).expand(2, 1, 96, 128)
    image = torch.cat([ramp, ramp, torch.rand(2, 1, 96, 128) * 0.1], 1)
    weight = torch.ones(2, 1, 96, 128)
    batch = Batch(image, image, ramp * 2 + 3, weight, torch.arange(2))
    optimizer = torch.optim.Adam([p for p in stage.parameters() if p.requires_grad], 2e-3)
    values = []
    for _ in range(12):
        loss = stage.losses(batch)[name]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert min(values[-3:]) < 0.8 * values[0]


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


def test_batch_norm_can_be_frozen(experiment):
    stage = make_stage(experiment, StageConfig('joint', freeze_batch_norm=True), S2RDepthNet(0.125))
    stage.train()
    norms = [m for m in stage.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    assert stage.network.depth_net.training


def test_decoder_stage_starts_depth_prediction_as_the_authors_do(experiment):
    experiment.depth_init = 'normal'
    network = S2RDepthNet(0.125)
    make_stage(experiment, StageConfig('attention'), network)
    weight = network.depth_net.conv4.model[0].weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert network.depth_net.center[0].norm1.weight.mean().item() == pytest.approx(1, abs=0.01)


def test_output_heads_stay_in_full_precision(experiment):
    stage = make_stage(experiment, StageConfig('joint'), S2RDepthNet(0.125))
    with torch.autocast('cpu', torch.bfloat16):
        output = stage.network(torch.rand(1, 3, 96, 128))
    assert all(depth.dtype == torch.float32 for depth in output.depths)
    assert output.structure.dtype == torch.bfloat16


def test_average_moves_by_one_minus_decay():
    average, network = torch.nn.BatchNorm2d(2), torch.nn.BatchNorm2d(2)
    torch.nn.init.constant_(network.weight, 3.0)
    network.running_mean.fill_(10.0)
    update_average(average, network, 0.9)
    assert average.weight.tolist() == pytest.approx([1.2, 1.2])
    assert average.running_mean.tolist() == pytest.approx([1.0, 1.0])


def test_learning_rate_follows_its_schedule(experiment):
    config = experiment.optimizer
    config.warm_up = 9
    assert rate_factor(0, 100, config) == pytest.approx(0.1)
    assert rate_factor(50, 100, config) == pytest.approx(0.5)
    assert rate_factor(100, 100, config) == pytest.approx(0.01)
    config.schedule, config.step_every, config.gamma = 'step', 10, 0.5
    assert rate_factor(25, 100, config) == pytest.approx(0.25)


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
    moved = 0.0
    for key, value in one['state_dict'].items():
        if value.is_floating_point():
            torch.testing.assert_close(
                two['state_dict'][key],
                value,
                rtol=1e-4,
                atol=2e-5,
                msg=lambda m, k=key: f'{k}: {m}',
            )
            moved = max(moved, (value - before[key]).abs().max().item())
    assert moved > 1e-3  # far more than the tolerance


def start_of(experiment):
    """The state that the only stage of ``experiment`` starts from."""
    lightning.seed_everything(experiment.seed)
    network = S2RDepthNet(experiment.width)
    initialise(network, experiment.depth_init)
    return make_stage(experiment, experiment.stages[0], network).state_dict()
