"""Static 8-bit quantisation of an exported network.

Convolutions are quantised, except those that read the image or give a map: rounding the image
loses detail that no later layer can restore, and rounding a map is an error in distance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.inference.backends.base import require
from s2r_depth_ros.inference.backends.onnx_file import INPUT

_CONVOLUTIONS = ('Conv', 'ConvTranspose')
_IMAGE_CHANNELS = 3


def quantize(model: bytes, inputs: Sequence[NDArray[np.float32]]) -> bytes:
    """Return the ONNX ``model`` with 8-bit convolutions (QDQ, a scale per output channel).

    The ranges of activations are the extremes over ``inputs``. Raises BackendError without
    onnxruntime and onnx.
    """
    tool = require('onnxruntime.quantization', 'onnxruntime', 'onnxruntime onnx')
    shapes = require('onnxruntime.quantization.shape_inference', 'onnxruntime', 'onnxruntime onnx')
    onnx = require('onnx', 'onnxruntime', 'onnxruntime onnx')
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, result = (Path(folder) / f'{name}.onnx' for name in 'abc')
        plain.write_bytes(model)
        shapes.quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        tool.quantize_static(
            str(prepared),
            str(result),
            _reader(tool, inputs),
            quant_format=tool.QuantFormat.QDQ,
            per_channel=True,
            activation_type=tool.QuantType.QUInt8,
            weight_type=tool.QuantType.QInt8,
            op_types_to_quantize=list(_CONVOLUTIONS),
            nodes_to_exclude=_first_and_last(onnx.load(str(prepared)).graph),
        )
        return result.read_bytes()


def _first_and_last(graph: Any) -> list[str]:
    """Return the names of convolutions that read the image or give one channel."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    names = []
    for node in graph.node:
        if node.op_type in _CONVOLUTIONS:
            outputs, inputs = shapes[node.input[1]][:2]
            if outputs == 1 or inputs <= _IMAGE_CHANNELS:
                names.append(node.name)
    return names


def _reader(tool: Any, inputs: Sequence[NDArray[np.float32]]) -> Any:
    class Reader(tool.CalibrationDataReader):
        def __init__(self) -> None:
            self._inputs = iter(inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            array = next(self._inputs, None)
            return None if array is None else {INPUT: array}

    return Reader()
