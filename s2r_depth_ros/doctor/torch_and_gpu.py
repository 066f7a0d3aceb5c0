"""PyTorch, and the GPU that it sees."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob

from s2r_depth_ros.dependencies import DependencyError, check_torch
from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.doctor.imports import imported
from s2r_depth_ros.errors import brief

_SLOWER = 'the network runs on the CPU'


def check() -> Iterator[Finding]:
    """Look at torch, then let a GPU multiply."""
    torch = imported('torch')
    if torch.state != OK:
        yield torch
        return
    try:
        check_torch()
    except DependencyError as error:
        yield Finding('torch', FAILED, str(error))
        return
    yield torch
    yield _gpu()


def _gpu() -> Finding:
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        if glob('/dev/nvidia[0-9]*'):
            text = f'there is an NVIDIA GPU, but torch {torch.__version__} is built without CUDA'
            return Finding('GPU', FAILED, text, 'install a CUDA build of torch, see README.md')
        return Finding('GPU', NOTE, f'none, and torch is built without CUDA: {_SLOWER}')
    if not torch.cuda.is_available():
        if not glob('/dev/nvidia[0-9]*'):
            return Finding('GPU', NOTE, f'none: {_SLOWER}')
        text = f'there is an NVIDIA GPU, but torch (CUDA {torch.version.cuda}) cannot use it'
        remedy = 'look at `nvidia-smi` and CUDA_VISIBLE_DEVICES; the driver must fit that CUDA'
        return Finding('GPU', FAILED, text, remedy)
    return _try_gpu()


def _try_gpu() -> Finding:
    """Return what the first GPU is, or why it does not compute what the CPU does."""
    import torch

    name = torch.cuda.get_device_name(0)
    try:
        left = torch.arange(64.0).reshape(8, 8)
        right = (left.cuda() @ left.cuda()).cpu()
    except RuntimeError as error:  # no kernel for it, no memory, a driver that does not fit
        remedy = 'install a build of torch for this GPU; `nvidia-smi` tells who uses its memory'
        return Finding('GPU', FAILED, f'{name} does not compute: {brief(error)}', remedy)
    if not torch.allclose(right, left @ left):
        return Finding('GPU', FAILED, f'{name} multiplies wrongly', 'set device: cpu')
    free, total = torch.cuda.mem_get_info(0)
    memory = f'{free / 2**30:.1f} of {total / 2**30:.1f} GiB free'
    return Finding('GPU', OK, f'{name}, CUDA {torch.version.cuda}, {memory}')
