"""Norms with their activation, and reflection pads: fused and channels last on a GPU.

What computes them is chosen by ``s2r_depth_ros.network.engine``. All take part in autograd (once)
and in autocast: the result has the type of the input, statistics are float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.engine import engine_for
from s2r_depth_ros.network.norm_settings import NormSettings, Running


def instance_norm(x: Tensor, slope: float = 1.0, shortcut: Tensor | None = None) -> Tensor:
    """Return leaky_relu(instance_norm(x) + shortcut) without weights.

    x, shortcut: float [N, C, H, W]. slope: of the activation below zero; 1 is none.
    """
    engine = engine_for(x)
    if engine is None:
        return _activate(_added(functional.instance_norm(x), shortcut), slope)
    result: Tensor = FusedNorm.apply(
        x, shortcut, None, None, None, NormSettings(per_image=True, slope=slope), None, engine.norm
    )
    return result


def batch_norm(
    x: Tensor, norm: nn.BatchNorm2d, slope: float | Tensor = 1.0, shortcut: Tensor | None = None
) -> Tensor:
    """Return activation(norm(x) + shortcut); while training, ``norm`` learns the statistics.

    x, shortcut: float [N, C, H, W]. slope: of the activation below zero: 0 a ReLU, 1 none, a
    tensor [1] the weight of a PReLU.
    """
    engine = engine_for(x) if norm.training else None
    if engine is None or norm.weight is None or norm.momentum is None or not _tracks(norm):
        return _activate(_added(norm(x), shortcut), slope)
    learnt = slope if isinstance(slope, Tensor) else None
    settings = NormSettings(False, 1.0 if isinstance(slope, Tensor) else slope, norm.eps)
    assert norm.num_batches_tracked is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.num_batches_tracked.add_(1)
    running = Running(norm.running_mean, norm.running_var, norm.momentum)
    result: Tensor = FusedNorm.apply(
        x, shortcut, norm.weight, norm.bias, learnt, settings, running, engine.norm
    )
    return result


def reflect_pad(x: Tensor, pixels: int) -> Tensor:
    """Return ``x`` [N, C, H, W], ``pixels`` wider on each side, mirrored without the edge.

    Raises what torch's own does unless ``pixels`` is less than H and W.
    """
    engine = engine_for(x)
    if engine is None or not 0 < pixels < min(x.shape[-2:]):
        return functional.pad(x, (pixels,) * 4, mode='reflect')
    result: Tensor = FusedPad.apply(x, pixels, engine.pad)
    return result


class ReflectPad(nn.Module):
    """``reflect_pad`` as a module."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` padded."""
        return reflect_pad(x, self.pixels)

    def extra_repr(self) -> str:
        """Return the width of the pad."""
        return str(self.pixels)


def halve(x: Tensor) -> Tensor:
    """Return the means of 2x2 pixels of [N, C, H, W]."""
    if engine_for(x) is None:
        return functional.avg_pool2d(x, 2)
    result: Tensor = FusedHalve.apply(x)
    return result


class NormChain(nn.Sequential):
    """A sequence in which a batch norm and the ReLU or PReLU behind it are one step."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layers, one after the other, make of ``x``."""
        for layer, act in in_pairs(self, _normalises, (nn.ReLU, nn.PReLU)):
            if isinstance(layer, nn.BatchNorm2d):
                x = batch_norm(x, layer, 1.0 if act is None else slope_of(act))
            else:
                x = layer(x)
        return x


def in_pairs(
    layers: Iterable[nn.Module],
    takes: Callable[[nn.Module], bool],
    activations: tuple[type[nn.Module], ...],
) -> Iterator[tuple[nn.Module, nn.Module | None]]:
    """Yield each layer, with the activation behind it where ``takes`` is true of the layer."""
    waiting = list(layers)
    while waiting:
        layer = waiting.pop(0)
        paired = waiting and takes(layer) and isinstance(waiting[0], activations)
        yield layer, waiting.pop(0) if paired else None


def slope_of(act: nn.Module) -> float | Tensor:
    """Return the slope below zero of a ReLU, leaky ReLU or PReLU, as ``batch_norm`` takes it."""
    if isinstance(act, nn.PReLU):
        return act.weight
    return act.negative_slope if isinstance(act, nn.LeakyReLU) else 0.0


class FusedNorm(torch.autograd.Function):
    """A norm, a shortcut and an activation, computed by an engine (formulas or kernels).

    apply(x, shortcut, weight, bias, slope, settings, running, engine): see
    ``s2r_depth_ros.network.formulas.norm.forward``.
    """

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]  # Triton finds the types
        ctx: Any, x: Tensor, shortcut, weight, bias, slope, settings: NormSettings, running, engine
    ) -> Tensor:
        """Return the features behind the activation."""
        y, statistics = engine.forward(x, settings, shortcut, weight, bias, slope, running)
        # Without an activation the shortcut's gradient is that of the sum.
        ctx.linear = slope is None and settings.slope == 1.0
        kept = None if ctx.linear else shortcut
        ctx.save_for_backward(x, kept, weight, bias, slope, statistics)
        ctx.settings, ctx.engine = settings, engine
        ctx.shortcut_dtype = None if shortcut is None else shortcut.dtype
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the tensors."""
        x, shortcut, weight, bias, slope, statistics = ctx.saved_tensors
        result = ctx.engine.backward(
            gradient, x, statistics, ctx.settings, shortcut, weight, bias, slope
        )
        for_shortcut = result.shortcut
        if ctx.linear and ctx.shortcut_dtype is not None:
            for_shortcut = gradient.to(ctx.shortcut_dtype)
        return result.x, for_shortcut, result.weight, result.bias, result.slope, None, None, None


class FusedHalve(torch.autograd.Function):
    """The means of 2x2 pixels; torch's own backward of it is slow in channels last."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the means."""
        return functional.avg_pool2d(x, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return a quarter of the gradient at each pixel."""
        quarter = (gradient / 4).contiguous(memory_format=torch.channels_last)
        return functional.interpolate(quarter, scale_factor=2, mode='nearest')


class FusedPad(torch.autograd.Function):
    """A reflection pad, computed by an engine: apply(x, pixels, engine)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pixels: int, engine: ModuleType) -> Tensor:
        """Return ``x`` padded."""
        ctx.pixels, ctx.engine = pixels, engine
        result: Tensor = engine.forward(x, pixels)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of ``x``."""
        return ctx.engine.backward(gradient, ctx.pixels), None, None


def _normalises(layer: nn.Module) -> bool:
    """Return whether ``layer`` is a batch norm."""
    return isinstance(layer, nn.BatchNorm2d)


def _tracks(norm: nn.BatchNorm2d) -> bool:
    """Return whether ``norm`` has running statistics."""
    return norm.track_running_stats and norm.running_mean is not None


def _added(x: Tensor, shortcut: Tensor | None) -> Tensor:
    return x if shortcut is None else x + shortcut


def _activate(x: Tensor, slope: float | Tensor) -> Tensor:
    if isinstance(slope, Tensor):
        return functional.prelu(x, slope)
    if slope == 0.0:
        return functional.relu(x)
    return x if slope == 1.0 else functional.leaky_relu(x, slope)
