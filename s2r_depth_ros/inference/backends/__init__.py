"""What runs the network: one small interface, and a table of runtimes behind it.

``torch`` needs nothing else. The others are optional; where one is missing, the error says which
packages to install. ``auto`` takes the fastest that is there.
"""

from __future__ import annotations

import importlib

import torch

from s2r_depth_ros.inference.backends.automatic import AUTO, Choice, choose
from s2r_depth_ros.inference.backends.base import Backend, BackendError, Source

__all__ = [
    'BACKENDS', 'BACKEND_NAMES', 'Backend', 'BackendError', 'Choice', 'Source', 'choose_backend',
    'make_backend',
]  # fmt: skip

# Name -> module of this package with a function ``make(source, size, device, dtype)``.
BACKENDS = {
    'torch': 'torch_backend',
    'eager': 'eager_backend',
    'tap': 'tap_backend',
    'openvino': 'openvino_backend',
    'onnxruntime': 'onnxruntime_backend',
}
# What users may ask for.
BACKEND_NAMES = (AUTO, *BACKENDS)


def choose_backend(
    name: str,
    source: Source,
    size: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> Choice:
    """Return the backend ``name``, or for ``auto`` the fastest that runs here, and why it is taken.

    The other arguments, and what is raised, are those of ``make_backend``.
    """
    if name != AUTO:
        return Choice(name, make_backend(name, source, size, device, dtype), 'as asked for')
    return choose(
        source, size, device, dtype, lambda each: make_backend(each, source, size, device, dtype)
    )


def make_backend(
    name: str,
    source: Source,
    size: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> Backend:
    """Return the backend ``name`` for inputs of ``size`` (height, width), ready to run.

    source: the network, or an ONNX file of the export command (openvino and onnxruntime only).
    Raises BackendError for an unknown name, a runtime that is not installed, or a device or
    precision that it does not have.
    """
    if name not in BACKENDS:
        raise BackendError(f"unknown backend '{name}': use {', '.join(BACKEND_NAMES)}")
    module = importlib.import_module(f'{__name__}.{BACKENDS[name]}')
    backend: Backend = module.make(source, size, device, dtype)
    return backend
