"""The levels that are timed without ROS: a, the network alone; b, the estimator.

Every row carries its ratio to the reference, measured in the same run: the network as
docs/network.md has it, in float32 and with gradients enabled, as the authors' test script runs it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.benchmark.cases import Case
from s2r_depth_ros.benchmark.rows import TimingRow
from s2r_depth_ros.benchmark.timing import Timed, measure_in_turns
from s2r_depth_ros.inference.backends import make_backend
from s2r_depth_ros.inference.devices import resolve_precision
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.engine import computed_by

REFERENCE = 'reference'


@dataclass(frozen=True)
class Workload:
    """What every case runs.

    model: the reference's file. image: uint8 RGB [H, W, 3]. input_size: (height, width) of the
    network's input. runs: of each case, at least.
    """

    model: Path
    image: NDArray[np.uint8]
    input_size: tuple[int, int]
    device: torch.device
    runs: int


@dataclass(frozen=True)
class Contender:
    """One case, ready to run.

    depth: what ``run`` computes, proportional to distance. make_s: seconds until it was ready.
    """

    run: Timed
    depth: Tensor
    make_s: float


def measure_inference(cases: Sequence[Case], workload: Workload) -> list[TimingRow]:
    """Level a: the network alone, its input ready on the device."""
    network, metadata = load_model(workload.model)
    network.to(workload.device)
    preprocess = Preprocessor(metadata, workload.input_size, workload.device, torch.float32)
    tensor = preprocess(workload.image)

    def reference() -> Tensor:
        with computed_by(None):
            return network(tensor).depths[-1]

    contenders = {REFERENCE: Contender(reference, reference().detach().cpu() + 1, 0.0)}
    for case in cases:
        contenders[case.label] = _inference(case, tensor, workload)
    return _rows('a inference', contenders, workload)


def measure_estimator(cases: Sequence[Case], workload: Workload) -> list[TimingRow]:
    """Level b: image array in, depth array out. The reference is the backend eager in fp32."""
    contenders = {REFERENCE: _estimator(Case('eager', 'fp32', workload.model), workload)}
    for case in cases:
        contenders[case.label] = _estimator(case, workload)
    return _rows('b estimator', contenders, workload)


def relative_change(depth: Tensor, reference: Tensor) -> tuple[float, float]:
    """Return median and 99th percentile of the change of ``depth``, relative to ``reference``.

    Both are of one shape and proportional to distance; NaN is left out.
    """
    truth = reference.flatten()
    change = (depth.flatten() - truth).abs() / truth.clamp_min(1e-4)
    median, p99 = np.nanpercentile(change.numpy(), (50, 99))
    return float(median), float(p99)


def _inference(case: Case, tensor: Tensor, workload: Workload) -> Contender:
    """Return the backend of ``case``; tensor: float32 [1, 3, H, W] on the device."""
    start = time.perf_counter()
    dtype = resolve_precision(case.precision, workload.device)
    source = case.model if case.model.suffix == '.onnx' else load_model(case.model)[0]
    backend = make_backend(case.backend, source, workload.input_size, workload.device, dtype)
    own = tensor.to(backend.input_dtype)
    depth = backend(own).depth.float().cpu() + 1  # from [-1, 1]
    return Contender(partial(backend, own), depth, time.perf_counter() - start)


def _estimator(case: Case, workload: Workload) -> Contender:
    start = time.perf_counter()
    estimator = DepthEstimator(
        case.model,
        device=str(workload.device),
        precision=case.precision,
        input_size=workload.input_size,
        backend=case.backend,
    )
    run = partial(estimator.predict, workload.image, fx=float(workload.image.shape[1]))
    depth = torch.from_numpy(run().depth)
    return Contender(run, depth, time.perf_counter() - start)


def _rows(level: str, contenders: Mapping[str, Contender], workload: Workload) -> list[TimingRow]:
    """Time the contenders; return a row for each."""
    on_gpu = workload.device.type == 'cuda'
    synchronise: Timed = torch.cuda.synchronize if on_gpu else lambda: None
    timed = {name: contender.run for name, contender in contenders.items()}
    times = measure_in_turns(timed, workload.runs, synchronise)
    reference_s = float(np.median(times[REFERENCE][:, 0]))
    rows = []
    for name, contender in contenders.items():
        wall_ms = 1e3 * times[name][:, 0]
        median, p95, p99 = (float(v) for v in np.percentile(wall_ms, (50, 95, 99)))
        cpu = 1e3 * float(np.median(times[name][:, 1]))
        ratio = 1e3 * reference_s / median
        change: tuple[float, float] | tuple[None, None] = (None, None)
        if name != REFERENCE:
            change = relative_change(contender.depth, contenders[REFERENCE].depth)
        rows.append(
            TimingRow(
                level, name, len(wall_ms), median, p95, p99, cpu, ratio, contender.make_s, *change
            )
        )
    return rows
