from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from s2r_depth_ros.network.contrast import normalised_contrast
from s2r_depth_ros.network.depth import SKIP_WEIGHTS
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, S2RDepthNet
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.errors import DivergedError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages import depth
from s2r_depth_training.stages.base import (
    ABSURD_NORM,
    clip_gradients,
    rate_factor,
    update_average,
)
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.table import STAGES, make_stage


@pytest.fixture
def network() -> S2RDepthNet:
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    return network


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 96, 128, generator=generator) * 2 - 1
    depth = 2 + 3 * torch.rand(2, 1, 96, 128, generator=generator).cumsum(-1)
    return Batch(image, image, depth, torch.ones_like(depth), torch.arange(2))


def depth_stage(
    experiment: Experiment, name: str, network: S2RDepthNet | None = None
) -> DepthStage:
    """Return a stage that trains DP, on a new network of the smallest width if none is given."""
    settings = experiment.settings(StageConfig(name))
    stage = make_stage(settings, S2RDepthNet(0.125) if network is None else network)
    assert isinstance(stage, DepthStage)
    return stage


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(tuple(terms.values())).sum()


def test_merged_twins_learn_as_separate_ones(network, batch):
    """In double precision: the same maps, gradients and BatchNorm statistics."""
    network = network.double().train()
    merged = copy.deepcopy(network)
    merged.merge_twins()
    maps = [n(batch.image.double()) for n in (network, merged)]
    for result, reference in zip(maps[1].depths, maps[0].depths):
        torch.testing.assert_close(result, reference)
    for output in maps:
        output.depths[-1].square().mean().backward()
    parameters = dict(merged.named_parameters())
    assert any(key.endswith('.conv2.weight') for key in parameters)
    for key, parameter in network.named_parameters():
        if parameter.grad is not None:
            assert parameter.grad.any(), key
            torch.testing.assert_close(parameters[key].grad, parameter.grad, msg=key)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(merged.state_dict()[key], value, msg=key)


def test_attention_learns_nearness_when_it_is_told_to(experiment, network, batch):
    experiment.loss = replace(experiment.loss, attention=0.3)
    stage = depth_stage(experiment, 'joint', network)
    optimizer = torch.optim.Adam(stage.network.dsa.parameters(), 3e-3)
    errors = []
    for _ in range(12):
        errors.append(stage.losses(batch)['attention'])
        optimizer.zero_grad()
        errors[-1].backward()
        optimizer.step()
    assert errors[-1] < 0.7 * errors[0]
    decoder = depth_stage(experiment, 'decoder')
    assert 'attention' not in decoder.losses(batch)


def test_folded_skips_change_the_pace_but_not_the_start(experiment, network, batch):
    """The same depth at the first step; from there the skip channels move on their own scale."""
    plain, folded = (
        depth_stage(replace(experiment, fold_skips=fold), 'joint', copy.deepcopy(network))
        for fold in (False, True)
    )
    assert plain.network.depth_net.skip_weights == SKIP_WEIGHTS
    for one in (folded.network, folded.average):
        assert one.depth_net.skip_weights == (1.0, 1.0, 1.0)
    for key, value in plain.losses(batch).items():
        torch.testing.assert_close(folded.losses(batch)[key], value, atol=1e-4, rtol=1e-4)
    gradients = []
    for stage in (plain, folded):
        total(stage.losses(batch)).backward()
        conv = stage.network.depth_net.get_submodule('output2.model.1')
        assert isinstance(conv, torch.nn.Conv2d)
        assert conv.weight.grad is not None
        count = conv.in_channels // 2
        gradients.append(conv.weight.grad[:, count : 2 * count].norm())
    assert gradients[1] / gradients[0] == pytest.approx(1 / SKIP_WEIGHTS[2], rel=0.01)


def test_frozen_parts_may_run_in_bfloat16_in_training_only(experiment, network, batch, monkeypatch):
    monkeypatch.setattr(depth, '_has_bf16', lambda _: True)
    plain, low = (
        depth_stage(replace(experiment, frozen_bf16=frozen), 'depth', copy.deepcopy(network))
        for frozen in (False, True)
    )
    exact, rough = (stage.predict(stage.network, batch.image) for stage in (plain, low))
    for name in ('structure', 'attention'):
        difference = (getattr(rough, name) - getattr(exact, name)).abs().max()
        assert 0 < difference < 0.05, name
    # DP, which learns, stays in full precision.
    assert rough.depths[-1].dtype == torch.float32
    again = low.network.depth_net(rough.structure * rough.attention)
    torch.testing.assert_close(rough.depths[-1], again[-1])
    low.eval()
    plain.eval()
    judged = (stage.predict(stage.average, batch.image).depths[-1] for stage in (plain, low))
    assert torch.equal(*judged)


def test_a_cpu_that_only_emulates_bfloat16_is_spared_it(experiment, network, batch, monkeypatch):
    monkeypatch.setattr(depth, 'cpu_has_bf16', lambda: False)
    monkeypatch.setattr(depth, '_has_bf16', depth._has_bf16.__wrapped__)  # not what is cached
    plain, low = (
        depth_stage(replace(experiment, frozen_bf16=frozen), 'depth', copy.deepcopy(network))
        for frozen in (False, True)
    )
    exact, same = (stage.predict(stage.network, batch.image).structure for stage in (plain, low))
    assert torch.equal(exact, same)


def test_stage_ste_trains_the_encoder_and_leaves_attention_out(experiment, network, batch):
    stage = depth_stage(experiment, 'ste', network)
    total(stage.losses(batch)).backward()
    for name in ('struct_encoder', 'struct_decoder', 'depth_net'):
        assert any(p.grad.any() for p in getattr(stage.network, name).parameters()), name
    assert all(p.grad is None for p in stage.network.dsa.parameters())
    assert (stage.predict(stage.network, batch.image).attention == 1).all()


@pytest.mark.parametrize(('name', 'attends'), [('formula', False), ('formula_attention', True)])
def test_formula_stages_see_normalised_contrast_and_leave_ste_alone(
    experiment, network, batch, monkeypatch, name, attends
):
    stage = depth_stage(experiment, name, network)

    def unexpected(*arguments: object) -> None:
        raise AssertionError('the stage ran STE')

    for part in (network.struct_encoder, network.struct_decoder):
        monkeypatch.setattr(part, 'forward', unexpected)
    output = stage.predict(stage.network, batch.image)
    assert torch.equal(output.structure, normalised_contrast(batch.image))
    assert (output.attention == 1).all() != attends
    seen = stage.network.depth_net(output.structure * output.attention)
    torch.testing.assert_close(output.depths[-1], seen[-1])
    terms = stage.losses(batch)
    assert 'structure' not in terms  # there is nothing to make sparse
    total(terms).backward()
    assert all(
        p.grad is None
        for part in (network.struct_encoder, network.struct_decoder)
        for p in part.parameters()
    )
    learns = {n for n in ('dsa', 'depth_net') if any(
        p.grad is not None and p.grad.any() for p in getattr(network, n).parameters()
    )}  # fmt: skip
    assert learns == ({'dsa', 'depth_net'} if attends else {'depth_net'})
    again = depth_stage(experiment, name, copy.deepcopy(network))
    assert not torch.equal(
        again.network.state_dict()['depth_net.conv2.model.0.weight'],
        network.state_dict()['depth_net.conv2.model.0.weight'],
    )  # DP starts afresh


def test_what_learnt_without_attention_goes_on_with_a_map_of_1(
    experiment, network, batch, monkeypatch
):
    """Stage depth behind it runs no DSA, which would give just that; joint does, to train it."""
    learnt = depth_stage(experiment, 'formula', network).network
    with torch.no_grad():
        assert torch.equal(learnt(batch.image).attention, torch.ones(2, 1, 96, 128))
    calls = []

    def attention(image: Tensor) -> Tensor:
        calls.append(1)
        return image[:, :1]

    monkeypatch.setattr(learnt.dsa, 'forward', attention)
    output = depth_stage(experiment, 'depth', learnt).predict(learnt, batch.image)
    assert torch.equal(output.attention, torch.ones(2, 1, 96, 128))
    assert not calls
    depth_stage(experiment, 'joint', learnt).predict(learnt, batch.image)
    assert calls


def test_weights_that_are_loaded_decide_whether_attention_is_computed(experiment, network):
    attends = depth_stage(experiment, 'depth', copy.deepcopy(network))
    constant = depth_stage(experiment, 'depth', depth_stage(experiment, 'formula', network).network)
    assert (attends._attends, constant._attends) == (True, False)
    state = {k: v.clone() for k, v in attends.state_dict().items()}
    attends.load_state_dict(constant.state_dict())
    constant.load_state_dict(state)
    assert (attends._attends, constant._attends) == (False, True)


def test_formula_stages_see_the_same_whatever_the_light(experiment, network, batch):
    stage = depth_stage(experiment, 'formula', network).eval()
    with torch.no_grad():
        bright, dim = (
            stage.predict(network, batch.image * factor).depths[-1] for factor in (1.0, 0.8)
        )
    assert (bright - dim).abs().mean() < 0.1 * bright.std()


@pytest.mark.parametrize('name', list(STAGES))
def test_equal_codes_are_asked_for_where_encoder_and_dp_learn(experiment, name):
    experiment.loss.code = 0.0
    rule = STAGES[name]
    assert rule.sees_pairs(experiment.loss) == (name == 'encoder')
    experiment.loss.code = 0.5
    assert rule.sees_pairs(experiment.loss) == (name in ('encoder', 'ste', 'joint'))
    assert rule.sees_pairs(experiment.loss) == (
        rule.pairs or {'struct_encoder', 'depth_net'} <= set(TRAINED[name])
    )


@pytest.mark.parametrize('name', ['ste', 'joint'])
def test_the_term_of_equal_codes(experiment, network, batch, name):
    """0 for equal images, more for unequal ones; the other terms stay as they are."""
    plain = depth_stage(experiment, name, copy.deepcopy(network))
    experiment.loss = replace(experiment.loss, code=0.5)
    stage = depth_stage(experiment, name, copy.deepcopy(network))
    stage.network.load_state_dict(plain.network.state_dict())  # DP may have started afresh
    before, after = plain.losses(batch), stage.losses(batch)
    assert after.keys() - before.keys() == {'code'}
    assert after['code'].item() == pytest.approx(0, abs=1e-6)
    for key, value in before.items():
        torch.testing.assert_close(after[key], value, msg=key)
    unequal = stage.losses(batch._replace(paired=-batch.image))
    assert unequal['code'] > 0.05
    unequal['code'].backward()
    assert any(
        p.grad is not None and p.grad.any() for p in stage.network.struct_encoder.parameters()
    )
    assert all(p.grad is None for p in stage.network.depth_net.parameters())
    twice = replace(experiment.loss, code=1.0)
    other = depth_stage(replace(experiment, loss=twice), name, copy.deepcopy(network))
    doubled = other.losses(batch._replace(paired=-batch.image))['code']
    torch.testing.assert_close(doubled, 2 * unequal['code'])


def test_dsa_alone_is_not_laid_out_channels_last(experiment, network, batch):
    """Its gradient would crash on a CPU, which is why images come as they are, too."""
    stage = depth_stage(experiment, 'joint', network)
    laid_out = {
        name: getattr(stage.network, name)
        .state_dict()[key]
        .is_contiguous(memory_format=torch.channels_last)
        for name, key in (
            ('struct_encoder', 'conv1.conv.weight'),
            ('struct_decoder', 'up1.conv1.weight'),
            ('dsa', 'E.base.3.0.conv1.weight'),
            ('depth_net', 'conv2.model.0.weight'),
        )
    }
    expected = dict.fromkeys(laid_out, True) | {'dsa': False}
    assert laid_out == expected
    total(stage.losses(batch)).backward()


def test_infinite_gradients_are_refused_too(experiment, monkeypatch):
    stage = depth_stage(experiment, 'joint')
    monkeypatch.setattr(stage, 'log', lambda *args: None)
    optimizer = torch.optim.SGD(stage.network.dsa.parameters(), 0.1)
    for parameter in stage.network.dsa.parameters():
        parameter.grad = torch.zeros_like(parameter)
    stage.configure_gradient_clipping(optimizer)
    assert parameter.grad is not None
    for _ in range(10):  # one by one they are left out, as an image of one colour may bring them
        parameter.grad.fill_(float('inf'))
        stage.configure_gradient_clipping(optimizer)
        assert not parameter.grad.any()
    parameter.grad.fill_(float('inf'))
    with pytest.raises(DivergedError, match='norm of the gradients is'):
        stage.configure_gradient_clipping(optimizer)
    parameter.grad.fill_(float('nan'))
    with pytest.raises(DivergedError, match='norm of the gradients is nan'):
        stage.configure_gradient_clipping(optimizer)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9), st.floats(0.01, 1e5))
def test_usual_gradients_are_clipped_as_torch_does(values, most):
    pairs = []
    for _ in range(2):
        parameters = [torch.zeros(len(values)), torch.zeros(2, 1), torch.zeros(3)]
        parameters[0].grad, parameters[1].grad = torch.tensor(values), torch.full((2, 1), 0.5)
        pairs.append(parameters)
    norm = clip_gradients(pairs[0], most)
    expected = torch.nn.utils.clip_grad_norm_(pairs[1], most)
    torch.testing.assert_close(norm, expected)
    for found, wanted in zip(*pairs):
        torch.testing.assert_close(found.grad, wanted.grad)


@pytest.mark.parametrize('worst', [2e6, -1e30, float('inf'), float('-inf')])
def test_absurd_gradients_become_none(worst):
    parameters = [torch.zeros(3), torch.zeros(2)]
    parameters[0].grad = torch.tensor([1.0, worst, 2.0])
    parameters[1].grad = torch.ones(2)
    norm = clip_gradients(parameters, 2.0)
    assert torch.isfinite(norm)
    assert norm > ABSURD_NORM
    assert not any(p.grad.any() for p in parameters if p.grad is not None)


def test_what_is_no_number_is_not_hidden():
    parameter = torch.zeros(2)
    parameter.grad = torch.tensor([1.0, float('nan')])
    assert clip_gradients([parameter], 2.0).isnan()
    assert parameter.grad.isnan().all()


TRAINED = {
    'encoder': ['struct_encoder'],
    'structure': ['struct_encoder', 'struct_decoder'],
    'nearness': ['dsa'],
    'decoder': ['struct_decoder', 'depth_net'],
    'depth': ['depth_net'],
    'ste': ['struct_encoder', 'struct_decoder', 'depth_net'],
    'attention': ['dsa', 'depth_net'],
    'joint': list(SUB_NETWORKS),
    'formula': ['depth_net'],
    'formula_attention': ['dsa', 'depth_net'],
}


@pytest.mark.parametrize('name', list(STAGES))
def test_frozen_parts_stay_frozen_and_in_evaluation(experiment, name):
    stage = make_stage(experiment.settings(StageConfig(name)), S2RDepthNet(0.125))
    stage.train()
    for part in SUB_NETWORKS:
        network = getattr(stage.network, part)
        assert network.training == (part in TRAINED[name])
        assert all(p.requires_grad == (part in TRAINED[name]) for p in network.parameters())
    assert not stage.average.training


@pytest.mark.parametrize('name', ['structure', 'nearness'])
def test_a_warm_up_stage_learns(experiment, name):
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    stage = make_stage(experiment.settings(StageConfig(name)), network)
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


def test_batch_norm_can_be_frozen(experiment):
    stage = make_stage(
        experiment.settings(StageConfig('joint', freeze_batch_norm=True)), S2RDepthNet(0.125)
    )
    stage.train()
    norms = [m for m in stage.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    assert stage.network.depth_net.training


def test_decoder_stage_starts_depth_prediction_as_the_authors_do(experiment):
    experiment.depth_init = 'normal'
    network = S2RDepthNet(0.125)
    depth_stage(experiment, 'attention', network)
    parameters = dict(network.depth_net.named_parameters())
    assert parameters['conv4.model.0.weight'].std().item() == pytest.approx(0.02, rel=0.05)
    assert parameters['center.0.norm1.weight'].mean().item() == pytest.approx(1, abs=0.01)


def test_output_heads_stay_in_full_precision(experiment):
    stage = depth_stage(experiment, 'joint')
    with torch.autocast('cpu', torch.bfloat16):
        output = stage.network(torch.rand(1, 3, 96, 128))
    assert all(depth.dtype == torch.float32 for depth in output.depths)
    assert output.structure.dtype == torch.bfloat16


def test_average_moves_by_one_minus_decay():
    average, network = torch.nn.BatchNorm2d(2), torch.nn.BatchNorm2d(2)
    assert network.running_mean is not None
    assert average.running_mean is not None
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
