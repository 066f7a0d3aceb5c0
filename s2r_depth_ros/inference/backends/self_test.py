"""Whether a backend computes what the network does: asked of each one before it is used.

A drawn picture goes through both; depths are compared in 6 rows of 8 places, each the mean of its
part of the image, as shares of the range. What is expected is computed by the plain network in
float32 on the CPU, so a model of any origin and any input size has it. A file of the export command
has no network beside it, and brings what it computed when it was exported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.inference.backends.base import Backend, BackendError, Source
from s2r_depth_ros.inference.backends.eager_backend import EagerBackend
from s2r_depth_ros.inference.backends.onnx_file import SELF_TEST_KEY, read_entries

PLACES = (6, 8)
# Largest change of depth, as a share of it. Measured on all models and backends here: float32 1e-6,
# bfloat16 0.013; 8-bit files in another runtime than the exporter's 0.005, in bfloat16 0.011.
# Swapped channels change it by 0.08, weights that are 1 % off by 0.05.
_EXACT, _ROUNDED, _HALF = 1e-4, 0.01, 0.03
_CPU = torch.device('cpu')
# In place of depth in [-1, 1] that is not finite, and what that is as a share of the range.
_NOT_FINITE, _MOST = 3.0, 2.0

Depths = list[list[float]]
"""Mean depth in each of the places, as shares of the model's range."""


class SelfTestError(BackendError):
    """A backend runs, and computes another depth than its model."""


def check_depth(
    name: str, backend: Backend, source: Source, size: tuple[int, int], device: torch.device,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    """Raise SelfTestError, with numbers, if ``backend`` changes the depth of ``source``.

    The arguments are those of ``make_backend``. A file that brings no depth of its own, as those of
    earlier versions, is tested for a map of the right size only.
    """
    depths = measured(name, backend, size, device)
    expected = _expected(source, size)
    if expected is None:
        return
    change, most = _change(depths, expected), _tolerance(source, device, dtype)
    if change > most:
        raise SelfTestError(
            f"self-test: backend '{name}' changes depth by {change:.2%} of it on {device} in "
            f'{_word(dtype)}, more than {most:.2%}: in the middle of the test picture it gives '
            f'{_middle(depths):.5f} of the range, the model {_middle(expected):.5f}. Use another '
            'backend or precision, install another version of the runtime, or export the file again'
        )


def measured(
    name: str, backend: Backend, size: tuple[int, int], device: torch.device = _CPU
) -> Depths:
    """Return what a backend makes of the picture. Raises SelfTestError for no such map."""
    depth = backend(_picture(size).to(device, backend.input_dtype)).depth
    if tuple(depth.shape) != (1, 1, *size):
        raise SelfTestError(
            f"self-test: backend '{name}' gives depth of shape {tuple(depth.shape)}, not "
            f'{(1, 1, *size)}: the file or the runtime is broken; export the file again, or use '
            'another backend'
        )
    # A place that is not finite is far from all that are, and equal to itself.
    finite = torch.nan_to_num(depth.float().cpu(), _NOT_FINITE, _NOT_FINITE, _NOT_FINITE)
    means = functional.adaptive_avg_pool2d(finite, PLACES)[0, 0]
    depths: Depths = ((means + 1) / 2).tolist()
    return depths


def expected_depths(source: Source, size: tuple[int, int]) -> Depths:
    """Return what the plain network makes of the picture, in float32 on the CPU."""
    return measured('eager', EagerBackend(source, _CPU, torch.float32), size)


def read_depths(path: Path, text: str) -> Depths:
    """Return what a file says that it computed. Raises SelfTestError for others."""
    try:
        means = torch.tensor(json.loads(text), dtype=torch.float32)
    except (ValueError, TypeError, RuntimeError, OverflowError, RecursionError):
        means = torch.full((), math.nan)
    if means.shape != PLACES or not bool(((means >= 0) & (means <= _MOST)).all()):
        raise SelfTestError(
            f'{path}: metadata {SELF_TEST_KEY!r} is not {PLACES[0]} rows of {PLACES[1]} numbers '
            'from 0 on; export the file again'
        )
    depths: Depths = means.tolist()
    return depths


def _expected(source: Source, size: tuple[int, int]) -> Depths | None:
    """Return the depths of a model; None of a file that does not say what it computes."""
    if not isinstance(source, Path):
        return expected_depths(source, size)
    text = read_entries(source).get(SELF_TEST_KEY)
    return None if text is None else read_depths(source, text)


def _change(depths: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> float:
    """Return the mean difference as a share of the mean depth."""
    found, right = torch.tensor(depths), torch.tensor(expected)
    return float((found - right).abs().mean() / right.mean().clamp(min=1e-6))


def _tolerance(source: Source, device: torch.device, dtype: torch.dtype) -> float:
    if dtype != torch.float32:
        return _HALF
    # A GPU may round float32 to 10 bits (TF32), and runtimes round 8-bit files in their own ways.
    return _ROUNDED if isinstance(source, Path) or device.type != 'cpu' else _EXACT


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix('torch.')


def _middle(depths: Depths) -> float:
    return depths[PLACES[0] // 2][PLACES[1] // 2]


def _picture(size: tuple[int, int]) -> Tensor:
    """Return an image float32 [1, 3, H, W] in [-1, 1] with edges and shades, in colour."""
    rows = torch.linspace(-1, 1, size[0])[:, None]
    columns = torch.linspace(-1, 1, size[1])
    shade = torch.sin(7 * rows + 4 * columns) * 0.6 + (rows > 0.2) * 0.3
    return torch.stack([shade, shade * columns, -shade])[None].float()
