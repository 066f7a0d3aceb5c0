"""What the fused norms are told, and what they give back; shared by formulas and kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class NormSettings:
    """per_image: an instance norm, else a batch norm. slope: of the activation below zero.

    Slope 1 is no activation, 0 a ReLU. eps: added to the variance. An instance norm has no weights.
    """

    per_image: bool = True
    slope: float = 1.0
    eps: float = 1e-5


class Running(NamedTuple):
    """The running statistics of a batch norm, float32 [C], and the share of each new batch."""

    mean: Tensor
    variance: Tensor
    momentum: float

    @torch.no_grad()
    def update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move towards the ``mean`` and the biased ``variance`` [C] of a batch of ``count``."""
        unbiased = variance * (count / max(count - 1, 1))
        for known, new in ((self.mean, mean), (self.variance, unbiased)):
            known.mul_(1 - self.momentum).add_(new, alpha=self.momentum)


class NormGradients(NamedTuple):
    """Gradients of the inputs of a fused norm; None for what it did not have."""

    x: Tensor
    shortcut: Tensor | None
    weight: Tensor | None
    bias: Tensor | None
    slope: Tensor | None
