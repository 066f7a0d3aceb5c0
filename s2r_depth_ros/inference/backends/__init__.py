"""What runs the network: one small interface, and a table of runtimes behind it.

``torch`` is the default and needs nothing else. The others are optional; where one is missing, the
error says which packages to install.
"""

from __future__ import annotations

import importlib

import torch

from s2r_depth_ros.inference.backends.base import Backend, BackendError, Source

__all__ = ['BACKENDS', 'Backend', 'BackendError', 'Source', 'make_backend']

# Name -> module of this package with a function ``make(source, size, device, dtype)``.
BACKENDS = {
    'torch': 'torch_backend',
    'eager': 'eager_backend',
    'tap': 'tap_backend',
    'openvino': 'openvino_backend',
    'onnxruntime': 'onnxruntime_backend',
}


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
        raise BackendError(f"unknown backend '{name}': use {', '.join(BACKENDS)}")
    module = importlib.import_module(f'{__name__}.{BACKENDS[name]}')
    backend: Backend = module.make(source, size, device, dtype)
    return backend
