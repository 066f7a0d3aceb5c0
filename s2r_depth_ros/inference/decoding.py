"""From the network's maps to metres and maps at the camera image's size."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def metric_depth(depth: Tensor, size: tuple[int, int], max_depth: float) -> Tensor:
    """Turn the network's finest map into metres at the image's size (docs/network.md 3.2).

    depth: float [1, 1, h, w] in [-1, 1]; size: (H, W). Returns float32 [H, W]: bilinear with
    aligned corners, (x + 1) / 2 * max_depth, NaN where that is not a finite positive distance.
    """
    metres = resized(depth, size).add_(1).mul_(max_depth / 2)
    if on_host(metres):  # a GPU must not be waited for
        nearest, farthest = metres.aminmax()  # NaN if any is: four times cheaper than masking
        if nearest > 0 and farthest < math.inf:
            return metres
    return metres.masked_fill_(~(torch.isfinite(metres) & (metres > 0)), math.nan)


def resized_map(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a structure or attention map at the image's size, in [0, 1].

    values: float [1, 1, h, w]; size: (H, W). Returns float32 [H, W]: bilinear with aligned corners.
    """
    return resized(values, size).clamp_(0, 1)


def on_host(tensor: Tensor) -> bool:
    """Return whether numpy can look at ``tensor``."""
    return tensor.device.type == 'cpu'


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return [1, 1, h, w] as a new float32 [H, W], bilinear with aligned corners."""
    x = x.float()
    if tuple(x.shape[-2:]) == size:
        return x[0, 0].clone()
    return functional.interpolate(x, size, mode='bilinear', align_corners=True)[0, 0]
