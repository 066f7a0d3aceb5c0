"""DP's depth heads in float32: a convolution to one channel, and the hyperbolic tangent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import tl, triton

# Elements that a program has in hand, channels among them at most, programs in all.
_TILE, _CHANNELS, _PROGRAMS = 2048, 32, 1024


def forward(x: Tensor, weight: Tensor) -> Tensor:
    """Return what ``formulas.head.forward`` does."""
    x, taps = x.contiguous(memory_format=torch.channels_last), _taps(weight)
    count, wide, height, width = x.shape
    kernel = weight.shape[-1]
    out = (height - kernel + 1, width - kernel + 1)
    y = torch.empty((count, 1, *out), dtype=torch.float32, device=x.device)
    tile = _tile(taps.shape[1])
    _head[(triton.cdiv(out[1], tile[0]), out[0], count)](
        x, taps, y, height, width, wide // (vector := math.gcd(wide, 16)), taps.shape[1],
        KERNEL=kernel, PIXELS=tile[0], CHANNELS=tile[1], VECTOR=vector,
    )  # fmt: skip
    return y


def backward(gradient: Tensor, x: Tensor, weight: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return what ``formulas.head.backward`` does; that of ``x`` in channels last."""
    x, taps = x.contiguous(memory_format=torch.channels_last), _taps(weight)
    gradient, y = gradient.contiguous(), y.contiguous()
    count, wide, height, width = x.shape
    kernel, channels = weight.shape[-1], taps.shape[1]
    vector = math.gcd(wide, 16)
    tile = _tile(wide)
    for_x = torch.empty_like(x)
    blocks = triton.cdiv(wide, tile[1])
    _head_features[(triton.cdiv(width, tile[0]), height, count * blocks)](
        gradient, y, taps, for_x, height, width, wide // vector, channels, blocks,
        KERNEL=kernel, PIXELS=tile[0], CHANNELS=tile[1], VECTOR=vector,
    )  # fmt: skip
    tile = _tile(channels)
    outputs, blocks = y.numel(), triton.cdiv(channels, tile[1])
    tiles = triton.cdiv(outputs, tile[0])
    splits = max(1, min(tiles, _PROGRAMS // (kernel * kernel * blocks)))
    chunk = triton.cdiv(tiles, splits) * tile[0]
    sums = torch.empty((splits, kernel * kernel, channels), dtype=torch.float32, device=x.device)
    _head_weights[(splits, kernel * kernel, blocks)](
        gradient, y, x, sums, height, width, wide // vector, channels, outputs, chunk,
        KERNEL=kernel, PIXELS=tile[0], CHANNELS=tile[1], VECTOR=vector,
    )  # fmt: skip
    for_weight = sums.sum(0).view(1, kernel, kernel, channels).permute(0, 3, 1, 2)
    return for_x, for_weight


def _taps(weight: Tensor) -> Tensor:
    """Return the weights [1, C, k, k] as float32 [k * k, C]."""
    return weight.detach().float().permute(0, 2, 3, 1).reshape(-1, weight.shape[1]).contiguous()


def _tile(channels: int) -> tuple[int, int]:
    """Return pixels and channels that a program of a head has in hand."""
    wide = min(triton.next_power_of_2(channels), _CHANNELS)
    return min(_TILE // wide, 128), wide


@triton.jit(do_not_specialize=['height', 'width', 'groups', 'channels'])
def _head(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, taps, y, height, width, groups, channels,
    KERNEL: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make pixels of one row of a depth map."""
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    column = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    out_width, step = width - KERNEL + 1, groups * VECTOR
    inside = column < out_width
    x += (image * height + row) * width * step
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for begin in range(0, channels, CHANNELS):
        channel = begin + tl.arange(0, CHANNELS)
        exists = channel < channels
        # Whole vectors: channels behind the weights are there, and multiplied by zero.
        used = inside[:, None] & (channel < step)[None, :]
        for ky in range(KERNEL):
            for kx in tl.static_range(KERNEL):
                weight = tl.load(
                    taps + (ky * KERNEL + kx) * channels + channel, mask=exists, other=0.0
                )
                where = (ky * width + column + kx)[:, None] * step + channel[None, :]
                value = tl.load(x + where, mask=used, other=0.0).to(tl.float32)
                total += value * weight[None, :]
    value = tl.sum(total, 1)
    # The hyperbolic tangent, which the interpreter does not have.
    value = 1.0 - 2.0 / (tl.exp(2.0 * value) + 1.0)
    begin = (image * (height - KERNEL + 1) + row) * out_width
    tl.store(y + begin + column, value, mask=inside)


@triton.jit
def _slope_of_head(gradient, y, where, mask):  # type: ignore[no-untyped-def]  # Triton finds the types
    """Return the gradient before the hyperbolic tangent."""
    value = tl.load(y + where, mask=mask, other=0.0)
    return tl.load(gradient + where, mask=mask, other=0.0) * (1.0 - value * value)


@triton.jit(do_not_specialize=['height', 'width', 'groups', 'channels', 'blocks'])
def _head_features(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, y, taps, for_x, height, width, groups, channels, blocks,
    KERNEL: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make the gradient of a row's pixels in a block of channels; zero behind the channels."""
    row = tl.program_id(1)
    image = tl.program_id(2) // blocks
    column = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = (tl.program_id(2) - image * blocks) * CHANNELS + tl.arange(0, CHANNELS)
    out_height, out_width, step = height - KERNEL + 1, width - KERNEL + 1, groups * VECTOR
    exists = channel < channels
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    begin = image.to(tl.int64) * out_height * out_width
    for ky in range(KERNEL):
        out_row = row - ky
        for kx in tl.static_range(KERNEL):
            out_column = column - kx
            valid = (out_row >= 0) & (out_row < out_height)
            valid = valid & (out_column >= 0) & (out_column < out_width)
            slope = _slope_of_head(gradient, y, begin + out_row * out_width + out_column, valid)
            weight = tl.load(taps + (ky * KERNEL + kx) * channels + channel, mask=exists, other=0.0)
            total += slope[:, None] * weight[None, :]
    own = (image.to(tl.int64) * height + row) * width * step
    where = own + column[:, None] * step + channel[None, :]
    mask = (column < width)[:, None] & (channel < step)[None, :]
    tl.store(for_x + where, total.to(for_x.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=['height', 'width', 'groups', 'channels', 'outputs', 'chunk'])
def _head_weights(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, y, x, sums, height, width, groups, channels, outputs, chunk,
    KERNEL: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write the sums of one tap's weights over this program's pixels."""
    split, tap = tl.program_id(0), tl.program_id(1)
    ky = tap // KERNEL
    kx = tap - ky * KERNEL
    channel = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    exists = channel < channels
    out_height, out_width, step = height - KERNEL + 1, width - KERNEL + 1, groups * VECTOR
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    last = tl.minimum(split * chunk + chunk, outputs)
    for start in range(split * chunk, last, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        inside = pixel < last
        slope = _slope_of_head(gradient, y, pixel, inside)
        line = pixel // out_width
        image = line // out_height
        source = (image * height + line - image * out_height + ky).to(tl.int64) * width
        source += pixel - line * out_width + kx
        value = tl.load(
            x + source[:, None] * step + channel[None, :],
            mask=inside[:, None] & (channel < step)[None, :], other=0.0,
        )  # fmt: skip
        total += slope[:, None] * value.to(tl.float32)
    own = sums + (split * KERNEL * KERNEL + tap) * channels + channel
    tl.store(own, tl.sum(total, 0), mask=exists)
