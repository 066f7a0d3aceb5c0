"""Fused layers on a GPU, in every precision, against torch's own in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network import layers
from s2r_depth_ros.network.depth_layers import head, join
from s2r_depth_ros.network.engine import computed_by, engine_for
from s2r_depth_ros.network.layers import batch_norm, instance_norm, reflect_pad

pytestmark = pytest.mark.gpu

GPU = torch.device('cuda')
# Of the norm of a result or a gradient: some roundings of the type. In float32 less would do, but
# one value among millions whose sign rounding changes jumps at the activation's kink: 3e-4.
TOLERANCE = {torch.float32: 6e-4, torch.float16: 2e-3, torch.bfloat16: 1.5e-2}
TYPES = list(TOLERANCE)
# A small image, one that many programs share, a batch, few and odd channels.
SHAPES = [(1, 256, 24, 32), (1, 64, 192, 640), (40, 16, 96, 128), (3, 1, 33, 70), (2, 33, 25, 31)]
# Each pair of type and constants is compiled anew: the other types on two shapes only.
CASES = [(shape, torch.bfloat16) for shape in SHAPES] + [
    (shape, dtype) for shape in SHAPES[2:5:2] for dtype in (torch.float32, torch.float16)
]
ON_CASES = pytest.mark.parametrize(('shape', 'dtype'), CASES)


def drawn(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    generator = torch.Generator(GPU).manual_seed(seed)
    x = torch.randn(shape, device=GPU, generator=generator) * 1.5 + 0.7
    return x.to(dtype, memory_format=torch.channels_last).requires_grad_()


def close(results: tuple[Tensor, ...], expected: tuple[Tensor, ...], dtype: torch.dtype) -> None:
    for number, (result, known) in enumerate(zip(results, expected)):
        error = (result.double() - known).norm() / known.norm()
        assert error < TOLERANCE[dtype], (number, error.item())


def wide(x: Tensor) -> Tensor:
    """A float64 leaf of the same values, which torch's own functions compute on."""
    return x.detach().double().contiguous().requires_grad_()


@pytest.fixture(autouse=True)
def _needs_triton() -> None:
    assert engine_for(torch.zeros(1, 1, 2, 2, device=GPU)) is not None


@ON_CASES
@pytest.mark.parametrize(('slope', 'with_shortcut'), [(0.2, False), (1.0, True), (0.2, True)])
def test_instance_norm(
    shape: tuple[int, ...], dtype: torch.dtype, slope: float, with_shortcut: bool
) -> None:
    inputs = [drawn(shape, dtype, seed) for seed in range(1 + with_shortcut)]
    gradient = drawn(shape, dtype, 7).detach()
    result = instance_norm(inputs[0], slope, *inputs[1:])
    assert result.dtype == dtype
    assert result.is_contiguous(memory_format=torch.channels_last)
    own = torch.autograd.grad(result, inputs, gradient)
    doubles = [wide(x) for x in inputs]
    truth = functional.leaky_relu(sum(doubles[1:], functional.instance_norm(doubles[0])), slope)
    close((result, *own), (truth, *torch.autograd.grad(truth, doubles, gradient.double())), dtype)


@ON_CASES
@pytest.mark.parametrize('kind', ['relu', 'none', 'prelu'])
@pytest.mark.parametrize('with_shortcut', [False, True])
def test_batch_norm(
    shape: tuple[int, ...], dtype: torch.dtype, kind: str, with_shortcut: bool
) -> None:
    inputs = [drawn(shape, dtype, seed) for seed in range(1 + with_shortcut)]
    gradient = drawn(shape, dtype, 7).detach()
    norms = [nn.BatchNorm2d(shape[1]).to(GPU).train() for _ in range(2)]
    slope: float | Tensor = {'relu': 0.0, 'none': 1.0}.get(kind, 0.0)
    if kind == 'prelu':
        slope = torch.tensor([0.3], device=GPU, requires_grad=True)
    learnt = [slope] if isinstance(slope, Tensor) else []
    result = batch_norm(inputs[0], norms[0], slope, *inputs[1:])
    own = torch.autograd.grad(result, [*inputs, *norms[0].parameters(), *learnt], gradient)
    norms[1].double()
    doubles = [wide(x) for x in inputs]
    truth = sum(doubles[1:], norms[1](doubles[0]))
    factors = [x.detach().double().requires_grad_() for x in learnt]
    truth = functional.prelu(truth, factors[0]) if factors else layers._activate(truth, slope)
    leaves = [*doubles, *norms[1].parameters(), *factors]
    close((result, *own), (truth, *torch.autograd.grad(truth, leaves, gradient.double())), dtype)
    for statistic, known in zip(norms[0].buffers(), norms[1].buffers()):
        torch.testing.assert_close(statistic.double(), known.double(), rtol=1e-4, atol=1e-5)


@ON_CASES
@pytest.mark.parametrize('pixels', [1, 3, 5])
def test_reflection_pad(shape: tuple[int, ...], dtype: torch.dtype, pixels: int) -> None:
    x = drawn(shape, dtype)
    result, double = reflect_pad(x, pixels), wide(x)
    truth = functional.pad(double, (pixels,) * 4, mode='reflect')
    assert torch.equal(result.double(), truth)
    gradient = drawn(tuple(result.shape), dtype, 7).detach()
    (own,) = torch.autograd.grad(result, x, gradient)
    close((own,), torch.autograd.grad(truth, double, gradient.double()), dtype)


@pytest.mark.parametrize('dtype', TYPES)
@pytest.mark.parametrize('kernel', [3, 7])
@pytest.mark.parametrize(('channels', 'size'), [((8, 8), (24, 32)), ((32, 0), (192, 640))])
def test_concatenation_and_head(
    channels: tuple[int, int], size: tuple[int, int], kernel: int, dtype: torch.dtype
) -> None:
    parts = [drawn((2, c, *size), dtype, c) for c in channels if c]
    depth = drawn((2, 1, size[0] // 2, size[1] // 2), torch.float32, 3)
    used = sum(channels) + 1
    conv = nn.Conv2d(used, 1, kernel, bias=False).to(GPU)
    engine = engine_for(parts[0])
    assert engine is not None
    padded = join(engine, parts, depth, kernel // 2)
    y = head(engine, padded, conv)
    assert y.dtype == torch.float32
    gradient = drawn(tuple(y.shape), torch.float32, 7).detach()
    leaves = [*parts, depth, conv.weight]
    own = torch.autograd.grad(y, leaves, gradient)
    doubles = [wide(x) for x in leaves]
    shown = functional.interpolate(doubles[-2], scale_factor=2.0, mode='nearest')
    known = functional.pad(torch.cat([*doubles[:-2], shown], 1), (kernel // 2,) * 4, mode='reflect')
    truth = functional.conv2d(known, doubles[-1]).tanh()
    assert not padded[:, used:].any()
    expected = (truth, *torch.autograd.grad(truth, doubles, gradient.double()))
    close((padded[:, :used], y, *own), (known, *expected), dtype)


def test_plain_layers_are_torchs_own() -> None:
    x = torch.zeros(1, 1, 2, 2, device=GPU)
    with computed_by(None):
        assert engine_for(x) is None
    assert engine_for(x) is not None


def test_contiguous_input_and_the_same_results_twice() -> None:
    x = drawn((2, 24, 30, 40), torch.bfloat16)
    plain = x.detach().contiguous().requires_grad_()
    results = []
    for leaf in (x, x, plain):
        y = reflect_pad(instance_norm(leaf, 0.2), 1)
        results.append((y, *torch.autograd.grad(y.float().square().sum(), leaf)))
    for other in results[1:]:
        assert torch.equal(other[0], results[0][0])
        assert torch.equal(other[1], results[0][1])


def test_layers_in_a_graph_under_autocast() -> None:
    """Forward and backward are recorded, and replayed on other values."""
    conv = nn.Conv2d(8, 16, 3).to(GPU)
    # torch's types know this of tensors only
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # see above
    norm = nn.BatchNorm2d(16).to(GPU).train()
    own = drawn((4, 8, 32, 40), torch.float32).detach()
    weights = drawn((4, 16, 32, 40), torch.float32, 9).detach()

    def step() -> Tensor:
        with torch.autocast('cuda', torch.bfloat16):
            y = instance_norm(conv(reflect_pad(own, 1)), 0.2)
            y = batch_norm(y, norm, 0.0)
        assert y.dtype == torch.bfloat16
        (gradient,) = torch.autograd.grad((y * weights).mean(), [conv.weight])
        return gradient

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        recorded = step()
    for seed in (1, 2):
        own.copy_(drawn((4, 8, 32, 40), torch.float32, seed))
        graph.replay()
        expected = step()
        assert (recorded - expected).norm() < 1e-2 * expected.norm()
