from __future__ import annotations

from pathlib import Path

import pytest
import torch

from s2r_depth_ros.benchmark import cases
from s2r_depth_ros.benchmark.cases import Case, default_cases, int8_case, left_out


def test_int8_label() -> None:
    assert Case('openvino', 'bf16', Path('x.int8.onnx')).label == 'openvino bf16 int8'
    assert Case('torch', 'fp32', Path('x.safetensors')).label == 'torch fp32'


def test_bf16_is_left_out_where_the_cpu_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is said; a GPU has its own rules."""
    cpu, gpu, model = torch.device('cpu'), torch.device('cuda'), Path('x.safetensors')
    monkeypatch.setattr(cases, 'cpu_has_bf16', lambda: True)
    assert 'torch bf16' in [case.label for case in default_cases(cpu, model)]
    assert left_out(cpu) is None
    monkeypatch.setattr(cases, 'cpu_has_bf16', lambda: False)
    labels = [case.label for case in default_cases(cpu, model)]
    assert 'torch fp32' in labels
    assert not [label for label in labels if 'bf16' in label]
    assert int8_case(Path('x.int8.onnx')).precision == 'fp32'
    assert 'bf16 is left out: this CPU has no bf16 units' in (left_out(cpu) or '')
    assert left_out(gpu) is None
