"""What runs the network: one small interface, and runtimes behind it.

``torch`` needs nothing else. The others are optional; where one is missing, the error says which
packages to install. ``auto`` takes the fastest that is there.
"""

from __future__ import annotations

import importlib

import torch

from s2r_depth_ros.inference.backends.automatic import Choice, choose
from s2r_depth_ros.inference.backends.base import Backend, BackendError, Source
from s2r_depth_ros.inference.backends.self_test import SelfTestError, check_depth
from s2r_depth_ros.network_choices import AUTO, BACKEND_NAMES, BACKENDS

__all__ = [
    'Backend', 'BackendError', 'Choice', 'SelfTestError', 'Source', 'choose_backend',
    'make_backend',
]  # fmt: skip


def choose_backend(
    name: str,
    source: Source,
    size: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> Choice:
    """Return the backend ``name``, or for ``auto`` the fastest that runs here, and why it is taken.

    It has passed the self-test. The arguments, and what is raised, are those of ``make_backend``;
    SelfTestError is a BackendError, too.
    """

    def tested(each: str) -> Backend:
        backend = make_backend(each, source, size, device, dtype)
        check_depth(each, backend, source, size, device, dtype)
        return backend

    if name == AUTO:
        return choose(source, device, tested)
    return Choice(name, tested(name), 'as asked for')


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
