"""DP's depth heads: a convolution to one channel, and the hyperbolic tangent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional, grad


def forward(x: Tensor, weight: Tensor) -> Tensor:
    """Return tanh(conv2d(x, weight)), in float32 or what is wider.

    x: float [N, C or more, H, W]; channels behind those of ``weight`` [1, C, k, k] are ignored.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    return functional.conv2d(x[:, : weight.shape[1]].to(wide), weight.to(wide)).tanh()


def backward(gradient: Tensor, x: Tensor, weight: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` and ``weight`` from that of y, which forward returned."""
    count = weight.shape[1]
    inner = gradient * (1 - y * y)
    used = x[:, :count].to(inner.dtype)
    for_used = functional.conv_transpose2d(inner, weight.to(inner.dtype))
    for_weight = grad.conv2d_weight(used, list(weight.shape), inner)
    rest = torch.zeros_like(x[:, count:])
    return torch.cat([for_used.to(x.dtype), rest], 1), for_weight
