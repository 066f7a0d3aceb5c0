"""DP's decoder on a GPU: padded concatenations, float32 heads, whole vectors of channels.

Used where ``s2r_depth_ros.network.engine.engine_for`` has kernels. The concatenation of a stage is
made once, padded, for its head and its deconvolution; zero channels fill it up to a multiple of 8,
without which tensor cores do not take a convolution. A head reads it in the network's precision and
multiplies and sums in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.engine import Engine

_MULTIPLE = 8


def join(engine: Engine, parts: Sequence[Tensor], depth: Tensor | None, pixels: int) -> Tensor:
    """Return the padded concatenation of ``parts`` and the doubled ``depth``, with zero channels.

    parts: one or two of one type, float [N, C, H, W]. depth: float32 [N, 1, H/2, W/2]. Result
    [N, C', H + 2 pixels, W + 2 pixels] in channels last, C' a multiple of 8.
    """
    count = sum(part.shape[1] for part in parts) + (depth is not None)
    channels = -(-count // _MULTIPLE) * _MULTIPLE
    result: Tensor = FusedJoin.apply(depth, pixels, channels, engine.join, *parts)
    return result


def head(engine: Engine, x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return tanh(conv(x)) as float32 [N, 1, h, w]; channels of ``x`` behind conv's are ignored."""
    result: Tensor = FusedHead.apply(x, conv.weight, engine.head)
    return result


def conv_first_channels(conv: nn.Conv2d, x: Tensor, with_bias: bool = True) -> Tensor:
    """Return conv(x) of x's first channels; those that ``conv`` does not have get zero weights."""
    missing = x.shape[1] - conv.in_channels
    weight = conv.weight
    if missing:
        weight = functional.pad(weight, (0, 0, 0, 0, 0, missing))
        weight = weight.contiguous(memory_format=torch.channels_last)
    bias = conv.bias if with_bias else None
    return functional.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation)


class FusedJoin(torch.autograd.Function):
    """apply(depth, pixels, channels, engine, *parts): see ``join``."""

    @staticmethod
    def forward(
        ctx: Any,
        depth: Tensor | None,
        pixels: int,
        channels: int,
        engine: ModuleType,
        *parts: Tensor,
    ) -> Tensor:
        """Return the concatenation."""
        ctx.sizes, ctx.with_depth = [part.shape[1] for part in parts], depth is not None
        ctx.pixels, ctx.engine = pixels, engine
        result: Tensor = engine.forward(parts, depth, pixels, channels)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the depth and of the parts."""
        parts, depth = ctx.engine.backward(gradient, ctx.sizes, ctx.with_depth, ctx.pixels)
        return depth, None, None, None, *parts


class FusedHead(torch.autograd.Function):
    """apply(x, weight, engine): see ``head``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, engine: ModuleType) -> Tensor:
        """Return the depth map."""
        y: Tensor = engine.forward(x, weight)
        ctx.save_for_backward(x, weight, y)
        ctx.engine = engine
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of the features and of the weights."""
        x, weight, y = ctx.saved_tensors
        return *ctx.engine.backward(gradient, x, weight, y), None
