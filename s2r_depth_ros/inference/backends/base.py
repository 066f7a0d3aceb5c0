"""The interface of a backend, and the error of asking for one that cannot run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol

import torch
from torch import Tensor

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.network.optimized import Maps
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

Source = S2RDepthNet | Path


class BackendError(UserError, RuntimeError):
    """A backend cannot run here, or not with this model, device or precision."""


class BrokenBackendError(BackendError):
    """A runtime is installed, but does not load, take the network, or compute."""


class Backend(Protocol):
    """Runs one network at one input size, for one caller at a time.

    input_dtype: the dtype of the images that ``__call__`` takes.
    """

    input_dtype: torch.dtype

    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images`` [N, 3, H, W] in [-1, 1]; valid until the next call."""
        ...


class OneByOne:
    """Makes a backend for batches of one that takes a single image: N images take N runs."""

    def __init__(self, single: Backend) -> None:
        self.input_dtype = single.input_dtype
        self._single = single

    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        if len(images) == 1:
            return self._single(images)
        # Copies, as the next run may overwrite what this one gave.
        runs = [[m.clone() for m in self._single(image)] for image in images.split(1)]
        return Maps(*(torch.cat(maps) for maps in zip(*runs)))


def require(module: str, backend: str, packages: str) -> ModuleType:
    """Import a runtime.

    Raises BackendError with the pip line if it is not installed, BrokenBackendError if it is, but
    cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever a broken installation raises
        missing = isinstance(error, ModuleNotFoundError) and error.name
        if missing and f'{module}.'.startswith(f'{missing}.'):
            raise BackendError(
                f"backend '{backend}' needs {module}, which cannot be imported ({error}): "
                f'pip install {packages}'
            ) from error
        raise BrokenBackendError(
            f"backend '{backend}': {module} is installed but cannot be imported "
            f'({type(error).__name__}: {brief(error)}); pip install --force-reinstall {packages}'
        ) from error


@contextmanager
def runs_in(backend: str) -> Iterator[None]:
    """Raise BrokenBackendError for whatever a runtime, maybe of another version, raises."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise BrokenBackendError(
            f"backend '{backend}' is installed but does not run here "
            f'({type(error).__name__}: {brief(error)}); install another version, or use another '
            'backend'
        ) from error


def require_network(source: Source, backend: str) -> S2RDepthNet:
    """Return ``source`` if it is a network; BackendError if it is an ONNX file."""
    if isinstance(source, Path):
        raise BackendError(
            f"{source}: backend '{backend}' does not run ONNX files; use backend openvino or "
            'onnxruntime, or give the .safetensors model'
        )
    return source


def require_cpu(device: torch.device, backend: str) -> None:
    """Raise BackendError unless ``device`` is the CPU."""
    if device.type != 'cpu':
        raise BackendError(
            f"backend '{backend}' runs on the CPU here, not on {device}: use device cpu, or "
            'backend torch'
        )
