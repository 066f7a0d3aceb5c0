"""OpenVINO on the CPU: float32, bfloat16 where the processor has it, and int8 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from s2r_depth_ros.inference.backends.base import OneByOne, Source, require, require_cpu, runs_in
from s2r_depth_ros.inference.backends.onnx_file import INPUT, to_onnx
from s2r_depth_ros.network.optimized import Maps

_NAME = 'openvino'
_HINTS = {torch.float32: 'f32', torch.bfloat16: 'bf16'}


class OpenVinoBackend:
    """One compiled model of one image and one request, which keeps its output buffers."""

    input_dtype = torch.float32

    def __init__(self, request: Any) -> None:
        self._request = request

    @runs_in(_NAME)
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``; they are the request's buffers."""
        outputs = self._request.infer(
            {INPUT: images.numpy()}, share_inputs=True, share_outputs=True
        )
        return Maps(*(torch.from_numpy(outputs[name]) for name in Maps._fields))


@runs_in(_NAME)
def make(
    source: Source, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> OneByOne:
    """Return the backend, with as many threads as torch has."""
    openvino = require('openvino', _NAME, 'openvino onnx')
    require_cpu(device, _NAME)
    core = openvino.Core()
    content = source.read_bytes() if isinstance(source, Path) else to_onnx(source, size)
    compiled = core.compile_model(
        core.read_model(content),
        'CPU',
        {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': _HINTS[dtype],
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
        },
    )
    return OneByOne(OpenVinoBackend(compiled.create_infer_request()))
