"""Where and in which precision the network runs."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import torch

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.network_choices import PRECISIONS

# As x86 and, the last one, ARM call them.
_BF16_UNITS = frozenset({'avx512_bf16', 'amx_bf16', 'bf16'})
BF16_UNITS = 'avx512_bf16, amx_bf16; bf16 on ARM'
_CPU_INFO = Path('/proc/cpuinfo')

_LOG = logging.getLogger(__name__)


class DeviceError(UserError, RuntimeError):
    """The device is not there, or cannot compute in the precision."""


def resolve_device(name: str) -> torch.device:
    """Return the device for ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises DeviceError, with the remedy, for another name or a GPU that is not there.
    """
    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    if name == 'cpu':
        return torch.device('cpu')
    if not re.fullmatch(r'cuda(:\d+)?', name):
        raise DeviceError(f"unknown device '{name}': use auto, cpu, cuda or cuda:N")
    if torch.version.cuda is None and torch.version.hip is None:
        raise DeviceError(
            f"device '{name}' was asked for, but this PyTorch ({torch.__version__}) is built "
            "without CUDA: install a CUDA build of torch, or use device 'cpu' or 'auto'"
        )
    if not torch.cuda.is_available():
        raise DeviceError(
            f"device '{name}' was asked for, but PyTorch sees no GPU: check nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or use device 'cpu' or 'auto'"
        )
    device, count = torch.device(name), torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        raise DeviceError(
            f"device '{name}' was asked for, but PyTorch sees {count} GPU(s): use cuda:0 to "
            f'cuda:{count - 1}'
        )
    return device


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of ``fp32``, ``fp16`` or ``bf16`` after checking that ``device`` has it.

    Raises DeviceError for another name, for fp16 on a CPU and for bf16 on a GPU without it.
    """
    if name not in PRECISIONS:
        raise DeviceError(f"unknown precision '{name}': use {', '.join(PRECISIONS)}")
    if device.type == 'cpu' and name == 'fp16':
        raise DeviceError(
            'precision fp16 is for GPUs: CPUs emulate it, slower than fp32 and less accurate; '
            'use precision fp32'
        )
    if device.type == 'cpu' and name == 'bf16' and not cpu_has_bf16():
        _LOG.warning(
            f'precision bf16 on a CPU without bf16 units ({BF16_UNITS}), as this one, is '
            'many times slower than fp32: use precision fp32'
        )
    if device.type == 'cuda' and name == 'bf16':
        with torch.cuda.device(device):
            supported = torch.cuda.is_bf16_supported(including_emulation=False)
        if not supported:
            raise DeviceError(
                f'{torch.cuda.get_device_name(device)} has no bf16: use precision fp16 or fp32'
            )
    dtype: torch.dtype = getattr(torch, PRECISIONS[name])
    return dtype


def cpu_has_bf16() -> bool:
    """Return whether this CPU multiplies bf16 itself, as the system tells; no where it does not."""
    entry = cpu_info()
    # Called Features on ARM.
    flags = f'{entry.get("flags", "")} {entry.get("Features", "")}'.split()
    return not _BF16_UNITS.isdisjoint(flags)


def cpu_info() -> dict[str, str]:
    """Return the first processor's entry of /proc/cpuinfo, empty where there is none."""
    try:
        text = _CPU_INFO.read_text()
    except OSError:
        return {}
    entry = text.split('\n\n', 1)[0]
    pairs = (line.partition(':') for line in entry.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
