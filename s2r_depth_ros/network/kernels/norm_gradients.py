"""The kernels of a norm's way back: sums of each program, then the gradients of its pixels."""

from __future__ import annotations

from s2r_depth_ros.network.kernels.basics import tl, triton
from s2r_depth_ros.network.kernels.norm_launch import channel_row, tile_at


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
def collect(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, x, shortcut, statistics, weight_at, bias_at, slope_at, slope, eps,
    sums, pixels, groups, chunk, splits,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr, HAS_SLOPE: tl.constexpr,  # noqa: N803
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Write this program's sums of inner gradients, of their products, and of the slope's."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = channel_row(groups, CHANNELS, VECTOR)
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
        where, inside = tile_at(
            start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR
        )
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
def distribute(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, x, shortcut, statistics, weight_at, bias_at, slope_at, slope, eps,
    sums, totals, for_x, for_shortcut, pixels, groups, chunk, splits,
    HAS_SHORTCUT: tl.constexpr, HAS_WEIGHT: tl.constexpr, HAS_SLOPE: tl.constexpr,  # noqa: N803
    PARTS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Add up the sums of all programs; write the gradients of this one's pixels."""
    split, instance = tl.program_id(0), tl.program_id(2)
    channel, exists = channel_row(groups, CHANNELS, VECTOR)
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
        where, inside = tile_at(
            start + tl.arange(0, PIXELS), last, groups, PIXELS, CHANNELS, VECTOR
        )
        normalised, inner, _low = _back_through_activation(
            gradient, x, shortcut, begin + where, inside, mean, scale, weight, bias, slope,
            HAS_SHORTCUT, HAS_WEIGHT,
        )  # fmt: skip
        result = (inner - direct[None, :] - normalised * across[None, :]) * outer_scale[None, :]
        tl.store(for_x + begin + where, result.to(for_x.dtype.element_ty), mask=inside)
        if HAS_SHORTCUT:
            result = inner.to(for_shortcut.dtype.element_ty)
            tl.store(for_shortcut + begin + where, result, mask=inside)
