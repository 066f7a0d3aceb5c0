"""``benchmark``: how fast a model runs here, every time also as a ratio to the plain network."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.benchmark.cases import (
    Case,
    default_cases,
    int8_case,
    left_out,
    parse_case,
)
from s2r_depth_ros.benchmark.inputs import drawn_image, random_model, resized_picture
from s2r_depth_ros.benchmark.levels import Workload, measure_estimator, measure_inference
from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.benchmark.rows import as_json, format_rows
from s2r_depth_ros.commands import arguments
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.inference.estimator import model_metadata
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.network.s2r_depthnet import WIDTHS
from s2r_depth_ros.option_values import count, size

_LEVELS = {'a': measure_inference, 'b': measure_estimator}
_GRAPH = 'c'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    what = parser.add_mutually_exclusive_group()
    arguments.add_model(what)
    what.add_argument(
        '--width', type=float, choices=WIDTHS, help='random weights of this width instead'
    )
    arguments.add_input_size(parser)
    parser.add_argument(
        '--image-size', type=size, metavar='HxW', default=(480, 640),
        help='of the camera (default: 480x640)',
    )  # fmt: skip
    parser.add_argument('--image', type=Path, help='picture to run on, instead of a drawn one')
    # Not auto: one command line times the same kind of processor wherever it runs.
    arguments.add_device(parser, default='cpu')
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
        '--cameras', type=count, metavar='N',
        help='at level c: also N cameras at once, served by one node and by N nodes',
    )  # fmt: skip
    parser.add_argument('--runs', type=count, default=50, help='runs of each case (default: 50)')
    parser.add_argument('--threads', type=count, help='default: as many as torch takes')
    arguments.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print the tables, write the JSON. Raises UserError for what cannot be run."""
    if args.json:
        check_output(args.json)
    if not args.levels or set(args.levels) - {*_LEVELS, _GRAPH}:
        raise UserError(f"--levels '{args.levels}': use one or more letters of 'abc'")
    if args.cameras is not None and (args.cameras < 2 or _GRAPH not in args.levels):
        raise UserError('--cameras N: needs at least 2 cameras, and c among the --levels')
    if args.threads:
        torch.set_num_threads(args.threads)
    device = resolve_device(args.device)
    with tempfile.TemporaryDirectory() as folder:
        model = random_model(args.width, Path(folder)) if args.width else find_model(args.model)
        report = _measure(args, model, _cases(args, model, device), device)
    if args.json:
        write_json(args.json, report)
    return 0


def _cases(args: argparse.Namespace, model: Path, device: torch.device) -> list[Case]:
    """Return the cases named, or all that can run here; the int8 file comes last."""
    if args.cases:
        cases = [parse_case(text, model) for text in args.cases]
    else:
        cases = default_cases(device, model)
        if told := left_out(device):
            print(told, file=sys.stderr)
    return [*cases, int8_case(args.int8)] if args.int8 else cases


def _measure(
    args: argparse.Namespace, model: Path, cases: Sequence[Case], device: torch.device
) -> dict[str, Any]:
    """Run the levels asked for, print each when it is done, and return the report."""
    metadata = model_metadata(model)
    workload = _workload(args, model, metadata, device)
    report: dict[str, Any] = {
        'machine': machine(device),
        'settings': _settings(args, metadata, workload),
        'rows': [],
    }
    for level, measure in _LEVELS.items():
        if level in args.levels:
            rows = measure(cases, workload)
            print(format_rows(rows), flush=True)
            report['rows'] += as_json(rows)
    if _GRAPH in args.levels:
        report |= _measure_graph(cases, workload, args.cameras)
    return report


def _workload(
    args: argparse.Namespace, model: Path, metadata: ModelMetadata, device: torch.device
) -> Workload:
    height, width = args.image_size
    return Workload(
        model=model,
        image=resized_picture(args.image, height, width) if args.image
        else drawn_image(height, width),
        input_size=args.input_size or (metadata.input_height, metadata.input_width),
        device=device,
        runs=args.runs,
    )  # fmt: skip


def _settings(
    args: argparse.Namespace, metadata: ModelMetadata, workload: Workload
) -> dict[str, Any]:
    return {
        'model': metadata.name,
        'model_sha256': metadata.sha256,
        'width': metadata.width,
        'input_size': list(workload.input_size),
        'image_size': list(workload.image.shape[:2]),
        'device': str(workload.device),
        'runs': workload.runs,
        'image': 'file' if args.image else 'drawn',
    }


def _measure_graph(
    cases: Sequence[Case], workload: Workload, cameras: int | None
) -> dict[str, Any]:
    """Run level c, print it and return its part of the report."""
    try:
        from s2r_depth_ros.graph_benchmark import graphs, report
        from s2r_depth_ros.rig.process_group import ProcessError
    except ImportError as error:
        raise UserError(
            f'level c needs ROS 2 ({error}): source your ROS 2, or leave c out of --levels'
        ) from error
    image, size, device = workload.image, workload.input_size, str(workload.device)
    found: dict[str, Any] = {}
    try:
        found['graph'] = [graphs.measure(case, image, size, device) for case in cases]
        print(report.format_results(found['graph']), flush=True)
        if cameras:
            found['cameras'] = [
                row
                for case in cases
                for row in graphs.measure_cameras(case, image, size, device, cameras)
            ]
            print(report.format_cameras(found['cameras']), flush=True)
    except ProcessError as error:
        print(error.last_words, file=sys.stderr)
        raise
    return found
