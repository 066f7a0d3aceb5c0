"""Norms with their shortcut and activation: the functions, and the kernels of the way there.

Those of the way back are in ``s2r_depth_ros.network.kernels.norm_gradients``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import channels_last, tl, triton
from s2r_depth_ros.network.kernels.norm_gradients import collect, distribute
from s2r_depth_ros.network.kernels.norm_launch import NormLaunch, channel_row, tile_at
from s2r_depth_ros.network.norm_settings import NormGradients, NormSettings, Running


def forward(
    x: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    slope: Tensor | None = None,
    running: Running | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what ``formulas.norm.forward`` does; y in channels last."""
    x, shortcut = channels_last(x), channels_last(shortcut)
    launch = NormLaunch.of(x, settings.per_image)
    sums = launch.sums(x, 2)
    _measure[launch.grid](x, sums, *launch.sizes, **launch.constants)
    dtype = x.dtype if shortcut is None else torch.promote_types(x.dtype, shortcut.dtype)
    y = torch.empty_like(x, dtype=dtype, memory_format=torch.channels_last)
    statistics = torch.empty(
        (launch.instances, 2, launch.channels), dtype=torch.float32, device=x.device
    )
    _normalise[launch.grid](
        x, shortcut, sums, y, statistics, weight, bias, slope, settings.slope, settings.eps,
        *((None, None, 0.0) if running is None else running),
        *launch.sizes,
        HAS_SHORTCUT=shortcut is not None, HAS_WEIGHT=weight is not None,
        HAS_SLOPE=slope is not None, HAS_RUNNING=running is not None, **launch.constants,
    )  # fmt: skip
    return y, statistics


def backward(
    gradient: Tensor,
    x: Tensor,
    statistics: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    slope: Tensor | None = None,
) -> NormGradients:
    """Return what ``formulas.norm.backward`` does; images in channels last."""
    gradient, x = channels_last(gradient), channels_last(x)
    shortcut = channels_last(shortcut)
    launch = NormLaunch.of(x, settings.per_image)
    sums = launch.sums(x, 3)
    totals = torch.empty(
        (launch.instances, 3, launch.channels), dtype=torch.float32, device=x.device
    )
    inputs = (gradient, x, shortcut, statistics, weight, bias, slope, settings.slope, settings.eps)
    flags = {
        'HAS_SHORTCUT': shortcut is not None,
        'HAS_WEIGHT': weight is not None,
        'HAS_SLOPE': slope is not None,
    }
    collect[launch.grid](*inputs, sums, *launch.sizes, **flags, **launch.constants)
    for_x = torch.empty_like(x, memory_format=torch.channels_last)
    for_shortcut = None if shortcut is None else torch.empty_like(shortcut)
    distribute[launch.grid](
        *inputs, sums, totals, for_x, for_shortcut, *launch.sizes, **flags, **launch.constants
    )
    # A batch norm has one instance, so weight and bias need no sum over images.
    inner, product, below = totals[0].unbind(0)
    return NormGradients(
        for_x,
        for_shortcut,
        weight=None if weight is None else product,
        bias=None if bias is None else inner,
        slope=None if slope is None else below.sum().view(1),
    )


@triton.jit(do_not_specialize=['pixels', 'groups', 'chunk', 'splits'])
def _measure(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, sums, pixels, groups, chunk, splits,
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write mean and sum of squared deviations of each channel in this program's pixels."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = channel_row(groups, CHANNELS, VECTOR)
    channels = groups * VECTOR
    x += instance.to(tl.int64) * pixels * channels
    first = split * chunk
    last = tl.minimum(first + chunk, pixels)
    count = tl.maximum(last - first, 0).to(tl.float32)
    # Deviations from a pixel of these, so that a large mean does not swallow them.
    present = exists & (first < last)
    pivot = tl.load(x + first.to(tl.int64) * channels + channel, mask=present, other=0.0)
    pivot = pivot.to(tl.float32)
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    square = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(first, last, PIXELS):
        where, inside = tile_at(
            start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR
        )
        value = tl.load(x + where, mask=inside, other=0.0).to(tl.float32)
        value = tl.where(inside, value - pivot[None, :], 0.0)
        total += value
        square += value * value
    mean = tl.sum(total, 0) / tl.maximum(count, 1.0)
    deviation = tl.maximum(tl.sum(square, 0) - mean * mean * count, 0.0)
    own = sums + (instance * splits + split) * 2 * channels + channel
    tl.store(own, mean + pivot, mask=exists)
    tl.store(own + channels, deviation, mask=exists)


@triton.jit(do_not_specialize=['pixels', 'groups', 'chunk', 'splits'])
def _normalise(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, shortcut, sums, y, statistics, weight, bias, slope_at, slope, eps,
    running_mean, running_variance, momentum, pixels, groups, chunk, splits,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr, HAS_SLOPE: tl.constexpr,  # noqa: N803
    HAS_RUNNING: tl.constexpr,  # noqa: N803
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Add up the sums of all programs; normalise this one's pixels."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = channel_row(groups, CHANNELS, VECTOR)
    channels = groups * VECTOR
    part = tl.arange(0, PARTS)
    counts = tl.minimum(tl.maximum(pixels - part * chunk, 0), chunk).to(tl.float32)[:, None]
    of_part = sums + (instance * splits + part)[:, None] * 2 * channels + channel[None, :]
    there = (part < splits)[:, None] & exists[None, :]
    means = tl.load(of_part, mask=there, other=0.0)
    deviations = tl.load(of_part + channels, mask=there, other=0.0)
    mean = tl.sum(means * counts, 0) / pixels
    shifts = means - mean[None, :]
    variance = tl.sum(deviations + counts * shifts * shifts, 0) / pixels
    scale = 1.0 / tl.sqrt(variance + eps)
    if split == 0:
        own = statistics + instance * 2 * channels + channel
        tl.store(own, mean, mask=exists)
        tl.store(own + channels, variance, mask=exists)
        if HAS_RUNNING:
            unbiased = variance * (pixels / tl.maximum(pixels - 1.0, 1.0))
            known = tl.load(running_mean + channel, mask=exists, other=0.0)
            moved = known * (1.0 - momentum) + mean * momentum
            tl.store(running_mean + channel, moved, mask=exists)
            known = tl.load(running_variance + channel, mask=exists, other=0.0)
            moved = known * (1.0 - momentum) + unbiased * momentum
            tl.store(running_variance + channel, moved, mask=exists)
    if HAS_WEIGHT:
        scale *= tl.load(weight + channel, mask=exists, other=0.0).to(tl.float32)
    if HAS_SLOPE:
        slope = tl.load(slope_at).to(tl.float32)
    begin = instance.to(tl.int64) * pixels * channels
    last = tl.minimum(split * chunk + chunk, pixels)
    for start in range(split * chunk, last, PIXELS):
        where, inside = tile_at(
            start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR
        )
        value = tl.load(x + begin + where, mask=inside, other=0.0).to(tl.float32)
        value = (value - mean[None, :]) * scale[None, :]
        if HAS_WEIGHT:
            value += tl.load(bias + channel, mask=exists, other=0.0).to(tl.float32)[None, :]
        if HAS_SHORTCUT:
            value += tl.load(shortcut + begin + where, mask=inside, other=0.0).to(tl.float32)
        value = tl.where(value > 0, value, value * slope)
        tl.store(y + begin + where, value.to(y.dtype.element_ty), mask=inside)
