"""Building blocks: the modes that change how they compute, and not what."""

from __future__ import annotations

import copy

import torch

from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


def test_merged_twins_compute_and_learn_as_separate_ones() -> None:
    torch.manual_seed(0)
    separate = UpProjection(3, 2).double().train()
    merged = copy.deepcopy(separate)
    merged.merge_twins = True
    features = torch.randn(2, 3, 5, 6).double()
    maps = [up(features, (10, 11)) for up in (separate, merged)]
    torch.testing.assert_close(maps[1], maps[0])
    for result in maps:
        result.square().mean().backward()
    for weight, expected in zip(merged.parameters(), separate.parameters()):
        assert weight.grad is not None
        assert weight.grad.any()
        torch.testing.assert_close(weight.grad, expected.grad)
    for statistic, known in zip(merged.buffers(), separate.buffers()):
        torch.testing.assert_close(statistic, known)


def test_merging_sets_every_up_projection() -> None:
    network = S2RDepthNet(0.125)
    modes = [module for module in network.modules() if isinstance(module, UpProjection)]
    assert len(modes) == 5
    assert not any(up.merge_twins for up in modes)
    keys = list(network.state_dict())
    network.merge_twins()
    assert all(up.merge_twins for up in modes)
    assert list(network.state_dict()) == keys
    network.merge_twins(False)
    assert not any(up.merge_twins for up in modes)
