from __future__ import annotations

import pytest
import torch

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.widen import widened


@pytest.fixture(scope='module')
def narrow() -> S2RDepthNet:
    """A network whose every number differs from its start, BatchNorm statistics too."""
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    for value in network.state_dict().values():
        if value.dim() == 1 and value.dtype.is_floating_point:
            value.add_(0.2 * torch.rand_like(value))
    return network.eval()


def test_the_wide_network_computes_the_same(narrow):
    wide = widened(narrow).double().eval()
    assert wide.width == 0.25
    image = torch.rand(1, 3, 96, 112).double() * 2 - 1
    with torch.no_grad():
        result, expected = wide(image), narrow.double()(image)
    narrow.float()
    for one, same in zip(
        (result.structure, result.attention, *result.depths),
        (expected.structure, expected.attention, *expected.depths),
    ):
        assert expected.structure.std() > 1e-3
        torch.testing.assert_close(one, same, atol=1e-5, rtol=1e-5)


def test_twins_learn_apart(narrow):
    wide = widened(narrow).eval()
    image = torch.rand(1, 3, 96, 96) * 2 - 1
    wide(image).depths[-1].square().mean().backward()
    for key, weight in wide.named_parameters():
        if weight.dim() == 4 and weight.shape[0] > 1:
            assert weight.grad is not None
            first, second = weight.grad.chunk(2, 0)
            assert not weight.grad.any() or not torch.equal(first, second), key
