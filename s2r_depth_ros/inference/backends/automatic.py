"""The backend ``auto``: the fastest that is installed here and computes what the network is."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from s2r_depth_ros.inference.backends.base import (
    Backend,
    BackendError,
    BrokenBackendError,
    Source,
)
from s2r_depth_ros.network.engine import computed_by
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

AUTO = 'auto'
# On a CPU, of networks and of ONNX files; measured in benchmarks/NOTES.md. A GPU runs torch.
_ON_CPU = ('openvino', 'torch')
_OF_FILES = ('openvino', 'onnxruntime')
# Difference of depth in [-1, 1] from the network that a runtime may make, by precision: of a half
# the median, as single pixels near edges differ more.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.02}

_LOG = logging.getLogger(__name__)


class Choice(NamedTuple):
    """A backend that was chosen, ready to run, and why."""

    name: str
    backend: Backend
    reason: str


def choose(
    source: Source,
    size: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
    make: Callable[[str], Backend],
) -> Choice:
    """Return the first that runs, of the fastest to the slowest, and computes ``source``'s depth.

    make: makes the backend of a name. The arguments before it are those of ``make_backend``.
    Raises BackendError if none runs.
    """
    if device.type != 'cpu' and not isinstance(source, Path):
        return Choice('torch', make('torch'), 'the fastest on a GPU')
    names = _OF_FILES if isinstance(source, Path) else _ON_CPU
    passed_over: list[str] = []
    for name in names[:-1]:
        try:
            backend = make(name)
            change = _change(backend, source, size, dtype)
        except BackendError as error:
            passed_over.append(str(error))
            if isinstance(error, BrokenBackendError):
                _LOG.warning('%s', error)
        else:
            if change <= TOLERANCE[dtype]:
                return Choice(name, backend, f'the fastest on a {device.type.upper()}')
            passed_over.append(f'{name} changes depth by {change:.2g}')
            _LOG.warning(
                "backend '%s' changes depth by %.2g of its range, more than %g: it is not used",
                name, change, TOLERANCE[dtype],
            )  # fmt: skip
    return Choice(names[-1], make(names[-1]), '; '.join(passed_over))


def _change(backend: Backend, source: Source, size: tuple[int, int], dtype: torch.dtype) -> float:
    """Return how far the backend's depth is from the network's, on a drawn image.

    0 for a file: there is nothing here to compare it with.
    """
    if not isinstance(source, S2RDepthNet):
        return 0.0
    image = _drawn(size)
    with torch.inference_mode(), computed_by(None):
        exact = source(image).depths[-1]
    depth = backend(image.to(backend.input_dtype)).depth.float()
    if depth.shape != exact.shape:
        return math.inf
    change = (depth - exact).abs()
    return float(change.max() if dtype == torch.float32 else change.median())


def _drawn(size: tuple[int, int]) -> Tensor:
    """Return an image float32 [1, 3, H, W] in [-1, 1] with edges and shades."""
    rows = torch.linspace(-1, 1, size[0])[:, None]
    columns = torch.linspace(-1, 1, size[1])
    shade = torch.sin(7 * rows + 4 * columns) * 0.6 + (rows > 0.2) * 0.3
    return torch.stack([shade, shade * columns, -shade])[None].float()
