"""What all kernels need: Triton itself, and how tensors are laid out and moved.

Raises ImportError without Triton, or with one before 3.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import torch
from torch import Tensor

# By name, as it is no requirement: without it torch's own functions serve.
triton = importlib.import_module('triton')
if int(triton.__version__.split('.')[0]) < 3:  # torch 2.1 to 2.3 bring it; not tried
    raise ImportError(f'Triton {triton.__version__} is too old: the kernels need 3 or newer')
tl: Any = importlib.import_module('triton.language')

PIECES = 256
"""Pieces, of up to 16 bytes, that a program moves where it computes little."""


def channels_last(x: Any) -> Any:
    """Return ``x`` (or None) in channels last: itself where it is."""
    return None if x is None else x.contiguous(memory_format=torch.channels_last)


def vector_of(x: Tensor) -> int:
    """Return how many channels are moved at once: up to 16 bytes."""
    return math.gcd(x.shape[1], 16 // x.element_size())
