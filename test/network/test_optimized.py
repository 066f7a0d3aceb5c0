"""The exact rewrites, piece by piece, against the modules that they replace."""

from __future__ import annotations

from typing import TypeVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.folded_blocks import TwinUpProjection
from s2r_depth_ros.network.optimized import OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.tap_first import TapConv, axis_table
from s2r_depth_ros.size_rule import SizeError

Module = TypeVar('Module', bound=nn.Module)


def randomised(module: Module) -> Module:
    """Give norms statistics and weights that folding must not ignore."""
    generator = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for name, tensor in part.state_dict().items():
                if name == 'num_batches_tracked':
                    continue
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.3)
    return module.eval()


@settings(max_examples=40, deadline=None)
@given(
    low=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    larger=st.tuples(st.integers(0, 11), st.integers(0, 11)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    batch=st.integers(1, 2),
)
def test_tap_first_equals_upsampling_first(
    low: tuple[int, int], larger: tuple[int, int], channels: tuple[int, int], batch: int
) -> None:
    size = (low[0] + larger[0], low[1] + larger[1])
    generator = torch.Generator().manual_seed(0)
    conv = nn.Conv2d(*channels, 5, padding=2).requires_grad_(False)
    features = torch.randn(batch, channels[0], *low, generator=generator)
    large = functional.interpolate(features, size, mode='bilinear', align_corners=True)
    torch.testing.assert_close(TapConv(conv)(features, size), conv(large), atol=1e-5, rtol=1e-5)


def test_axis_table_by_hand() -> None:
    """2 pixels become 3: the middle one lies half-way; the outermost taps see the padding."""
    table = axis_table(2, 3)
    middle = 2  # the tap of the position itself
    torch.testing.assert_close(table.weight1[:, middle], torch.tensor([0.0, 0.5, 0.0]))
    assert table.low0[:, middle].tolist() == [0, 0, 1]
    outside = (table.weight0 + table.weight1) == 0
    assert outside.tolist() == [
        [True, True, False, False, False],
        [True, False, False, False, True],
        [False, False, False, True, True],
    ]


def test_twin_up_projection() -> None:
    source = randomised(UpProjection(6, 4))
    features = torch.randn(2, 6, 7, 9)
    with torch.inference_mode():
        expected = source(features, (14, 18))
        torch.testing.assert_close(TwinUpProjection(source)(features, (14, 18)), expected)
        taps = TwinUpProjection(source, TapConv)
        torch.testing.assert_close(taps(features, (14, 18)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('size', [(96, 112), (112, 96)])
def test_whole_network_with_random_norms(size: tuple[int, int]) -> None:
    network = randomised(S2RDepthNet(0.125))
    # Another slope than torch's default, and one shared by all activations.
    network.depth_net.state_dict()['conv1.3.weight'].fill_(0.4)
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.inference_mode():
        expected, maps = network(image), OptimizedNetwork(network)(image)
    truth = (expected.depths[-1], expected.structure, expected.attention)
    for result, reference in zip(maps, truth):
        torch.testing.assert_close(result, reference, atol=1e-4, rtol=0)


def test_an_attention_that_is_the_same_for_every_image_is_not_computed() -> None:
    network = randomised(S2RDepthNet(0.125))
    image = torch.rand(2, 3, 96, 112, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert not network.dsa.is_constant()
    assert any(True for _ in OptimizedNetwork(network).dsa.parameters())
    with torch.no_grad():
        network.dsa.D.conv.weight.zero_()
        assert network.dsa.D.conv.bias is not None
        network.dsa.D.conv.bias.fill_(-0.7)
        expected = network(image)
        fast = OptimizedNetwork(network)
        maps = fast(image)
    assert network.dsa.is_constant()
    assert not list(fast.dsa.parameters())
    torch.testing.assert_close(maps.attention, expected.attention)
    torch.testing.assert_close(maps.depth, expected.depths[-1], rtol=0, atol=1e-5)


def test_impossible_size() -> None:
    with pytest.raises(SizeError, match='100x128'):
        OptimizedNetwork(S2RDepthNet(0.125))(torch.zeros(1, 3, 100, 128))
