"""ONNX Runtime: float32 and int8 files on the CPU, float32 on NVIDIA GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from s2r_depth_ros.inference.backends.base import BackendError, OneByOne, Source, require, runs_in
from s2r_depth_ros.inference.backends.onnx_file import INPUT, to_onnx
from s2r_depth_ros.network.optimized import Maps

_NAME = 'onnxruntime'
# In the order of preference; TensorRT and CUDA come with onnxruntime-gpu.
_PROVIDERS = {
    'cpu': ('CPUExecutionProvider',),
    'cuda': ('TensorrtExecutionProvider', 'CUDAExecutionProvider'),
}


class OnnxRuntimeBackend:
    """One session, of one image."""

    input_dtype = torch.float32

    def __init__(self, session: Any, device: torch.device) -> None:
        self._session = session
        self._device = device

    @runs_in(_NAME)
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        outputs = self._session.run(list(Maps._fields), {INPUT: images.cpu().numpy()})
        return Maps(*(torch.from_numpy(output).to(self._device) for output in outputs))


@runs_in(_NAME)
def make(
    source: Source, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> OneByOne:
    """Return the backend, with as many threads as torch has."""
    runtime = require('onnxruntime', _NAME, 'onnxruntime onnx')
    if dtype != torch.float32:
        raise BackendError(
            "backend 'onnxruntime' runs in fp32 (or an int8 file): use precision fp32, or backend "
            'openvino or torch for bf16'
        )
    providers = [p for p in _PROVIDERS[device.type] if p in runtime.get_available_providers()]
    if not providers:
        raise BackendError(
            "backend 'onnxruntime' has no GPU support as installed: pip install onnxruntime-gpu "
            'in place of onnxruntime, or use device cpu'
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    content = source.read_bytes() if isinstance(source, Path) else to_onnx(source, size)
    session = runtime.InferenceSession(content, options, providers)
    return OneByOne(OnnxRuntimeBackend(session, device))
