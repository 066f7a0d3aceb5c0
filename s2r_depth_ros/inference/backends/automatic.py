"""The backend ``auto``: the fastest that is installed here and computes what the network is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from s2r_depth_ros.inference.backends.base import (
    Backend,
    BackendError,
    BrokenBackendError,
    Source,
)
from s2r_depth_ros.inference.backends.self_test import SelfTestError

# On a CPU, of networks and of ONNX files; measured in benchmarks/NOTES.md. A GPU runs torch.
_ON_CPU = ('openvino', 'torch')
_OF_FILES = ('openvino', 'onnxruntime')

_LOG = logging.getLogger(__name__)


class Choice(NamedTuple):
    """A backend that was chosen, ready to run, and why."""

    name: str
    backend: Backend
    reason: str


def choose(source: Source, device: torch.device, make: Callable[[str], Backend]) -> Choice:
    """Return the first that runs, of the fastest to the slowest.

    make: makes the backend of a name, or raises BackendError, as for one that computes another
    depth than ``source``. Raises BackendError if none runs.
    """
    if device.type != 'cpu' and not isinstance(source, Path):
        return Choice('torch', make('torch'), 'the fastest on a GPU')
    names = _OF_FILES if isinstance(source, Path) else _ON_CPU
    passed_over: list[str] = []
    for name in names[:-1]:
        try:
            return Choice(name, make(name), f'the fastest on a {device.type.upper()}')
        except BackendError as error:
            passed_over.append(str(error))
            if isinstance(error, BrokenBackendError | SelfTestError):
                _LOG.warning('%s', error)
    return Choice(names[-1], make(names[-1]), '; '.join(passed_over))
