from __future__ import annotations

import logging
import platform
from pathlib import Path

import pytest
import torch

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference import devices
from s2r_depth_ros.inference.devices import DeviceError, resolve_device, resolve_precision

CPU = torch.device('cpu')


def pretend(monkeypatch: pytest.MonkeyPatch, built: bool, gpus: int) -> None:
    monkeypatch.setattr(torch.version, 'cuda', '13.0' if built else None)
    monkeypatch.setattr(torch.version, 'hip', None)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)


def test_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, built=False, gpus=0)
    assert resolve_device('auto') == CPU
    pretend(monkeypatch, built=True, gpus=1)
    assert resolve_device('auto') == torch.device('cuda')


def test_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, built=True, gpus=2)
    assert resolve_device('cpu') == CPU
    assert resolve_device('cuda') == torch.device('cuda')
    assert resolve_device('cuda:1') == torch.device('cuda:1')


@pytest.mark.parametrize('name', ['gpu', 'cuda:', 'cuda:x', 'CPU', '', 'cuda:-1'])
def test_unknown_name(name: str) -> None:
    with pytest.raises(DeviceError, match='use auto, cpu, cuda or cuda:N'):
        resolve_device(name)


@pytest.mark.parametrize(
    ('built', 'gpus', 'name', 'message'),
    [
        (False, 0, 'cuda', 'built without CUDA: install a CUDA build of torch, or use'),
        (True, 0, 'cuda', 'sees no GPU: check nvidia-smi and CUDA_VISIBLE_DEVICES'),
        (True, 2, 'cuda:2', r'sees 2 GPU\(s\): use cuda:0 to cuda:1'),
    ],
)
def test_gpu_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, built: bool, gpus: int, name: str, message: str
) -> None:
    pretend(monkeypatch, built, gpus)
    with pytest.raises(DeviceError, match=message) as caught:
        resolve_device(name)
    assert f"'{name}'" in str(caught.value)
    assert isinstance(caught.value, UserError)


def test_precision_on_a_cpu(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, 'cpu_has_bf16', lambda: True)
    assert resolve_precision('bf16', CPU) == torch.bfloat16
    assert caplog.messages == []
    monkeypatch.setattr(devices, 'cpu_has_bf16', lambda: False)
    with caplog.at_level(logging.WARNING):
        assert resolve_precision('fp32', CPU) == torch.float32
        assert caplog.messages == []
        assert resolve_precision('bf16', CPU) == torch.bfloat16
    assert 'slower than fp32' in caplog.messages[0]
    with pytest.raises(DeviceError, match=r'fp16 is for GPUs.*use precision fp32'):
        resolve_precision('fp16', CPU)
    with pytest.raises(DeviceError, match="unknown precision 'int8': use fp32, fp16, bf16"):
        resolve_precision('int8', CPU)


@pytest.mark.parametrize(
    ('entry', 'has'),
    [
        ('flags\t\t: fpu sse2 avx512f avx512_bf16 avx512_vnni', True),
        ('flags\t\t: fpu avx2 amx_bf16', True),
        ('flags\t\t: fpu sse2 avx2 avx512f avx512_vnni', False),
        ('processor\t: 0\nFeatures\t: fp asimd bf16 i8mm', True),
        ('processor\t: 0\nFeatures\t: fp asimd asimdhp', False),
        ('', False),
    ],
)
def test_bf16_units(entry: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux tells them on x86 and ARM; only the first processor's entry is read."""
    monkeypatch.setattr(devices, '_CPU_INFO', tmp_path / 'cpuinfo')
    assert not devices.cpu_has_bf16()  # no such file
    (tmp_path / 'cpuinfo').write_text(f'{entry}\n\nflags : avx512_bf16\n')
    assert devices.cpu_has_bf16() == has


def test_this_cpu_is_read_as_torch_reads_it() -> None:
    tell = getattr(torch.cpu, '_is_avx512_bf16_supported', None)
    if tell is None or platform.machine() != 'x86_64':
        pytest.skip('torch from 2.5 on tells this of x86')
    assert devices.cpu_has_bf16() == bool(tell())
