from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from s2r_depth_ros.network.depth import SKIP_WEIGHTS
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.data import Batch
from s2r_depth_training.runs.experiment import StageConfig
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.stages import make_stage, merge_twins


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    return network


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 96, 128, generator=generator) * 2 - 1
    depth = 2 + 3 * torch.rand(2, 1, 96, 128, generator=generator).cumsum(-1)
    return Batch(image, image, depth, torch.ones_like(depth), torch.arange(2))


def test_merged_twins_learn_as_separate_ones(network, batch):
    """In double precision: the same maps, gradients and BatchNorm statistics."""
    network = network.double().train()
    merged = copy.deepcopy(network)
    merge_twins(merged)
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
    stage = make_stage(experiment, StageConfig('joint'), network)
    optimizer = torch.optim.Adam(stage.network.dsa.parameters(), 3e-3)
    errors = []
    for _ in range(12):
        errors.append(stage.losses(batch)['attention'])
        optimizer.zero_grad()
        errors[-1].backward()
        optimizer.step()
    assert errors[-1] < 0.7 * errors[0]
    decoder = make_stage(experiment, StageConfig('decoder'), S2RDepthNet(0.125))
    assert 'attention' not in decoder.losses(batch)


def test_folded_skips_change_the_pace_but_not_the_start(experiment, network, batch):
    """The same depth at the first step; from there the skip channels move on their own scale."""
    plain, folded = (
        make_stage(
            replace(experiment, fold_skips=fold), StageConfig('joint'), copy.deepcopy(network)
        )
        for fold in (False, True)
    )
    assert plain.network.depth_net.skip_weights == SKIP_WEIGHTS
    for one in (folded.network, folded.average):
        assert one.depth_net.skip_weights == (1.0, 1.0, 1.0)
    for key, value in plain.losses(batch).items():
        torch.testing.assert_close(folded.losses(batch)[key], value, atol=1e-4, rtol=1e-4)
    gradients = []
    for stage in (plain, folded):
        sum(stage.losses(batch).values()).backward()
        conv = stage.network.depth_net.output2.model[1]
        count = conv.in_channels // 2
        gradients.append(conv.weight.grad[:, count : 2 * count].norm())
    assert gradients[1] / gradients[0] == pytest.approx(1 / SKIP_WEIGHTS[2], rel=0.01)


def test_frozen_parts_may_run_in_bfloat16_in_training_only(experiment, network, batch):
    plain, low = (
        make_stage(
            replace(experiment, frozen_bf16=frozen), StageConfig('depth'), copy.deepcopy(network)
        )
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


def test_stage_ste_trains_the_encoder_and_leaves_attention_out(experiment, network, batch):
    stage = make_stage(experiment, StageConfig('ste'), network)
    sum(stage.losses(batch).values()).backward()
    for name in ('struct_encoder', 'struct_decoder', 'depth_net'):
        assert any(p.grad.any() for p in getattr(stage.network, name).parameters()), name
    assert all(p.grad is None for p in stage.network.dsa.parameters())
    assert (stage.predict(stage.network, batch.image).attention == 1).all()


def test_dsa_alone_is_not_laid_out_channels_last(experiment, network, batch):
    """Its gradient would crash on a CPU, which is why images come as they are, too."""
    stage = make_stage(experiment, StageConfig('joint'), network)
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
    sum(stage.losses(batch).values()).backward()
