"""The rewritten network as ONNX, for other runtimes, with the model's metadata in the file."""

from __future__ import annotations

import inspect
import io
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.inference.backends.base import require
from s2r_depth_ros.network.checkpoint import METADATA_KEY
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.optimized import Maps, OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

INPUT = 'image'
SUFFIX = '.onnx'
SELF_TEST_KEY = 's2r_depth_ros.self_test'
_OPSET = 17


def to_onnx(network: S2RDepthNet, size: tuple[int, int]) -> bytes:
    """Return ``network`` in evaluation mode as an ONNX model for inputs of ``size`` (H, W).

    Input ``image`` float32 [1, 3, H, W] in [-1, 1]; outputs depth, structure and attention, the
    fields of Maps, float32 [1, 1, H, W]. Raises BackendError without the package onnx.
    """
    require('onnx', 'onnx', 'onnx')
    buffer = io.BytesIO()
    # torch before 2.5 has this exporter only, and no name for it.
    exporter: dict[str, Any] = {'dynamo': False} if _has_two_exporters() else {}
    with warnings.catch_warnings():
        # About the exporter's age and about shapes that are constants here.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            OptimizedNetwork(network),
            (torch.zeros(1, 3, *size),),
            buffer,  # type: ignore[arg-type]  # which it takes
            **exporter,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=list(Maps._fields),
        )
    return buffer.getvalue()


def _has_two_exporters() -> bool:
    return 'dynamo' in inspect.signature(torch.onnx.export).parameters


def with_metadata(model: bytes, metadata: ModelMetadata, depths: Sequence[object]) -> bytes:
    """Return an ONNX model with ``metadata`` (of the model at the file's input size) inside.

    depths: what it computes in the self-test, as ``self_test.measured`` returns it.
    """
    onnx = require('onnx', 'onnx', 'onnx')
    proto = onnx.load_from_string(model)
    for key, text in ((METADATA_KEY, metadata.to_json()), (SELF_TEST_KEY, json.dumps(depths))):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, text
    content: bytes = proto.SerializeToString()
    return content


def read_onnx_metadata(path: Path) -> ModelMetadata:
    """Read the metadata of an exported file. Raises CheckpointError for another file."""
    text = read_entries(path).get(METADATA_KEY)
    if text is not None:
        return ModelMetadata.from_json(text)
    raise CheckpointError(
        f'{path}: no metadata of this package inside; write the file with the export command'
    )


def read_entries(path: Path) -> dict[str, str]:
    """Return what an ONNX file says of itself, by key.

    Raises CheckpointError for another file, and for one whose weights are in other files: a runtime
    would read them wherever the file says, and what is there is no part of the model.
    """
    onnx = require('onnx', 'onnx', 'onnx')
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own types
        raise CheckpointError(f'{path}: not an ONNX file ({error}); export it again') from error
    for tensor in _tensors(proto):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise CheckpointError(
                f'{path}: the weights {tensor.name!r} are in another file, which is not read; '
                'export it again, as one file'
            )
    return {entry.key: entry.value for entry in proto.metadata_props}


def _tensors(part: Any) -> Iterator[Any]:
    """Give all tensors of a message of ONNX, in whatever is within it."""
    for field, value in part.ListFields():
        if field.message_type is None:
            continue
        for item in (value,) if hasattr(value, 'ListFields') else value:
            if field.message_type.name == 'TensorProto':
                yield item
            else:
                yield from _tensors(item)
