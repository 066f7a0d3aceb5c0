"""Padded concatenations of DP's decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.network.formulas import pad


def forward(parts: Sequence[Tensor], depth: Tensor | None, pixels: int, channels: int) -> Tensor:
    """Return the concatenation of parts and doubled depth, zeros up to ``channels``, padded.

    parts: one or two of type float, [N, C, H, W]. depth: float32 [N, 1, H/2, W/2], each pixel is
    shown four times. Result: [N, channels, H + 2 pixels, W + 2 pixels] of the type of the parts.
    """
    images = list(parts)
    if depth is not None:
        images.append(functional.interpolate(depth, scale_factor=2.0, mode='nearest'))
    missing = channels - sum(image.shape[1] for image in images)
    count, _, height, width = parts[0].shape
    images.append(parts[0].new_zeros(count, missing, height, width))
    return pad.forward(torch.cat([image.to(parts[0].dtype) for image in images], 1), pixels)


def backward(
    gradient: Tensor, sizes: Sequence[int], with_depth: bool, pixels: int
) -> tuple[list[Tensor], Tensor | None]:
    """Return the gradients of parts of ``sizes`` channels and of the depth."""
    inner = pad.backward(gradient, pixels)
    parts = list(inner[:, : sum(sizes)].split(list(sizes), 1))
    if not with_depth:
        return parts, None
    shown = inner[:, sum(sizes) : sum(sizes) + 1]
    shown = shown.to(torch.promote_types(shown.dtype, torch.float32))
    return parts, functional.avg_pool2d(shown, 2, divisor_override=1)
