"""PyTorch, and the GPU that it sees."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from glob import glob

from s2r_depth_ros.dependencies import DependencyError, check_torch
from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.doctor.imports import imported
from s2r_depth_ros.errors import brief

_THREADS = re.compile(r'\s*\+?0*[1-9][0-9]*\s*', re.ASCII)
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
        yield Finding('torch', FAILED, error.found, error.remedy)
        return
    yield torch
    yield from threads(os.environ)
    yield _gpu()


def threads(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Give a note of each number of threads that OpenMP cannot read, and so ignores."""
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        numbers = environment.get(name, '')
        # One for each level of nesting, parted by commas.
        if numbers and not all(map(_THREADS.fullmatch, numbers.split(','))):
            text = f'{brief(repr(numbers))} is no number of threads: all cores are taken'
            yield Finding(name, NOTE, text, 'set it to a whole number from 1 on, or unset it')


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
