"""Skip weights inside the network and folded into its convolutions."""

from __future__ import annotations

import pytest
import torch

from s2r_depth_ros.network.depth import (
    SKIP_WEIGHTS,
    DepthPrediction,
    fold_skip_weights,
    unfold_skip_weights,
)


@pytest.fixture
def depth_net() -> DepthPrediction:
    torch.manual_seed(0)
    return DepthPrediction(0.125).eval()


@torch.inference_mode()
def outputs(depth_net: DepthPrediction) -> list[torch.Tensor]:
    return depth_net(torch.rand(2, 1, 96, 112, generator=torch.Generator().manual_seed(1)))


def test_folded_skips_give_the_same_maps(depth_net: DepthPrediction) -> None:
    expected = outputs(depth_net)
    before = depth_net.state_dict()['output2.model.1.weight'].clone()
    for _ in range(2):  # folding twice is folding once
        fold_skip_weights(depth_net)
        assert depth_net.skip_weights == (1.0, 1.0, 1.0)
        for result, reference in zip(outputs(depth_net), expected):
            torch.testing.assert_close(result, reference, atol=1e-5, rtol=0)
    assert not torch.equal(before, depth_net.state_dict()['output2.model.1.weight'])


def test_unfolding_restores_the_weights(depth_net: DepthPrediction) -> None:
    before = {key: value.clone() for key, value in depth_net.state_dict().items()}
    fold_skip_weights(depth_net)
    unfold_skip_weights(depth_net)
    assert depth_net.skip_weights == SKIP_WEIGHTS
    assert before.keys() == depth_net.state_dict().keys()
    for key, value in depth_net.state_dict().items():
        torch.testing.assert_close(value, before[key], msg=key)
