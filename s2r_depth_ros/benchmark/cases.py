"""What is timed: backends in their precisions."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.devices import BF16_UNITS, cpu_has_bf16
from s2r_depth_ros.network_choices import BACKENDS, PRECISIONS

# The package that a backend needs, where it is not called as the backend.
_PACKAGES = {'torch': 'torch', 'eager': 'torch', 'tap': 'numba'}


class CaseError(UserError):
    """The text does not name a backend and a precision."""


@dataclass(frozen=True)
class Case:
    """One backend in one precision, and the model file it runs."""

    backend: str
    precision: str
    model: Path

    @property
    def label(self) -> str:
        """How the case is named in tables."""
        int8 = ' int8' if 'int8' in self.model.name else ''
        return f'{self.backend} {self.precision}{int8}'


def parse_case(text: str, model: Path) -> Case:
    """Return the case of a text such as torch:fp32. Raises CaseError for another text."""
    backend, _, precision = text.partition(':')
    if backend not in BACKENDS or precision not in PRECISIONS:
        raise CaseError(
            f'case {text}: use BACKEND:PRECISION, of {", ".join(BACKENDS)} and '
            f'{", ".join(PRECISIONS)}'
        )
    return Case(backend, precision, model)


def int8_case(model: Path) -> Case:
    """Return the case that runs the int8 file ``model`` on this CPU."""
    return Case('openvino', 'bf16' if cpu_has_bf16() else 'fp32', model)


def left_out(device: torch.device) -> str | None:
    """Return in words what ``default_cases`` leaves out on ``device``, None for nothing."""
    if device.type != 'cpu' or cpu_has_bf16():
        return None
    return (
        f'bf16 is left out: this CPU has no bf16 units ({BF16_UNITS}), and without them it is many '
        'times slower than fp32'
    )


def default_cases(device: torch.device, model: Path) -> list[Case]:
    """Return the cases that can run on ``device`` with the packages that are installed."""
    if device.type == 'cuda':
        names = ['eager:fp32', 'eager:fp16', 'torch:fp32', 'torch:fp16', 'torch:bf16']
        if importlib.util.find_spec('triton') is not None:
            names.append('tap:fp16')
    else:
        installed = [
            name
            for name in BACKENDS
            if importlib.util.find_spec(_PACKAGES.get(name, name)) is not None
        ]
        names = [f'{name}:fp32' for name in installed]
        if cpu_has_bf16():
            names += [f'{name}:bf16' for name in installed if name in ('torch', 'openvino')]
    return [parse_case(name, model) for name in names]
