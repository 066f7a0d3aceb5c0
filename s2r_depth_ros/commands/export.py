"""``export``: a model as ONNX with its metadata inside, checked against torch; also in int8."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.export.calibration import calibration_inputs
from s2r_depth_ros.export.quantization import quantize
from s2r_depth_ros.files import check_output, write_atomically
from s2r_depth_ros.inference.backends import make_backend
from s2r_depth_ros.inference.backends.onnx_file import SUFFIX, to_onnx, with_metadata
from s2r_depth_ros.inference.backends.self_test import Depths, measured
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.size_rule import check_size

# Largest difference to torch of depth in [-1, 1], as of every float32 backend.
_TOLERANCE = 1e-4
_CPU = torch.device('cpu')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    arguments.add_model(parser)
    parser.add_argument('--out', type=Path, required=True, help=f'file to write, *{SUFFIX}')
    arguments.add_input_size(parser)
    parser.add_argument(
        '--int8', type=Path, metavar='FOLDER',
        help='quantise to 8 bits, calibrated on the images in this folder (its .npz shards of '
        'the synthetic training set, or picture files)',
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the file; return 1, and write nothing, if it does not compute what torch does.

    Raises UserError for a model, size, folder or output that cannot be used.
    """
    check_output(args.out, (SUFFIX,))
    network, metadata = load_model(find_model(args.model))
    size = args.input_size or (metadata.input_height, metadata.input_width)
    check_size(*size)
    metadata = replace(metadata, input_height=size[0], input_width=size[1])
    content = to_onnx(network, size)
    difference = _difference(network, content, metadata, args.out)
    print(f'float32: largest difference to torch {difference:.1e} of [-1, 1]')
    if difference > _TOLERANCE:
        print(f'error: more than {_TOLERANCE:g}; nothing was written')
        return 1
    if args.int8:
        images = calibration_inputs(args.int8, metadata)
        content = quantize(content, images)
        print(f'int8: calibrated on {len(images)} images; check its depth error with evaluate')
    write_atomically(args.out, with_metadata(content, metadata, _depths(content, size)))
    print(f'{args.out}: {len(content) / 2**20:.1f} MiB, input {size[0]}x{size[1]}')
    return 0


def _difference(network: S2RDepthNet, content: bytes, metadata: ModelMetadata, out: Path) -> float:
    """Return the largest difference of the exported model's depth to that of torch."""
    size = (metadata.input_height, metadata.input_width)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, *size, generator=generator) * 2 - 1
    expected = make_backend('eager', network, size, _CPU, torch.float32)(image).depth
    session = make_backend('onnxruntime', network, size, _CPU, torch.float32)
    return float(np.abs(session(image).depth.numpy() - expected.numpy()).max())


def _depths(content: bytes, size: tuple[int, int]) -> Depths:
    """Return what the file computes in the self-test, as a file that is read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f'exported{SUFFIX}'
        path.write_bytes(content)
        name = 'onnxruntime'
        return measured(name, make_backend(name, path, size, _CPU, torch.float32), size)
