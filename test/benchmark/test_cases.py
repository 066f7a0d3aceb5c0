from __future__ import annotations

from pathlib import Path

from s2r_depth_ros.benchmark.cases import Case


def test_int8_label() -> None:
    assert Case('openvino', 'bf16', Path('x.int8.onnx')).label == 'openvino bf16 int8'
    assert Case('torch', 'fp32', Path('x.safetensors')).label == 'torch fp32'
