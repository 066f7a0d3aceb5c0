from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from training_states import assert_same_state

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.device_frames import load_device_frames
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DivergedError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.feed import training_samples
from s2r_depth_training.runs.open_step import load_frames, open_step
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import load_trunk, save_trunk
from s2r_depth_training.stages.base import averaged_tensors, update_average
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.table import make_stage

CPU = torch.device('cpu')
RATE = 1e-3


def fresh_network() -> S2RDepthNet:
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    return network


def opened(
    experiment: Experiment, frames: Any, stage: str = 'joint', number: int = 0
) -> TrainingStep:
    return open_step(experiment, StageConfig(stage), fresh_network(), frames, CPU, number)


def take(step: TrainingStep, count: int, rate: float = RATE) -> dict[str, Any]:
    for _ in range(count):
        step.run(rate)
    return step.state()


@pytest.mark.parametrize('stage', ['joint', 'encoder'])
def test_two_pieces_equal_one_run(experiment, store, tmp_path, stage):
    """Bit for bit, with a file in between."""
    experiment.data.mix = {'indoor': 1.0}
    whole = take(opened(experiment, store, stage), 4)
    save_trunk(take(opened(experiment, store, stage), 2), tmp_path / 'a.pt', {})
    torch.rand(7)  # a new process has another random state
    saved = load_trunk(tmp_path / 'a.pt')
    step = opened(experiment, store, stage, saved['number'])
    step.restore(saved)
    assert step.number == 2
    assert_same_state(take(step, 2), whole)


def test_two_pieces_learn_from_other_samples_than_one_twice(experiment, store):
    """Or the test above would hold for a step that sees the same batch for ever."""
    step = opened(experiment, store)
    first, second = (step._draw(number) for number in (0, 1))
    assert not torch.equal(first.depth, second.depth)
    assert torch.equal(first.depth, step._draw(0).depth)
    assert torch.cat([first.number, second.number]).tolist() == [0, 1, 2, 3]


def test_a_step_is_adams_with_clipped_gradients(experiment, store):
    """The same as by torch's own, plain means: drawing, backward, clipping, AdamW, averaging."""
    experiment.optimizer.clip = 0.5
    experiment.optimizer.weight_decay = 0.1
    experiment.ema = 0.5
    step = opened(experiment, store)
    take(step, 3)
    terms = step.terms()

    stage = make_stage(experiment.settings(StageConfig('joint')), fresh_network())
    optimizer = torch.optim.AdamW(stage.network.parameters(), RATE, weight_decay=0.1)
    samples = training_samples(experiment, 'joint', store)
    losses, norms = [], []
    for number in range(3):
        pair = [samples[2 * number], samples[2 * number + 1]]
        batch = Batch(*(torch.stack(field) for field in zip(*pair)))
        loss = torch.stack(tuple(stage.losses(batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(stage.network.parameters(), 0.5).item())
        optimizer.step()
        update_average(stage.average, stage.network, min(0.5, 1 - 1 / ((number + 1) / 4 + 2)))
        losses.append(loss.item())
    assert min(norms) > 0.5  # clipping does something
    assert terms['loss'] == pytest.approx(sum(losses) / 3, rel=1e-4)
    assert terms['gradient_norm'] == pytest.approx(sum(norms) / 3, rel=1e-2)
    assert terms['loss'] == pytest.approx(
        sum(v for k, v in terms.items() if k not in ('loss', 'gradient_norm')), rel=1e-5
    )
    # Adam's first steps have the size of the rate whatever the gradient, so rounding shows; biases
    # before a norm have nothing but rounding.
    for key, value in stage.state_dict().items():
        if value.ndim == 4:
            assert (step.stage.state_dict()[key] - value).abs().mean() < 0.1 * RATE, key


def test_the_average_moves_as_update_average_does(experiment, store):
    experiment.ema = 0.6  # reached with the second step
    step = opened(experiment, store)
    for number in range(3):
        expected = copy.deepcopy(step.stage.average)
        before = averaged_tensors(copy.deepcopy(expected))
        step.run(1e-2)
        decay = min(0.6, 1 - 1 / ((number + 1) / 4 + 2))
        update_average(expected, step.stage.network, decay)
        for key, value in expected.state_dict().items():
            if value.is_floating_point():
                torch.testing.assert_close(
                    step.stage.average.state_dict()[key], value, rtol=1e-5, atol=1e-7
                )
        assert any(
            not torch.equal(old, new)
            for old, new in zip(before, averaged_tensors(step.stage.average))
        )


def test_one_activation_of_many_names_is_averaged_once(experiment, store):
    step = opened(experiment, store)
    network, average = step.stage.network, step.stage.average
    slopes = [m for m in network.depth_net.modules() if isinstance(m, nn.PReLU)]
    names = [
        key for key, value in network.state_dict().items()
        if value.data_ptr() == slopes[0].weight.data_ptr()
    ]  # fmt: skip
    assert len(names) == 18
    floats = [v for v in network.state_dict().values() if v.is_floating_point()]
    assert len(averaged_tensors(network)) == len(floats) - 17
    with torch.no_grad():
        slopes[0].weight.fill_(3.0)
        average.state_dict()[names[0]].fill_(1.0)
    step._share.fill_(0.25)
    step._move_average()
    assert average.state_dict()[names[5]].tolist() == [1.5]
    update_average(average, network, 0.5)
    assert average.state_dict()[names[5]].tolist() == [2.25]


def test_frozen_parts_stay_as_they_are(experiment, store):
    step = opened(experiment, store, 'attention')
    before = {k: v.clone() for k, v in step.stage.network.state_dict().items()}
    take(step, 1)
    for key, value in step.stage.network.state_dict().items():
        if key.startswith('struct_'):
            assert torch.equal(value, before[key]), key
    assert not torch.equal(
        before['dsa.D.conv.weight'], step.stage.network.state_dict()['dsa.D.conv.weight']
    )


def test_terms_are_means_since_the_last_look(experiment, store):
    step = opened(experiment, store)
    take(step, 2)
    both = step.terms()
    again = opened(experiment, store)
    singles = []
    for _ in range(2):
        take(again, 1)
        singles.append(again.terms())
    for name in both:
        assert both[name] == pytest.approx((singles[0][name] + singles[1][name]) / 2, rel=1e-5)
    assert set(again.terms().values()) == {0.0}


def test_a_diverging_rate_is_told(experiment, store):
    step = opened(experiment, store)
    take(step, 4, 1e30)
    with pytest.raises(DivergedError, match=r'stage joint, step 4: .*lower the learning rate'):
        step.terms()


def test_one_absurd_gradient_ends_no_run(experiment, store, monkeypatch):
    """Its step is left out, however large it is; many are a divergence."""
    experiment.data.batch = 1
    step = opened(experiment, store, 'depth')
    losses, absurd = step.stage.losses, {4}
    weight = step.stage.network.depth_net.state_dict(keep_vars=True)['conv2.model.0.weight']

    def sometimes_absurd(batch: Batch) -> dict[str, torch.Tensor]:
        terms = losses(batch)
        steep = weight.sum() * 1e30
        return {**terms, 'steep': steep - steep.detach()} if step.number in absurd else terms

    monkeypatch.setattr(step.stage, 'losses', sometimes_absurd)
    take(step, 12)
    assert step.terms()['loss'] < 100
    absurd.update(range(12, 18))
    take(step, 12)
    with pytest.raises(DivergedError, match='lower the learning rate'):
        step.terms()


def test_going_back_to_before_the_first_step_forgets_the_moments(experiment, store):
    step = opened(experiment, store)
    start = step.state()
    assert not start['optimizer']
    first = take(step, 2)
    step.restore(start)
    assert step.number == 0
    assert_same_state(take(step, 2), first)


def test_a_state_is_a_copy(experiment, store):
    step = opened(experiment, store)
    state = take(step, 1)
    kept = copy.deepcopy(state)
    take(step, 1)
    assert_same_state(state, kept)


# ---- from frames in the device's memory


def test_on_a_cpu_samples_come_from_the_store(experiment):
    frames = load_frames(experiment, CPU)
    assert isinstance(frames, FrameStore)
    assert frames.count('indoor') == 6


def test_frames_on_the_device_are_drawn_by_seed_stage_and_number(experiment, manifests):
    experiment.data.mix = {'indoor': 1.0}
    frames = load_device_frames(manifests, DataConfig(mix={'indoor': 1.0}), CPU)

    def first(seed: int, stage: str, number: int) -> Batch:
        return opened(replace(experiment, seed=seed), frames, stage, number)._draw(number)

    same = [first(0, 'joint', 0), first(0, 'joint', 0)]
    assert torch.equal(same[0].image, same[1].image)
    assert torch.equal(same[0].image, same[0].paired)
    assert not torch.equal(same[0].depth, first(0, 'joint', 5).depth)
    # A CPU's generator heeds 32 bits of a seed only, a CUDA device's all.
    cases = [(0, 'joint', 0), (0, 'joint', 5), (1, 'joint', 0), (0, 'depth', 0), (16, 'joint', 0)]
    generators = [
        opened(replace(experiment, seed=seed), frames, stage, number)._generator
        for seed, stage, number in cases
    ]
    assert len({g.initial_seed() for g in generators if g is not None}) == len(cases)
    pair = first(0, 'encoder', 0)
    assert not torch.equal(pair.image, pair.paired)
    step = opened(experiment, frames)
    take(step, 2)
    assert 0 < step.terms()['loss'] < 100
