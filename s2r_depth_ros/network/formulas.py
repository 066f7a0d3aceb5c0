"""What the fused layers compute, in plain torch: the stand-in that tests the kernels and their use.

The same functions with the same arguments as in ``s2r_depth_ros.network.kernels``, on any device
and in any layout, and in float64 if the input is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.network.norm_settings import NormGradients, NormSettings, Running


def norm_forward(
    x: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    slope: Tensor | None = None,
    running: Running | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y = act(normalised(x) * weight + bias + shortcut), and the statistics.

    x, shortcut: float [N, C, H, W]. weight, bias: float [C]. slope: float [1], in the place of
    settings.slope. running: updated in place. y has the type of x and shortcut together; the
    statistics are means and biased variances, float32 [N or 1, 2, C].
    """
    variance, mean = torch.var_mean(_wide(x), _axes(settings), correction=0, keepdim=True)
    if running is not None:
        running.update(mean.flatten(), variance.flatten(), x.numel() // x.shape[1])
    statistics = torch.stack([mean.flatten(1), variance.flatten(1)], 1)
    value = _before_activation(x, statistics, settings, shortcut, weight, bias)
    y = torch.where(value > 0, value, value * (settings.slope if slope is None else slope))
    return y.to(torch.promote_types(x.dtype, x.dtype if shortcut is None else shortcut.dtype)), (
        statistics
    )


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
    """Return the gradients of the inputs of ``norm_forward`` from that of its y.

    The other arguments are those of ``norm_forward``; statistics are what it returned.
    """
    gradient = _wide(gradient)
    value = _before_activation(x, statistics, settings, shortcut, weight, bias)
    factor = settings.slope if slope is None else slope
    inner = torch.where(value > 0, gradient, gradient * factor)
    below = torch.where(value > 0, torch.zeros_like(value), gradient * value)
    mean, variance = _spread(statistics)
    scale = (variance + settings.eps).rsqrt()
    normalised = (_wide(x) - mean) * scale
    axes = _axes(settings)
    direct = inner.mean(axes, keepdim=True)
    across = (inner * normalised).mean(axes, keepdim=True)
    for_x = (inner - direct - normalised * across) * scale
    if weight is not None:
        for_x = for_x * weight.view(1, -1, 1, 1)
    return NormGradients(
        x=for_x.to(x.dtype),
        shortcut=None if shortcut is None else inner.to(shortcut.dtype),
        weight=None if weight is None else (inner * normalised).sum((0, 2, 3)),
        bias=None if bias is None else inner.sum((0, 2, 3)),
        slope=None if slope is None else below.sum().view(1),
    )


def pad_forward(x: Tensor, pixels: int) -> Tensor:
    """Return ``x`` [N, C, H, W], ``pixels`` wider on each side, mirrored without the edge."""
    return functional.pad(x, (pixels,) * 4, mode='reflect')


def pad_backward(gradient: Tensor, pixels: int) -> Tensor:
    """Return the gradient of the input of ``pad_forward`` from that of its output."""
    return _gathered(_gathered(_wide(gradient), pixels, 2), pixels, 3).to(gradient.dtype)


def finish(
    x: Tensor,
    slope: float,
    bias: Tensor | None = None,
    shortcut: Tensor | None = None,
    shortcut_bias: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return leaky_relu(x + bias + shortcut + shortcut_bias), summed in float32, for inference.

    x, shortcut, out: [N, C, H, W] of one type, also channels of a larger image in channels last.
    Biases: [C]. out: where the result is written; it may be x.
    """
    value = _wide(x)
    for term in (bias, shortcut_bias):
        if term is not None:
            value = value + term.view(1, -1, 1, 1)
    if shortcut is not None:
        value = value + shortcut
    value = torch.where(value > 0, value, value * slope).to(x.dtype)
    return value if out is None else out.copy_(value)


def _gathered(padded: Tensor, pixels: int, axis: int) -> Tensor:
    """Return the inside of ``padded`` along ``axis``, both margins added where they came from."""
    length = padded.shape[axis] - 2 * pixels
    inner = padded.narrow(axis, pixels, length).clone()
    first = padded.narrow(axis, 0, pixels).flip(axis)
    last = padded.narrow(axis, pixels + length, pixels).flip(axis)
    inner.narrow(axis, 1, pixels).add_(first)
    inner.narrow(axis, length - 1 - pixels, pixels).add_(last)
    return inner


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _axes(settings: NormSettings) -> tuple[int, ...]:
    return (2, 3) if settings.per_image else (0, 2, 3)


def _spread(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and variances as [N or 1, C, 1, 1]."""
    mean, variance = statistics[:, :, :, None, None].unbind(1)
    return mean, variance


def _before_activation(
    x: Tensor,
    statistics: Tensor,
    settings: NormSettings,
    shortcut: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
) -> Tensor:
    mean, variance = _spread(statistics)
    value = (_wide(x) - mean) * (variance + settings.eps).rsqrt()
    if weight is not None and bias is not None:
        value = value * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
    return value if shortcut is None else value + shortcut
