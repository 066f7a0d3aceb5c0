"""The depth heads compute in float32, whatever the rest of the network computes in."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from s2r_depth_ros.network.depth import OutputConv
from s2r_depth_ros.network.optimized import OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


def channels_last(module: OutputConv) -> OutputConv:
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs


LOW = [torch.bfloat16, torch.float16]
HALF_ON_CPU = tuple(map(int, torch.__version__.split('.')[:2])) >= (2, 3)
NETWORK_LOW = [
    torch.bfloat16,
    pytest.param(
        torch.float16,
        marks=pytest.mark.skipif(not HALF_ON_CPU, reason='torch before 2.3 pads no fp16 on a CPU'),
    ),
]
CONVERSIONS: dict[str, Callable[[OutputConv], OutputConv]] = {
    'to bfloat16': lambda module: module.to(torch.bfloat16),
    'to a device and float16': lambda module: module.to('cpu', torch.float16),
    'half': lambda module: module.half(),
    'bfloat16': lambda module: module.bfloat16(),
    'twice': lambda module: module.half().bfloat16(),
    'copied': lambda module: copy.deepcopy(module.half()),
    'channels last': lambda module: channels_last(module.half()),
}


def heads(network: nn.Module) -> list[OutputConv]:
    found = [module for module in network.modules() if isinstance(module, OutputConv)]
    assert len(found) == 4
    return found


@pytest.mark.parametrize('conversion', CONVERSIONS)
def test_conversion_leaves_the_weights(conversion: str) -> None:
    conv = OutputConv(3, kernel=3)
    weight, features = conv.weight.detach().clone(), torch.randn(1, 3, 9, 8)
    expected = conv(features)
    converted = CONVERSIONS[conversion](conv)
    assert converted.weight.dtype == torch.float32
    assert torch.equal(converted.weight, weight)
    torch.testing.assert_close(converted(features), expected)


def test_weights_can_be_moved_and_laid_out() -> None:
    conv = channels_last(OutputConv(3, kernel=3).to(torch.bfloat16))
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert conv.to('meta').weight.is_meta
    assert conv(torch.zeros(1, 3, 9, 8, device='meta')).shape == (1, 1, 7, 6)


def test_float64_is_followed() -> None:
    conv = OutputConv(3, kernel=3).double()
    assert conv(torch.randn(1, 3, 9, 8).double()).dtype == torch.float64
    assert conv.float().weight.dtype == torch.float32


@pytest.mark.parametrize('dtype', LOW)
def test_half_precision_weights_are_loaded_as_float32(dtype: torch.dtype) -> None:
    state = {'weight': torch.randn(1, 3, 3, 3).to(dtype)}
    features = torch.randn(1, 3, 9, 8).to(dtype)
    expected = nn.functional.conv2d(features.float(), state['weight'].float())
    for assign in (False, True):
        conv = OutputConv(3, kernel=3)
        conv.load_state_dict(state, assign=assign)
        assert torch.equal(conv(features), expected)


def test_gradients_are_float32_under_autocast() -> None:
    conv = OutputConv(3, kernel=3)
    features = torch.randn(1, 3, 9, 8).bfloat16().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        result = conv(features)
    assert torch.equal(result, conv(features.float()))
    result.sum().backward()
    assert conv.weight.grad is not None
    assert features.grad is not None
    assert conv.weight.grad.dtype == torch.float32
    assert features.grad.dtype == torch.bfloat16


def depths_near_minus_one(depths: list[Tensor]) -> None:
    """Check that ``depths`` hold numbers that half precision does not have."""
    for depth in depths:
        assert depth.dtype == torch.float32
        assert not any(torch.equal(depth, depth.to(low).float()) for low in LOW)


@pytest.mark.parametrize('dtype', NETWORK_LOW)
def test_network_converted_as_a_whole(
    recipe_network: Callable[[float], S2RDepthNet], dtype: torch.dtype
) -> None:
    network = recipe_network(0.125)
    weights = [head.weight.detach().clone() for head in heads(network)]
    network.to(dtype)
    with torch.inference_mode():
        output = network(torch.rand(1, 3, 96, 112).to(dtype))
    assert output.structure.dtype == output.attention.dtype == dtype
    depths_near_minus_one(output.depths)
    assert all(torch.equal(head.weight, w) for head, w in zip(heads(network), weights))


def test_network_under_autocast(recipe_network: Callable[[float], S2RDepthNet]) -> None:
    with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
        output = recipe_network(0.125)(torch.rand(1, 3, 96, 112))
    assert output.structure.dtype == torch.bfloat16
    depths_near_minus_one(output.depths)


@pytest.mark.parametrize('dtype', NETWORK_LOW)
def test_rewritten_network(
    recipe_network: Callable[[float], S2RDepthNet], dtype: torch.dtype
) -> None:
    network = OptimizedNetwork(recipe_network(0.125))
    weights = [head.weight.clone() for head in heads(network)]
    network.to(dtype)
    maps = network(torch.rand(1, 3, 96, 112).to(dtype))
    assert maps.structure.dtype == maps.attention.dtype == dtype
    depths_near_minus_one([maps.depth])
    assert all(torch.equal(head.weight, w) for head, w in zip(heads(network), weights))
