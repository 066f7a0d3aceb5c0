"""What computes the fused layers of a tensor: kernels, formulas, or torch's own functions.

On a CUDA device where Triton, 3 or newer, can be imported it is ``s2r_depth_ros.network.kernels``;
elsewhere torch's own functions, one after the other, with the same results up to rounding.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

# The kernels count the elements of an image, or of a batch, in 32 bits.
_MOST_ELEMENTS = 2**31
_TYPES = (torch.float32, torch.float16, torch.bfloat16)


class Engine(NamedTuple):
    """The modules that compute fused layers: kernels, or the formulas that stand in for them."""

    norm: ModuleType
    pad: ModuleType
    activation: ModuleType
    join: ModuleType
    head: ModuleType


# In the place of the choice by device: an engine, or None for torch's own functions.
_CHOSEN: ContextVar[tuple[Engine | None] | None] = ContextVar('chosen', default=None)


@contextmanager
def computed_by(engine: Engine | None) -> Iterator[None]:
    """Let ``engine`` compute all layers within, None: torch's own functions, on any device."""
    token = _CHOSEN.set((engine,))
    try:
        yield
    finally:
        _CHOSEN.reset(token)


@functools.cache
def kernels() -> Engine | None:
    """Return the kernels, None without Triton 3 or newer."""
    try:
        return _engine('kernels')
    except ImportError:
        return None


@functools.cache
def stand_in() -> Engine:
    """Return the formulas in plain torch."""
    return _engine('formulas')


def _engine(name: str) -> Engine:
    package = f's2r_depth_ros.network.{name}'
    return Engine(*(importlib.import_module(f'{package}.{part}') for part in Engine._fields))


def engine_for(x: Tensor) -> Engine | None:
    """Return what computes the fused layers of ``x``; None where torch's own functions do."""
    chosen = _CHOSEN.get()
    if chosen is not None:
        return chosen[0]
    if not x.is_cuda or x.dtype not in _TYPES or x.numel() >= _MOST_ELEMENTS:
        return None
    return kernels()
