"""``benchmark``: how fast a model runs here, every time also as a ratio to the plain network."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.benchmark import timing as benchmark
from s2r_depth_ros.benchmark.timing import Case, Row
from s2r_depth_ros.commands.arguments import size_argument
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.inference.backends import BACKENDS
from s2r_depth_ros.inference.devices import PRECISIONS, cpu_has_bf16, resolve_device
from s2r_depth_ros.inference.estimator import model_metadata
from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.registry import DEFAULT_MODEL, find_model
from s2r_depth_ros.network.s2r_depthnet import WIDTHS, S2RDepthNet

_LEVELS = {'a': benchmark.measure_inference, 'b': benchmark.measure_estimator}
_GRAPH = 'c'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--model', default=DEFAULT_MODEL, help='name of a model, or a file')
    what.add_argument(
        '--width', type=float, choices=WIDTHS, help='random weights of this width instead'
    )
    parser.add_argument(
        '--input-size', type=size_argument, metavar='HxW', help="default: the model's own"
    )
    parser.add_argument(
        '--image-size', type=size_argument, metavar='HxW', default=(480, 640),
        help='of the camera (default: 480x640)',
    )  # fmt: skip
    parser.add_argument('--image', type=Path, help='picture to run on, instead of a drawn one')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N (default: cpu)')
    parser.add_argument(
        '--cases', nargs='+', metavar='BACKEND:PRECISION',
        help='what to compare, such as torch:fp32 openvino:bf16; default: all that can run here',
    )  # fmt: skip
    parser.add_argument(
        '--int8', type=Path, metavar='ONNX', help='also run this int8 file of the export command'
    )
    parser.add_argument(
        '--levels', default='ab', help='a inference, b estimator, c whole graph (default: ab)'
    )
    parser.add_argument(
        '--cameras', type=int, metavar='N',
        help='at level c: also N cameras at once, served by one node and by N nodes',
    )  # fmt: skip
    parser.add_argument('--runs', type=int, default=50, help='runs of each case (default: 50)')
    parser.add_argument('--threads', type=int, help='default: as many as torch takes')
    parser.add_argument('--json', type=Path, help='write everything here')


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON. Raises UserError for what cannot be run."""
    if set(args.levels) - {*_LEVELS, _GRAPH}:
        raise UserError(f"--levels {args.levels}: use letters of 'abc'")
    if args.cameras is not None and (args.cameras < 2 or _GRAPH not in args.levels):
        raise UserError('--cameras N: needs at least 2 cameras, and c among the --levels')
    if args.threads:
        torch.set_num_threads(args.threads)
    device = resolve_device(args.device)
    with tempfile.TemporaryDirectory() as folder:
        model = _random_model(args.width, Path(folder)) if args.width else find_model(args.model)
        cases = _cases(args, model, device)
        report = _measure(args, model, cases, device)
    if args.json:
        write_atomically(args.json, (json.dumps(report, indent=1) + '\n').encode())
    return 0


def _measure(
    args: argparse.Namespace, model: Path, cases: list[Case], device: torch.device
) -> dict[str, Any]:
    """Run the levels asked for, print each when it is done, and return the report."""
    metadata = model_metadata(model)
    size = args.input_size or (metadata.input_height, metadata.input_width)
    image = _image(args)
    report: dict[str, Any] = {
        'machine': benchmark.machine(device),
        'settings': {
            'model': metadata.name,
            'model_sha256': metadata.sha256,
            'width': metadata.width,
            'input_size': list(size),
            'image_size': list(image.shape[:2]),
            'device': str(device),
            'runs': args.runs,
            'image': 'file' if args.image else 'drawn',
        },
        'rows': [],
    }
    for level, measure in _LEVELS.items():
        if level in args.levels:
            rows: list[Row] = measure(cases, model, image, size, device, args.runs)
            print(benchmark.format_rows(rows), flush=True)
            report['rows'] += benchmark.as_json(rows)
    if _GRAPH in args.levels:
        report |= _measure_graph(args, cases, image, size, str(device))
    return report


def _measure_graph(
    args: argparse.Namespace,
    cases: list[Case],
    image: NDArray[np.uint8],
    size: tuple[int, int],
    device: str,
) -> dict[str, Any]:
    """Run level c, print it and return its part of the report."""
    # Only here: needs ROS.
    graph = importlib.import_module('s2r_depth_ros.graph_benchmark')
    report: dict[str, Any] = {}
    try:
        report['graph'] = [graph.measure(case, image, size, device) for case in cases]
        print(graph.format_results(report['graph']), flush=True)
        if args.cameras:
            rows = (graph.measure_cameras(c, image, size, device, args.cameras) for c in cases)
            report['cameras'] = [row for pair in rows for row in pair]
            print(graph.format_cameras(report['cameras']), flush=True)
    except graph.ProcessError as error:
        print(error.last_words, file=sys.stderr)
        raise
    return report


def _cases(args: argparse.Namespace, model: Path, device: torch.device) -> list[Case]:
    """Return the cases named, or all that can run here; the int8 file comes last."""
    names = args.cases or _default_cases(device)
    cases = []
    for name in names:
        backend, _, precision = name.partition(':')
        if backend not in BACKENDS or precision not in PRECISIONS:
            raise UserError(
                f'--cases {name}: use BACKEND:PRECISION, of {", ".join(BACKENDS)} and '
                f'{", ".join(PRECISIONS)}'
            )
        cases.append(Case(backend, precision, model))
    if args.int8:
        cases.append(Case('openvino', 'bf16' if cpu_has_bf16() else 'fp32', args.int8))
    return cases


def _default_cases(device: torch.device) -> list[str]:
    if device.type == 'cuda':
        cases = ['eager:fp32', 'eager:fp16', 'torch:fp32', 'torch:fp16', 'torch:bf16']
        return cases + (['tap:fp16'] if importlib.util.find_spec('triton') else [])
    # Backends of torch alone, and those whose package is there.
    packages = {'torch': 'torch', 'eager': 'torch', 'tap': 'numba'}
    installed = [
        name for name in BACKENDS if importlib.util.find_spec(packages.get(name, name)) is not None
    ]
    cases = [f'{name}:fp32' for name in installed]
    if cpu_has_bf16():
        cases += [f'{name}:bf16' for name in installed if name in ('torch', 'openvino')]
    return cases


def _random_model(width: float, folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / f'random_{width:g}.safetensors'
    save_model(
        path,
        S2RDepthNet(width),
        ModelMetadata(
            name=path.stem,
            width=width,
            input_height=192,
            input_width=256,
            max_depth=80.0,
            focal_length=200.0,
            scene='universal',
            licence='MIT',
        ),
    )
    return path


def _image(args: argparse.Namespace) -> NDArray[np.uint8]:
    height, width = args.image_size
    if args.image is None:
        return benchmark.drawn_image(height, width)
    picture = cv2.imread(str(args.image), cv2.IMREAD_COLOR)
    if picture is None:
        raise UserError(f'{args.image}: cannot be read as an image')
    return np.ascontiguousarray(cv2.resize(picture, (width, height))[..., ::-1], np.uint8)
