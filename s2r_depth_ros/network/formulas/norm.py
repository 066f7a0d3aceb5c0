"""Norms with their shortcut and activation."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.formulas.precision import wide
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
    """Return y = act(normalised(x) * weight + bias + shortcut), and the statistics.

    x, shortcut: float [N, C, H, W]. weight, bias: float [C]. slope: float [1], in the place of
    settings.slope. running: updated in place. y has the type of x and shortcut together; the
    statistics are means and biased variances, float32 [N or 1, 2, C].
    """
    variance, mean = torch.var_mean(wide(x), _axes(settings), correction=0, keepdim=True)
    if running is not None:
        running.update(mean.flatten(), variance.flatten(), x.numel() // x.shape[1])
    statistics = torch.stack([mean.flatten(1), variance.flatten(1)], 1)
    value = _before_activation(x, statistics, settings, shortcut, weight, bias)
    y = torch.where(value > 0, value, value * (settings.slope if slope is None else slope))
    return y.to(torch.promote_types(x.dtype, x.dtype if shortcut is None else shortcut.dtype)), (
        statistics
    )


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
    """Return the gradients of the inputs of ``forward`` from that of its y.

    The other arguments are those of ``forward``; statistics are what it returned.
    """
    gradient = wide(gradient)
    value = _before_activation(x, statistics, settings, shortcut, weight, bias)
    factor = settings.slope if slope is None else slope
    inner = torch.where(value > 0, gradient, gradient * factor)
    below = torch.where(value > 0, torch.zeros_like(value), gradient * value)
    mean, variance = _as_images(statistics)
    scale = (variance + settings.eps).rsqrt()
    normalised = (wide(x) - mean) * scale
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


def _axes(settings: NormSettings) -> tuple[int, ...]:
    return (2, 3) if settings.per_image else (0, 2, 3)


def _as_images(statistics: Tensor) -> tuple[Tensor, Tensor]:
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
    mean, variance = _as_images(statistics)
    value = (wide(x) - mean) * (variance + settings.eps).rsqrt()
    if weight is not None and bias is not None:
        value = value * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
    return value if shortcut is None else value + shortcut
