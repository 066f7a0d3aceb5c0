"""Timing of the network and of the estimator, interleaved with the reference in the same run.

A machine's speed drifts: only ratios within one run can be trusted. So the cases take turns, a few
runs each, and every row carries its ratio to the reference: the network as the specification
writes it, in float32 and with gradients enabled, as the authors' test script runs it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.inference.backends import make_backend
from s2r_depth_ros.inference.devices import resolve_precision
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.network.checkpoint import load_model

REFERENCE = 'reference'
_PACKAGES = ('torch', 'numpy', 'opencv-python-headless', 'openvino', 'onnxruntime', 'onnx', 'numba')
_FLAGS = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8')
# Runs in a row of one case before the next has its turn; the first of them warms the caches.
_BLOCK = 6

Timed = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One backend in one precision, and the model file it runs."""

    backend: str
    precision: str
    model: Path

    @property
    def label(self) -> str:
        """How the case is named in tables."""
        int8 = ' int8' if 'int8' in self.model.name else ''
        return f'{self.backend} {self.precision}{int8}'


@dataclass(frozen=True)
class Row:
    """Times of one case: milliseconds of wall clock, and of CPU time over all threads.

    ratio: how many times faster than the reference (medians of this run). make_s: seconds until
    it was ready to run. depth_change_*: relative to the reference's depth, over the pixels of the
    image, None at the reference itself.
    """

    level: str
    case: str
    runs: int
    median_ms: float
    p95_ms: float
    p99_ms: float
    cpu_median_ms: float
    ratio: float
    make_s: float
    depth_change_median: float | None
    depth_change_p99: float | None


def measure(timed: Mapping[str, Timed], runs: int, synchronise: Timed) -> dict[str, NDArray]:
    """Run every callable at least ``runs`` times, taking turns in blocks.

    Returns name -> float [n, 2]: seconds of wall clock and of CPU time.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(-(-runs // (_BLOCK - 1))):
        for name, call in timed.items():
            call()
            for _ in range(_BLOCK - 1):
                synchronise()
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                synchronise()
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.array(values) for name, values in times.items()}


def measure_inference(
    cases: Sequence[Case],
    model: Path,
    image: NDArray[np.uint8],
    size: tuple[int, int],
    device: torch.device,
    runs: int,
) -> list[Row]:
    """Level a: the network alone, its input ready on the device."""
    network, metadata = load_model(model)
    network.to(device)
    tensor = Preprocessor(metadata, size, device, torch.float32)(image)

    def reference() -> Tensor:
        return network(tensor).depths[-1]

    timed: dict[str, Timed] = {REFERENCE: reference}
    depths, made = {REFERENCE: reference().detach().cpu()}, {REFERENCE: 0.0}
    for case in cases:
        start = time.perf_counter()
        dtype = resolve_precision(case.precision, device)
        source = case.model if case.model.suffix == '.onnx' else load_model(case.model)[0]
        backend = make_backend(case.backend, source, size, device, dtype)
        own = tensor.to(backend.input_dtype)
        depths[case.label] = backend(own).depth.float().cpu().clone()
        made[case.label] = time.perf_counter() - start
        timed[case.label] = partial(backend, own)
    times = measure(timed, runs, _synchroniser(device))
    changes = {name: _change(depth, depths[REFERENCE]) for name, depth in depths.items()}
    return _rows('a inference', times, made, changes)


def measure_estimator(
    cases: Sequence[Case],
    model: Path,
    image: NDArray[np.uint8],
    size: tuple[int, int],
    device: torch.device,
    runs: int,
) -> list[Row]:
    """Level b: image array in, depth array out. The reference is the backend eager in fp32."""
    every = {REFERENCE: Case('eager', 'fp32', model)} | {case.label: case for case in cases}
    timed: dict[str, Timed] = {}
    depths, made = {}, {}
    fx = float(image.shape[1])
    for name, case in every.items():
        start = time.perf_counter()
        estimator = DepthEstimator(
            case.model,
            device=str(device),
            precision=case.precision,
            input_size=size,
            backend=case.backend,
        )
        depths[name] = torch.from_numpy(estimator.predict(image, fx=fx).depth)
        made[name] = time.perf_counter() - start
        timed[name] = partial(estimator.predict, image, fx=fx)
    times = measure(timed, runs, _synchroniser(device))
    reference = depths[REFERENCE]
    changes = {name: _change(d - 1, reference - 1) for name, d in depths.items()}
    return _rows('b estimator', times, made, changes)


def machine(device: torch.device) -> dict[str, Any]:
    """Return what times depend on: processor, threads, load, versions, GPU."""
    cpu = _cpu_info()
    facts: dict[str, Any] = {
        'cpu': cpu.get('model name', platform.processor()),
        'cpu_family_model': f'{cpu.get("cpu family", "?")}/{cpu.get("model", "?")}',
        'cpu_flags': [flag for flag in _FLAGS if flag in cpu.get('flags', '').split()],
        'cores': os.cpu_count(),
        'threads': torch.get_num_threads(),
        'load_average_at_start': [round(load, 2) for load in os.getloadavg()],
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
        'versions': _versions(),
    }
    if device.type == 'cuda':
        facts['gpu'] = torch.cuda.get_device_name(device)
        facts['cuda'] = torch.version.cuda
    return facts


def drawn_image(height: int, width: int) -> NDArray[np.uint8]:
    """Return a deterministic uint8 RGB picture with edges, shading and texture."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    noise = np.random.default_rng(0).normal(0, 8, (height, width))
    channels = [
        128 + 80 * np.sin(9 * columns + 5 * rows * shift) + 40 * (rows > 0.4) + noise
        for shift in (1, 2, 3)
    ]
    return np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8)


def format_rows(rows: Sequence[Row]) -> str:
    """Return the rows as a text table."""
    head = f'{"level":13}{"case":24}{"median":>9}{"p95":>9}{"p99":>9}{"cpu":>9}{"ratio":>7}'
    lines = [head + f'{"start":>8}{"change: median":>17}{"p99":>9}']
    for row in rows:
        change = '' if row.depth_change_median is None else f'{row.depth_change_median:.1e}'
        p99 = '' if row.depth_change_p99 is None else f'{row.depth_change_p99:.1e}'
        lines.append(
            f'{row.level:13}{row.case:24}{row.median_ms:9.1f}{row.p95_ms:9.1f}{row.p99_ms:9.1f}'
            f'{row.cpu_median_ms:9.1f}{row.ratio:7.2f}{row.make_s:8.2f}{change:>17}{p99:>9}'
        )
    return '\n'.join([*lines, 'times in ms (start: s); ratio: times as fast as the reference'])


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects, rounded to what a clock can tell."""
    return [
        {k: float(f'{v:.4g}') if isinstance(v, float) else v for k, v in asdict(row).items()}
        for row in rows
    ]


def _rows(
    level: str,
    times: Mapping[str, NDArray],
    made: Mapping[str, float],
    changes: Mapping[str, tuple[float, float]],
) -> list[Row]:
    reference = float(np.median(times[REFERENCE][:, 0]))
    rows = []
    for name, values in times.items():
        wall = 1e3 * values[:, 0]
        median, p95, p99 = (float(v) for v in np.percentile(wall, (50, 95, 99)))
        cpu = 1e3 * float(np.median(values[:, 1]))
        change = (None, None) if name == REFERENCE else changes[name]
        ratio = 1e3 * reference / median
        rows.append(Row(level, name, len(wall), median, p95, p99, cpu, ratio, made[name], *change))
    return rows


def _change(depth: Tensor, reference: Tensor) -> tuple[float, float]:
    """Return median and 99th percentile of the relative change of depth; inputs in [-1, 1]."""
    truth = (reference + 1).flatten()
    change = ((depth + 1).flatten() - truth).abs() / truth.clamp_min(1e-4)
    median, p99 = np.nanpercentile(change.numpy(), (50, 99))
    return float(median), float(p99)


def _synchroniser(device: torch.device) -> Timed:
    return torch.cuda.synchronize if device.type == 'cuda' else lambda: None


def _versions() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_info() -> dict[str, str]:
    """Return the first processor's entry of /proc/cpuinfo, empty where there is none."""
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        return {}
    entry = text.split('\n\n', 1)[0]
    pairs = (line.partition(':') for line in entry.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
