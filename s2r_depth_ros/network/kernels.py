"""Triton kernels of the fused layers: channels last, sums in float32, results the same every time.

Functions and arguments as in ``s2r_depth_ros.network.formulas``. Nothing here synchronises with the
host, so all of it can be recorded in a CUDA graph. Importing this module needs Triton.

A norm is two launches each way. The pixels of an image (of the batch, for a batch norm) are split
over programs, as one program for each image would leave most of the chip idle; the first launch
writes each program's sums, the second adds them up in a fixed order and makes the result.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from s2r_depth_ros.network.norm_settings import NormGradients, NormSettings, Running

# By name, as it is no requirement: without it torch's own functions serve.
triton = importlib.import_module('triton')
tl: Any = importlib.import_module('triton.language')

# Elements that a program of a norm has in hand, and the channels among them at most.
_TILE, _CHANNELS, _WARPS = 4096, 32, 8
# Programs that fill the chip, and how many of them may share the pixels of an image.
_PROGRAMS, _SPLITS = 1024, 128
# Pieces of up to 16 bytes that a program of the reflection pad moves.
_PIECES = 256


@dataclass(frozen=True)
class _Plan:
    """How a norm of [instances, pixels, channels] is spread over programs."""

    instances: int
    pixels: int
    channels: int
    splits: int
    chunk: int
    tile_pixels: int
    tile_channels: int

    @classmethod
    def of(cls, x: Tensor, per_image: bool) -> _Plan:
        count, channels, height, width = x.shape
        instances, pixels = (count, height * width) if per_image else (1, count * height * width)
        tile_channels = min(triton.next_power_of_2(channels), _CHANNELS)
        tile_pixels = _TILE // tile_channels
        tiles = triton.cdiv(pixels, tile_pixels)
        others = instances * triton.cdiv(channels, tile_channels)
        splits = min(tiles, max(1, _PROGRAMS // others), _SPLITS)
        chunk = triton.cdiv(tiles, splits) * tile_pixels
        return cls(instances, pixels, channels, splits, chunk, tile_pixels, tile_channels)

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.splits, triton.cdiv(self.channels, self.tile_channels), self.instances

    @property
    def constants(self) -> dict[str, int]:
        return {
            # One for all numbers of splits: each further constant is compiled anew.
            'PARTS': _SPLITS,
            'PIXELS': self.tile_pixels,
            'CHANNELS': self.tile_channels,
            # Known when compiling, so that rows of whole vectors are read as vectors.
            'VECTOR': math.gcd(self.channels, 16),
            'num_warps': _WARPS,
        }

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Pixels, vectors of channels, pixels of a program, and programs: as kernels take them."""
        return self.pixels, self.channels // self.constants['VECTOR'], self.chunk, self.splits

    def sums(self, x: Tensor, count: int) -> Tensor:
        """Return room for ``count`` sums of every program."""
        shape = (self.instances, self.splits, count, self.channels)
        return torch.empty(shape, dtype=torch.float32, device=x.device)


def norm_forward(
    x: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    slope: Tensor | None = None,
    running: Running | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what ``formulas.norm_forward`` does; y in channels last."""
    x, shortcut = _channels_last(x), _channels_last(shortcut)
    plan = _Plan.of(x, settings.per_image)
    sums = plan.sums(x, 2)
    _measure[plan.grid](x, sums, *plan.sizes, **plan.constants)
    dtype = x.dtype if shortcut is None else torch.promote_types(x.dtype, shortcut.dtype)
    y = torch.empty_like(x, dtype=dtype, memory_format=torch.channels_last)
    statistics = torch.empty(
        (plan.instances, 2, plan.channels), dtype=torch.float32, device=x.device
    )
    _normalise[plan.grid](
        x, shortcut, sums, y, statistics, weight, bias, slope, settings.slope, settings.eps,
        *((None, None, 0.0) if running is None else running),
        *plan.sizes,
        HAS_SHORTCUT=shortcut is not None, HAS_WEIGHT=weight is not None,
        HAS_SLOPE=slope is not None, HAS_RUNNING=running is not None, **plan.constants,
    )  # fmt: skip
    return y, statistics


def norm_backward(
    gradient: Tensor,
    x: Tensor,
    statistics: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    slope: Tensor | None = None,
) -> NormGradients:
    """Return what ``formulas.norm_backward`` does; images in channels last."""
    gradient, x = _channels_last(gradient), _channels_last(x)
    shortcut = _channels_last(shortcut)
    plan = _Plan.of(x, settings.per_image)
    sums = plan.sums(x, 3)
    totals = torch.empty((plan.instances, 3, plan.channels), dtype=torch.float32, device=x.device)
    inputs = (gradient, x, shortcut, statistics, weight, bias, slope, settings.slope, settings.eps)
    flags = {
        'HAS_SHORTCUT': shortcut is not None,
        'HAS_WEIGHT': weight is not None,
        'HAS_SLOPE': slope is not None,
    }
    _collect[plan.grid](*inputs, sums, *plan.sizes, **flags, **plan.constants)
    for_x = torch.empty_like(x, memory_format=torch.channels_last)
    for_shortcut = None if shortcut is None else torch.empty_like(shortcut)
    _distribute[plan.grid](
        *inputs, sums, totals, for_x, for_shortcut, *plan.sizes, **flags, **plan.constants
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


def pad_forward(x: Tensor, pixels: int) -> Tensor:
    """Return what ``formulas.pad_forward`` does, in channels last."""
    x = _channels_last(x)
    count, channels, height, width = x.shape
    y = torch.empty(
        (count, channels, height + 2 * pixels, width + 2 * pixels),
        dtype=x.dtype, device=x.device, memory_format=torch.channels_last,
    )  # fmt: skip
    vector = _vector(x)
    grid = _pad_grid(y, vector)
    _pad[grid](x, y, height, width, pixels, channels // vector, VECTOR=vector, PIECES=_PIECES)
    return y


def pad_backward(gradient: Tensor, pixels: int) -> Tensor:
    """Return what ``formulas.pad_backward`` does, in channels last."""
    gradient = _channels_last(gradient)
    count, channels, height, width = gradient.shape
    for_x = torch.empty(
        (count, channels, height - 2 * pixels, width - 2 * pixels),
        dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last,
    )  # fmt: skip
    vector = _vector(gradient)
    _unpad[_pad_grid(for_x, vector)](
        gradient, for_x, height - 2 * pixels, width - 2 * pixels, pixels, channels // vector,
        VECTOR=vector, PIECES=_PIECES,
    )  # fmt: skip
    return for_x


def finish(
    x: Tensor,
    slope: float,
    bias: Tensor | None = None,
    shortcut: Tensor | None = None,
    shortcut_bias: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return what ``formulas.finish`` does, in channels last."""
    if out is None:
        out = torch.empty_like(x, memory_format=torch.channels_last)
    images = [None if image is None else _pixels(image) for image in (x, shortcut, out)]
    steps = [0 if image is None else image.stride(3) for image in images]
    channels, pixels = x.shape[1], x.numel() // x.shape[1]
    vector = math.gcd(16 // x.element_size(), channels, *steps)
    groups = channels // vector
    _finish[(triton.cdiv(pixels * groups, _PIECES),)](
        *images, bias, shortcut_bias, slope, pixels, groups, *(step // vector for step in steps),
        HAS_SHORTCUT=shortcut is not None, HAS_BIAS=bias is not None,
        HAS_SECOND=shortcut_bias is not None, VECTOR=vector, PIECES=_PIECES,
    )  # fmt: skip
    return out


def _pixels(x: Tensor) -> Tensor:
    """Return ``x`` if its pixels lie one step apart, as in channels last, else such a copy."""
    _count, _channels, height, width = x.shape
    step = x.stride(3)
    apart = (height * width * step, 1, width * step, step)
    return x if x.stride() == apart else x.contiguous(memory_format=torch.channels_last)


def _channels_last(x: Any) -> Any:
    """Return ``x`` (or None) in channels last: itself where it is."""
    return None if x is None else x.contiguous(memory_format=torch.channels_last)


def _vector(x: Tensor) -> int:
    """Return how many channels are moved at once: up to 16 bytes."""
    return math.gcd(x.shape[1], 16 // x.element_size())


def _pad_grid(result: Tensor, vector: int) -> tuple[int, int, int]:
    count, channels, height, width = result.shape
    return triton.cdiv(width * channels // vector, _PIECES), height, count


@triton.jit
def _place(  # type: ignore[no-untyped-def]  # Triton finds the types
    pixel, last, groups, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr  # noqa: N803
):  # fmt: skip
    """Return offsets and mask of a tile of pixels and channels of one image."""
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    channels = groups * VECTOR
    inside = (pixel < last)[:, None] & (channel < channels)[None, :]
    return pixel[:, None] * channels + channel[None, :], inside


@triton.jit
def _channel_row(groups, CHANNELS: tl.constexpr, VECTOR: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: N803
    """Return the channels of this program and which of them exist."""
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    return channel, channel < groups * VECTOR


@triton.jit(do_not_specialize=['pixels', 'groups', 'chunk', 'splits'])
def _measure(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, sums, pixels, groups, chunk, splits,
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write mean and sum of squared deviations of each channel in this program's pixels."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = _channel_row(groups, CHANNELS, VECTOR)
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
        where, inside = _place(start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR)
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
    channel, exists = _channel_row(groups, CHANNELS, VECTOR)
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
        where, inside = _place(start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR)
        value = tl.load(x + begin + where, mask=inside, other=0.0).to(tl.float32)
        value = (value - mean[None, :]) * scale[None, :]
        if HAS_WEIGHT:
            value += tl.load(bias + channel, mask=exists, other=0.0).to(tl.float32)[None, :]
        if HAS_SHORTCUT:
            value += tl.load(shortcut + begin + where, mask=inside, other=0.0).to(tl.float32)
        value = tl.where(value > 0, value, value * slope)
        tl.store(y + begin + where, value.to(y.dtype.element_ty), mask=inside)


@triton.jit
def _back_through_activation(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, x, shortcut, where, inside, mean, scale, weight, bias, slope,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Return normalised values, the gradient before the activation, and that of its slope."""
    outer = tl.load(gradient + where, mask=inside, other=0.0).to(tl.float32)
    normalised = tl.load(x + where, mask=inside, other=0.0).to(tl.float32)
    normalised = (normalised - mean[None, :]) * scale[None, :]
    value = normalised
    if HAS_WEIGHT:
        value = value * weight[None, :] + bias[None, :]
    if HAS_SHORTCUT:
        value += tl.load(shortcut + where, mask=inside, other=0.0).to(tl.float32)
    inner = tl.where(value > 0, outer, outer * slope)
    return normalised, inner, tl.where(value > 0, 0.0, outer * value)


@triton.jit(do_not_specialize=['pixels', 'groups', 'chunk', 'splits'])
def _collect(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, x, shortcut, statistics, weight_at, bias_at, slope_at, slope, eps,
    sums, pixels, groups, chunk, splits,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr, HAS_SLOPE: tl.constexpr,  # noqa: N803
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write this program's sums of inner gradients, of their products, and of the slope's."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = _channel_row(groups, CHANNELS, VECTOR)
    channels = groups * VECTOR
    mean = tl.load(statistics + instance * 2 * channels + channel, mask=exists, other=0.0)
    variance = tl.load(statistics + (instance * 2 + 1) * channels + channel, mask=exists, other=1.0)
    scale = 1.0 / tl.sqrt(variance + eps)
    weight, bias = scale, scale
    if HAS_WEIGHT:
        weight = tl.load(weight_at + channel, mask=exists, other=0.0).to(tl.float32)
        bias = tl.load(bias_at + channel, mask=exists, other=0.0).to(tl.float32)
    if HAS_SLOPE:
        slope = tl.load(slope_at).to(tl.float32)
    begin = instance.to(tl.int64) * pixels * channels
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    product = tl.zeros((PIXELS, CHANNELS), tl.float32)
    below = tl.zeros((PIXELS, CHANNELS), tl.float32)
    last = tl.minimum(split * chunk + chunk, pixels)
    for start in range(split * chunk, last, PIXELS):
        where, inside = _place(start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR)
        normalised, inner, low = _back_through_activation(
            gradient, x, shortcut, begin + where, inside, mean, scale, weight, bias, slope,
            HAS_SHORTCUT, HAS_WEIGHT,
        )  # fmt: skip
        # Outside, all gradients were read as zero.
        total += inner
        product += inner * normalised
        if HAS_SLOPE:
            below += low
    own = sums + (instance * splits + split) * 3 * channels + channel
    tl.store(own, tl.sum(total, 0), mask=exists)
    tl.store(own + channels, tl.sum(product, 0), mask=exists)
    tl.store(own + 2 * channels, tl.sum(below, 0), mask=exists)


@triton.jit(do_not_specialize=['pixels', 'groups', 'chunk', 'splits'])
def _distribute(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, x, shortcut, statistics, weight_at, bias_at, slope_at, slope, eps,
    sums, totals, for_x, for_shortcut, pixels, groups, chunk, splits,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr, HAS_SLOPE: tl.constexpr,  # noqa: N803
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Add up the sums of all programs; write the gradients of this one's pixels."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = _channel_row(groups, CHANNELS, VECTOR)
    channels = groups * VECTOR
    mean = tl.load(statistics + instance * 2 * channels + channel, mask=exists, other=0.0)
    variance = tl.load(statistics + (instance * 2 + 1) * channels + channel, mask=exists, other=1.0)
    scale = 1.0 / tl.sqrt(variance + eps)
    weight, bias, outer_scale = scale, scale, scale
    if HAS_WEIGHT:
        weight = tl.load(weight_at + channel, mask=exists, other=0.0).to(tl.float32)
        bias = tl.load(bias_at + channel, mask=exists, other=0.0).to(tl.float32)
        outer_scale = scale * weight
    if HAS_SLOPE:
        slope = tl.load(slope_at).to(tl.float32)
    part = tl.arange(0, PARTS)
    there = (part < splits)[:, None] & exists[None, :]
    of_part = sums + (instance * splits + part)[:, None] * 3 * channels + channel[None, :]
    total = tl.sum(tl.load(of_part, mask=there, other=0.0), 0)
    product = tl.sum(tl.load(of_part + channels, mask=there, other=0.0), 0)
    if split == 0:
        own = totals + instance * 3 * channels + channel
        tl.store(own, total, mask=exists)
        tl.store(own + channels, product, mask=exists)
        if HAS_SLOPE:
            below = tl.load(of_part + 2 * channels, mask=there, other=0.0)
            tl.store(own + 2 * channels, tl.sum(below, 0), mask=exists)
    direct, across = total / pixels, product / pixels
    begin = instance.to(tl.int64) * pixels * channels
    last = tl.minimum(split * chunk + chunk, pixels)
    for start in range(split * chunk, last, PIXELS):
        where, inside = _place(start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR)
        normalised, inner, _low = _back_through_activation(
            gradient, x, shortcut, begin + where, inside, mean, scale, weight, bias, slope,
            HAS_SHORTCUT, HAS_WEIGHT,
        )  # fmt: skip
        result = (inner - direct[None, :] - normalised * across[None, :]) * outer_scale[None, :]
        tl.store(for_x + begin + where, result.to(for_x.dtype.element_ty), mask=inside)
        if HAS_SHORTCUT:
            result = inner.to(for_shortcut.dtype.element_ty)
            tl.store(for_shortcut + begin + where, result, mask=inside)


@triton.jit(do_not_specialize=['pixels', 'groups', 'x_step', 'shortcut_step', 'y_step'])
def _finish(  # type: ignore[no-untyped-def]  # Triton finds the types
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


@triton.jit
def mirror(index, length):  # type: ignore[no-untyped-def]  # Triton finds the types
    """Return where a reflection pad takes ``index`` from, -length < index < 2 length - 1."""
    index = tl.abs(index)
    return tl.where(index >= length, 2 * length - 2 - index, index)


@triton.jit(do_not_specialize=['height', 'width', 'pad', 'groups'])
def _pad(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, y, height, width, pad, groups, VECTOR: tl.constexpr, PIECES: tl.constexpr  # noqa: N803
):  # fmt: skip
    """Make pieces of one row of ``y``."""
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    column = piece // groups
    group = piece - column * groups
    wide = width + 2 * pad
    inside = (column < wide)[:, None]
    lane = tl.arange(0, VECTOR)[None, :]
    source = (mirror(row - pad, height) * width + mirror(column - pad, width)) * groups + group
    value = tl.load(
        x + image * height * width * groups * VECTOR + source[:, None] * VECTOR + lane, mask=inside
    )
    own = row * wide * groups + piece
    begin = image * (height + 2 * pad) * wide * groups * VECTOR
    tl.store(y + begin + own[:, None] * VECTOR + lane, value, mask=inside)


@triton.jit
def mirrored_in(index, length, pad, side: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton finds the types
    """Return the padded position on ``side`` that shows ``index``, and whether there is one."""
    if side == 0:
        return index + pad, index >= 0
    if side == 1:
        return pad - index, (index >= 1) & (index <= pad)
    return 2 * (length - 1) - index + pad, (index >= length - 1 - pad) & (index <= length - 2)


@triton.jit(do_not_specialize=['height', 'width', 'pad', 'groups'])
def _unpad(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, for_x, height, width, pad, groups, VECTOR: tl.constexpr, PIECES: tl.constexpr  # noqa: N803
):  # fmt: skip
    """Make pieces of one row of ``for_x``: the sum of up to nine places that show a pixel."""
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    column = piece // groups
    group = piece - column * groups
    wide = width + 2 * pad
    inside = column < width
    lane = tl.arange(0, VECTOR)[None, :]
    gradient += image * (height + 2 * pad) * wide * groups * VECTOR
    total = tl.zeros((PIECES, VECTOR), tl.float32)
    for side in tl.static_range(3):
        source_row, shows_row = mirrored_in(row, height, pad, side)
        if shows_row:
            for flank in tl.static_range(3):
                source_column, shows_column = mirrored_in(column, width, pad, flank)
                source = (source_row * wide + source_column) * groups + group
                value = tl.load(
                    gradient + source[:, None] * VECTOR + lane,
                    mask=(inside & shows_column)[:, None], other=0.0,
                )  # fmt: skip
                total += value.to(tl.float32)
    own = (
        image * height * width * groups * VECTOR + (row * width * groups + piece)[:, None] * VECTOR
    )
    tl.store(for_x + own + lane, total.to(for_x.dtype.element_ty), mask=inside[:, None])
