"""What follows a convolution in inference: biases, a shortcut and the activation."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.formulas.precision import wide


def activated(
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
    value = wide(x)
    for term in (bias, shortcut_bias):
        if term is not None:
            value = value + term.view(1, -1, 1, 1)
    if shortcut is not None:
        value = value + shortcut
    value = torch.where(value > 0, value, value * slope).to(x.dtype)
    return value if out is None else out.copy_(value)
