"""Fused layers: the formulas against torch's own, the kernels (interpreted here) against them."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import os
import sys
from contextlib import nullcontext

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network import layers
from s2r_depth_ros.network.depth_layers import FusedHead, FusedJoin
from s2r_depth_ros.network.engine import Engine, computed_by, engine_for, kernels, stand_in
from s2r_depth_ros.network.folded_blocks import UpsampledConv
from s2r_depth_ros.network.layers import FusedNorm, FusedPad
from s2r_depth_ros.network.norm_settings import NormSettings, Running
from s2r_depth_ros.network.optimized import OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

# Triton's interpreter, about the bounds of loops.
pytestmark = pytest.mark.filterwarnings(
    'ignore:Conversion of an array with ndim:DeprecationWarning'
)

GPU = torch.cuda.is_available()
DEVICE = torch.device('cuda' if GPU else 'cpu')


FORMULAS = stand_in()


@pytest.fixture(scope='module', name='kernels')
def interpreted_kernels() -> Engine:
    if importlib.util.find_spec('triton') is None:
        pytest.skip('triton is not installed')
    if not GPU and 'triton' in sys.modules and not os.environ.get('TRITON_INTERPRET'):
        pytest.skip('triton was imported before its interpreter could be chosen')
    if not GPU:
        os.environ['TRITON_INTERPRET'] = '1'
    engine = kernels()
    if engine is None:
        pytest.skip('the kernels need Triton 3 or newer')
    return engine


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Values away from zero mean and unit variance, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * 1.5 + 0.7


# ---- formulas against torch


@pytest.mark.parametrize('slope', [1.0, 0.2, 0.0])
@pytest.mark.parametrize('with_shortcut', [False, True])
def test_formulas_are_torchs_instance_norm(slope: float, with_shortcut: bool) -> None:
    x = drawn(2, 3, 4, 5).requires_grad_()
    shortcut = drawn(2, 3, 4, 5, seed=1).requires_grad_() if with_shortcut else None
    chosen = NormSettings(True, slope)

    def fused(x: Tensor, shortcut: Tensor | None) -> Tensor:
        return FusedNorm.apply(x, shortcut, None, None, None, chosen, None, FORMULAS.norm)

    expected = layers.instance_norm(x, slope, shortcut)  # on a CPU torch's own
    torch.testing.assert_close(fused(x, shortcut), expected)
    assert torch.autograd.gradcheck(fused, (x, shortcut))  # type: ignore[arg-type]  # one is None


@pytest.mark.parametrize('slope', [1.0, 0.0, torch.tensor([0.3])])
@pytest.mark.parametrize('with_shortcut', [False, True])
def test_formulas_are_torchs_batch_norm(slope: float | Tensor, with_shortcut: bool) -> None:
    x = drawn(2, 3, 4, 5).requires_grad_()
    shortcut = drawn(2, 3, 4, 5, seed=1).requires_grad_() if with_shortcut else None
    own, known = batch_norm(3), batch_norm(3)
    learnt = slope.double().requires_grad_() if isinstance(slope, Tensor) else None
    chosen = NormSettings(False, slope if isinstance(slope, float) else 1.0)

    def fused(*inputs: Tensor | None) -> Tensor:
        return FusedNorm.apply(*inputs, chosen, running(own), FORMULAS.norm)

    inputs = (x, shortcut, own.weight, own.bias, learnt)
    expected = layers.batch_norm(x, known, slope if learnt is None else learnt, shortcut)
    torch.testing.assert_close(fused(*inputs), expected)
    torch.testing.assert_close(own.running_mean, known.running_mean)
    torch.testing.assert_close(own.running_var, known.running_var)
    assert torch.autograd.gradcheck(fused, inputs)  # type: ignore[arg-type]  # one is None


@pytest.mark.parametrize('pixels', [1, 3, 5])
@pytest.mark.parametrize('size', [(6, 6), (6, 9), (13, 7)])
def test_formulas_are_torchs_reflection(pixels: int, size: tuple[int, int]) -> None:
    x = drawn(2, 3, *size).requires_grad_()
    assert torch.equal(layers.reflect_pad(x, pixels), nn.ReflectionPad2d(pixels)(x))
    assert torch.autograd.gradcheck(
        lambda x: FusedPad.apply(x, pixels, FORMULAS.pad), (x,), fast_mode=True
    )


def batch_norm(channels: int, seed: int = 5) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels).double().train()
    with torch.no_grad():
        norm.weight.copy_(drawn(channels, seed=seed))
        norm.bias.copy_(drawn(channels, seed=seed + 1))
    return norm


def running(norm: nn.BatchNorm2d) -> Running:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return Running(norm.running_mean, norm.running_var, 0.1)


# ---- kernels against the formulas

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 20), st.integers(2, 21))
# Without shrinking: in the interpreter an example takes seconds.
FEW = settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))


@FEW
@given(
    shape=SHAPES,
    per_image=st.booleans(),
    slope=st.sampled_from([1.0, 0.2, 0.0]),
    with_shortcut=st.booleans(),
    learnt=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    channels_last=st.booleans(),
)
def test_norm_kernels(
    kernels: Engine,
    shape: tuple[int, ...],
    per_image: bool,
    slope: float,
    with_shortcut: bool,
    learnt: bool,
    dtype: torch.dtype,
    channels_last: bool,
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def image(seed: int) -> Tensor:
        return drawn(*shape, seed=seed).to(DEVICE, dtype, memory_format=layout)

    x, gradient = image(0), image(1)
    shortcut = image(2) if with_shortcut else None
    channels = shape[1]
    weight, bias = (
        (None, None) if per_image else (drawn(channels, seed=s).float().to(DEVICE) for s in (3, 4))
    )
    factor = torch.tensor([0.3], device=DEVICE) if learnt and not per_image else None
    chosen = NormSettings(per_image, slope)
    given_, results = (shortcut, weight, bias, factor), []
    for engine in (FORMULAS, kernels):
        ones = torch.ones(2, channels, device=DEVICE)
        tracked = None if per_image else Running(ones[0], ones[1], 0.1)
        y, statistics = engine.norm.forward(x, chosen, *given_, tracked)
        back = engine.norm.backward(gradient, x, statistics, chosen, *given_)
        results.append([y, statistics, *back, *(tracked or ())[:2]])
    _agree(results[1], results[0])
    assert results[1][0].is_contiguous(memory_format=torch.channels_last)


# A row is a program or more, of which the interpreter runs one at a time: few rows, wide ones.
@settings(FEW, max_examples=8)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(6, 8), st.integers(6, 33)),
    pixels=st.integers(1, 5),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    channels_last=st.booleans(),
)
def test_pad_kernels(
    kernels: Engine,
    shape: tuple[int, ...],
    pixels: int,
    dtype: torch.dtype,
    channels_last: bool,
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = drawn(*shape).to(DEVICE, dtype, memory_format=layout)
    padded = kernels.pad.forward(x, pixels)
    assert torch.equal(padded, FORMULAS.pad.forward(x, pixels))
    assert padded.is_contiguous(memory_format=torch.channels_last)
    gradient = drawn(*padded.shape, seed=1).to(DEVICE, dtype, memory_format=layout)
    _agree(
        [kernels.pad.backward(gradient, pixels)],
        [FORMULAS.pad.backward(gradient, pixels)],
    )


@pytest.mark.parametrize('channels', [8, 16, 5])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('terms', ['', 'b', 's', 'bs', 'bsc'])
def test_activation_kernel(kernels: Engine, channels: int, dtype: torch.dtype, terms: str) -> None:
    """Also on parts of the channels of a larger image, and in place."""
    shape = (2, 2 * channels, 5, 7)
    large = drawn(*shape).to(DEVICE, dtype, memory_format=torch.channels_last)
    x, other = large.split(channels, 1)
    bias, second = (drawn(channels, seed=s).to(DEVICE, dtype) for s in (1, 2))
    given_ = (
        0.2,
        bias if 'b' in terms else None,
        other if 's' in terms else None,
        second if 'c' in terms else None,
    )
    expected = FORMULAS.activation.activated(x, *given_)
    result = kernels.activation.activated(x, *given_)
    _agree([result], [expected])
    assert result.is_contiguous(memory_format=torch.channels_last)
    kept = other.clone()
    assert kernels.activation.activated(x, *given_, out=x) is x
    assert torch.equal(x, result)
    assert torch.equal(other, kept)
    _agree([kernels.activation.activated(result.contiguous(), 1.0)], [result])


@pytest.mark.parametrize('shape', [(1, 3, 70, 90), (5, 33, 40, 31), (2, 64, 30, 50)])
def test_norm_of_many_splits(kernels: Engine, shape: tuple[int, ...]) -> None:
    """Also a mean that is large beside the deviations, which must not swallow them."""
    x = (drawn(*shape) * 0.01 + 30).float().to(DEVICE)
    # No activation: rounding moves values over its kink, and there the gradient jumps.
    chosen = NormSettings(True, 1.0)
    y, statistics = kernels.norm.forward(x, chosen)
    expected, known = FORMULAS.norm.forward(x.double(), chosen)
    assert (y - expected).norm() / expected.norm() < 2e-4  # of float32 numbers about 30
    torch.testing.assert_close(statistics, known.float(), rtol=1e-4, atol=0)
    gradient = drawn(*shape, seed=1).float().to(DEVICE)
    back = kernels.norm.backward(gradient, x, statistics, chosen).x
    truth = FORMULAS.norm.backward(gradient.double(), x.double(), known, chosen).x
    assert (back - truth).norm() / truth.norm() < 1e-3


def test_function_with_kernels_takes_part_in_autograd(kernels: Engine) -> None:
    x, shortcut = (drawn(1, 5, 7, 8, seed=s).float().to(DEVICE).requires_grad_() for s in (0, 1))
    chosen = NormSettings(True, 1.0)
    gradients = []
    for engine in (FORMULAS, kernels):
        y = FusedNorm.apply(x, shortcut, None, None, None, chosen, None, engine.norm)
        y = FusedPad.apply(y, 2, engine.pad)
        gradients.append(torch.autograd.grad(functional.softplus(y).sum(), (x, shortcut)))
    torch.testing.assert_close(gradients[1], gradients[0])


# ---- DP's decoder


def test_formulas_are_torchs_concatenation_and_head() -> None:
    parts = [drawn(2, 3, 6, 8, seed=s).requires_grad_() for s in (0, 1)]
    depth = drawn(2, 1, 3, 4, seed=2).requires_grad_()
    weight = (drawn(1, 7, 3, 3, seed=3) * 0.1).requires_grad_()
    padded = FusedJoin.apply(depth, 1, 8, FORMULAS.join, *parts)
    joined = torch.cat([*parts, functional.interpolate(depth, scale_factor=2.0)], 1)
    expected = functional.pad(joined, (1,) * 4, mode='reflect')
    assert torch.equal(padded[:, :7], expected)
    assert not padded[:, 7:].any()
    result = FusedHead.apply(padded, weight, FORMULAS.head)
    torch.testing.assert_close(result, functional.conv2d(expected, weight).tanh())

    def both(depth: Tensor, weight: Tensor, *parts: Tensor) -> Tensor:
        padded = FusedJoin.apply(depth, 1, 8, FORMULAS.join, *parts)
        return FusedHead.apply(padded, weight, FORMULAS.head)

    assert torch.autograd.gradcheck(both, (depth, weight, *parts), fast_mode=True)


@settings(FEW, max_examples=5)
@given(
    # Vectors of every length, a full block of a head's channels, and more than one; kernels of more
    # taps with one block. 7 is tried on a GPU: each tap is interpreted.
    form=st.sampled_from(
        [((8, 8), 5), ((4, None), 5), ((3, 5), 3), ((32, None), 3), ((20, 14), 3)]
    ),
    low=st.tuples(st.integers(1, 2), st.integers(2, 3), st.integers(2, 10)),
    with_depth=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
)
def test_decoder_kernels(
    kernels: Engine,
    form: tuple[tuple[int, int | None], int],
    low: tuple[int, int, int],
    with_depth: bool,
    dtype: torch.dtype,
) -> None:
    (channels, kernel), (count, height, width) = form, low
    sizes = [size for size in channels if size]
    parts = [drawn(count, c, 2 * height, 2 * width, seed=c).to(DEVICE, dtype) for c in sizes]
    depth = drawn(count, 1, height, width).float().to(DEVICE) if with_depth else None
    used = sum(sizes) + with_depth
    weight = (drawn(1, used, kernel, kernel) / (used * kernel**2)).float().to(DEVICE)
    results: list[list[Tensor | None]] = []
    for engine in (FORMULAS, kernels):
        joined = engine.join.forward(parts, depth, kernel // 2, -(-used // 8) * 8)
        padded = joined if not results else results[0][0]
        assert padded is not None
        y = engine.head.forward(padded, weight)
        slopes = drawn(*y.shape, seed=5).float().to(DEVICE)
        for_x, for_weight = engine.head.backward(slopes, padded, weight, y)
        gradient = drawn(*padded.shape, seed=6).to(DEVICE, dtype)
        for_parts, for_depth = engine.join.backward(gradient, sizes, with_depth, kernel // 2)
        results.append([joined, y, for_x, for_weight, *for_parts])
        if for_depth is not None:
            # Four sums of the network's precision.
            results[-1].append(for_depth.to(dtype))
    _agree(results[1], results[0])


def test_a_cpu_takes_torchs_own() -> None:
    assert engine_for(torch.zeros(1, 1, 2, 2)) is None


def test_without_triton_there_are_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 's2r_depth_ros.network.kernels.norm', None)
    assert kernels.__wrapped__() is None


@pytest.mark.parametrize(('version', 'serves'), [('2.1.0', False), ('3.0.0', True), ('10.0', True)])
def test_kernels_are_for_triton_3_and_newer(
    monkeypatch: pytest.MonkeyPatch, kernels: Engine, version: str, serves: bool
) -> None:
    triton = sys.modules['triton']
    monkeypatch.setattr(triton, '__version__', version)
    name = 's2r_depth_ros.network.kernels.basics'
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys.modules['s2r_depth_ros.network.kernels'], 'basics', None)
    with (
        nullcontext() if serves else pytest.raises(ImportError, match=r'Triton 2\.1\.0 is too old')
    ):
        importlib.import_module(name)


def test_a_pad_shows_its_width() -> None:
    assert str(layers.ReflectPad(3)) == 'ReflectPad(3)'


def _agree(results: list[Tensor | None], expected: list[Tensor | None]) -> None:
    """Check that each is of the same type and within its rounding of what is expected."""
    assert len(results) == len(expected)
    for number, (result, known) in enumerate(zip(results, expected)):
        assert (result is None) == (known is None), number
        if result is None or known is None:
            continue
        assert result.dtype == known.dtype
        step = torch.finfo(known.dtype).eps
        scale = known.double().abs().max().item() if known.numel() else 0.0
        torch.testing.assert_close(
            result, known, rtol=4 * step, atol=max(2 * step, 3e-5) * max(scale, 1.0)
        )


# ---- the whole network


def test_the_network_learns_the_same_with_fused_layers() -> None:
    torch.manual_seed(0)
    plain = S2RDepthNet(0.125).double().train()
    fused = copy.deepcopy(plain)
    image = drawn(2, 3, 96, 96) * 0.3
    results = []
    for network, engine in ((plain, None), (fused, FORMULAS)):
        with computed_by(engine):
            output = network(image)
        maps = (output.structure, output.attention, *output.depths)
        sum((m * torch.linspace(0, 1, m.shape[-1])).mean() for m in maps).backward()
        results.append(maps)
    for result, known in zip(results[1], results[0]):
        torch.testing.assert_close(result, known)
    for (name, weight), known in zip(fused.named_parameters(), plain.parameters()):
        assert weight.grad is not None, name
        torch.testing.assert_close(weight.grad, known.grad, msg=name, atol=1e-9, rtol=1e-5)
    for (name, statistic), known in zip(fused.named_buffers(), plain.buffers()):
        torch.testing.assert_close(statistic, known, msg=name)


def test_the_rewritten_network_is_the_same_with_fused_layers() -> None:
    torch.manual_seed(0)
    network = OptimizedNetwork(S2RDepthNet(0.125)).double()
    image = drawn(1, 3, 96, 112) * 0.3
    expected = network(image)
    with computed_by(FORMULAS):
        result = network(image)
    for own, known in zip(result, expected):
        torch.testing.assert_close(own, known)


class OwnUpsampledConv(nn.Module):
    """A convolution of another kind, which does not give its bias away."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.plain = UpsampledConv(conv)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        return self.plain(features, size)


def test_another_upsampled_convolution_is_used_with_fused_layers() -> None:
    torch.manual_seed(0)
    network = S2RDepthNet(0.125).double()
    image = drawn(1, 3, 96, 96) * 0.3
    expected = OptimizedNetwork(network)(image)
    with computed_by(FORMULAS):
        result = OptimizedNetwork(network, OwnUpsampledConv)(image)
    for own, known in zip(result, expected):
        torch.testing.assert_close(own, known)
