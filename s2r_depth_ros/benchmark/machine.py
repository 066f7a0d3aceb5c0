"""The machine that times were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import torch

from s2r_depth_ros.inference.devices import cpu_info

_PACKAGES = ('torch', 'numpy', 'opencv-python-headless', 'openvino', 'onnxruntime', 'onnx', 'numba')
_FLAGS = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8')


def machine(device: torch.device) -> dict[str, Any]:
    """Return what times depend on, ready for JSON: processor, threads, load, versions, GPU."""
    cpu = cpu_info()
    facts: dict[str, Any] = {
        'cpu': cpu.get('model name', platform.processor()),
        'cpu_family_model': f'{cpu.get("cpu family", "?")}/{cpu.get("model", "?")}',
        'cpu_flags': [flag for flag in _FLAGS if flag in cpu.get('flags', '').split()],
        'cores': os.cpu_count(),
        'threads': torch.get_num_threads(),
        'load_average_at_start': [round(load, 2) for load in os.getloadavg()],
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
        'versions': _versions(),
    }
    if device.type == 'cuda':
        facts['gpu'] = torch.cuda.get_device_name(device)
        facts['cuda'] = torch.version.cuda
    return facts


def _versions() -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
