"""The precision in which all formulas sum."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """Return ``x`` as float32, float64 if it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
