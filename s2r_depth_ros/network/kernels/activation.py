"""What follows a convolution in inference: biases, a shortcut, the activation, in one pass."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import PIECES, tl, triton


def activated(
    x: Tensor,
    slope: float,
    bias: Tensor | None = None,
    shortcut: Tensor | None = None,
    shortcut_bias: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return what ``formulas.activation.activated`` does, in channels last."""
    if out is None:
        out = torch.empty_like(x, memory_format=torch.channels_last)
    images = [None if image is None else _pixels(image) for image in (x, shortcut, out)]
    steps = [0 if image is None else image.stride(3) for image in images]
    channels, pixels = x.shape[1], x.numel() // x.shape[1]
    vector = math.gcd(16 // x.element_size(), channels, *steps)
    groups = channels // vector
    _activate[(triton.cdiv(pixels * groups, PIECES),)](
        *images, bias, shortcut_bias, slope, pixels, groups, *(step // vector for step in steps),
        HAS_SHORTCUT=shortcut is not None, HAS_BIAS=bias is not None,
        HAS_SECOND=shortcut_bias is not None, VECTOR=vector, PIECES=PIECES,
    )  # fmt: skip
    return out


def _pixels(x: Tensor) -> Tensor:
    """Return ``x`` if its pixels lie one step apart, as in channels last, else such a copy."""
    _count, _channels, height, width = x.shape
    step = x.stride(3)
    apart = (height * width * step, 1, width * step, step)
    return x if x.stride() == apart else x.contiguous(memory_format=torch.channels_last)


@triton.jit(do_not_specialize=['pixels', 'groups', 'x_step', 'shortcut_step', 'y_step'])
def _activate(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, shortcut, y, bias, shortcut_bias, slope, pixels, groups, x_step, shortcut_step, y_step,
    HAS_SHORTCUT: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_SECOND: tl.constexpr,  # noqa: N803
    VECTOR: tl.constexpr, PIECES: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make pieces of ``y``; each image has its own step from pixel to pixel."""
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    pixel = piece // groups
    group = piece - pixel * groups
    inside = (pixel < pixels)[:, None]
    lane = tl.arange(0, VECTOR)[None, :]
    channel = group[:, None] * VECTOR + lane
    where = (pixel * x_step + group)[:, None] * VECTOR + lane
    value = tl.load(x + where, mask=inside, other=0.0).to(tl.float32)
    if HAS_BIAS:
        value += tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
    if HAS_SECOND:
        value += tl.load(shortcut_bias + channel, mask=inside, other=0.0).to(tl.float32)
    if HAS_SHORTCUT:
        where = (pixel * shortcut_step + group)[:, None] * VECTOR + lane
        value += tl.load(shortcut + where, mask=inside, other=0.0).to(tl.float32)
    value = tl.where(value > 0, value, value * slope)
    where = (pixel * y_step + group)[:, None] * VECTOR + lane
    tl.store(y + where, value.to(y.dtype.element_ty), mask=inside)
