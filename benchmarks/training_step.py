"""Times the training step on this machine: images/s, start-up, and where the time goes.

    training_step.py --device cuda --json out/training_step.json --profile out/training_step.txt

The frames are noise (time does not depend on what they show), in memory as a run's frames are.
"""

from __future__ import annotations

import time

_START = time.monotonic()  # before the imports, which are part of the start-up

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402

from s2r_depth_ros.benchmark.machine import machine  # noqa: E402
from s2r_depth_ros.command_table import reported  # noqa: E402
from s2r_depth_ros.errors import UserError  # noqa: E402
from s2r_depth_ros.files import check_output  # noqa: E402
from s2r_depth_ros.inference.devices import resolve_device  # noqa: E402
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet  # noqa: E402
from s2r_depth_ros.option_values import count, positive  # noqa: E402
from s2r_depth_training.dataset.device_frames import DeviceFrames  # noqa: E402
from s2r_depth_training.runs.experiment import Experiment, load_experiment  # noqa: E402
from s2r_depth_training.runs.open_step import open_step  # noqa: E402
from s2r_depth_training.runs.step import TrainingStep  # noqa: E402
from s2r_depth_training.stages.config import StageConfig  # noqa: E402
from s2r_depth_training.stages.initialise import initialise  # noqa: E402

CONFIG = Path(__file__).parents[1] / 'training/configs/indoor-s.yaml'
FRAMES = 256
# Stage, width, input size, images a step: what the targets are set for, then what models are.
CASES_CUDA = (
    ('joint', 0.25, (96, 128), 96),
    ('joint', 0.25, (96, 128), 256),
    ('joint', 0.25, (192, 256), 64),
    ('joint', 0.125, (96, 128), 64),
    ('formula', 0.125, (96, 128), 64),
    ('formula_attention', 0.125, (96, 128), 64),
    ('decoder', 0.125, (96, 128), 64),
    ('encoder', 0.125, (96, 128), 64),
    ('depth', 0.125, (96, 128), 64),
    ('depth', 0.125, (96, 192), 64),
)
CASES_CPU = (
    ('joint', 0.125, (96, 128), 8),
    ('depth', 0.125, (96, 128), 8),
    ('formula', 0.125, (96, 128), 8),
    ('joint', 0.25, (96, 128), 8),
)


def noise_frames(size: tuple[int, int], device: torch.device) -> DeviceFrames:
    """Return frames of noise with smooth depth, 1 to 5 m."""
    height, width = size
    rgb = torch.randint(0, 255, (FRAMES, height, width, 3), dtype=torch.uint8, device=device)
    coarse = torch.rand(FRAMES, 1, 6, 8, device=device) * 4 + 1
    depth = torch.nn.functional.interpolate(coarse, size, mode='bilinear')[:, 0].half()
    fx = torch.full((FRAMES,), 0.8 * width, device=device)
    typical = torch.arange(FRAMES, device=device)
    return DeviceFrames('indoor', False, rgb, rgb.flip(0), depth, fx, typical)


def case_step(case: tuple[Any, ...], device: torch.device) -> TrainingStep:
    """Return the step of a case."""
    stage, width, size, batch = case
    experiment: Experiment = load_experiment(CONFIG)
    experiment.width, experiment.frozen_bf16 = width, False
    experiment.data.batch = batch
    experiment.data.height, experiment.data.width = size
    torch.manual_seed(0)
    network = S2RDepthNet(width)
    initialise(network, experiment.depth_init)
    frames = [noise_frames((192, 256), device)]
    return open_step(experiment, StageConfig(stage, 1), network, frames, device)


def timed(case: tuple[Any, ...], device: torch.device, seconds: float) -> dict[str, Any]:
    """Return how fast the steps of a case are."""
    began = time.monotonic()
    step = case_step(case, device)
    step.run(1e-3)
    step.terms()
    first = time.monotonic() - began
    for _ in range(3):
        step.run(1e-3)
    step.wait()
    steps, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        for _ in range(4):
            step.run(1e-3)
        step.wait()
        steps += 4
    pace = (time.monotonic() - began) / steps
    stage, width, size, batch = case
    peak = torch.cuda.max_memory_allocated() / 1e9 if device.type == 'cuda' else 0.0
    return {
        'stage': stage,
        'width': width,
        'size': list(size),
        'batch': batch,
        'ms': round(1e3 * pace, 3),
        'images_per_s': round(batch / pace, 1),
        'first_step_s': round(first, 2),
        'peak_gb': round(peak, 2),
        'loss': round(step.terms()['loss'], 4),
    }


def profile(case: tuple[Any, ...], device: torch.device) -> str:
    """Return a table of what one step does, by device time; without a graph, which hides names."""
    step = case_step(case, device)
    for _ in range(3):
        step.take()
    step.wait()
    cuda = device.type == 'cuda'
    activities = [torch.profiler.ProfilerActivity.CUDA if cuda else
                  torch.profiler.ProfilerActivity.CPU]  # fmt: skip
    with torch.profiler.profile(activities=activities) as profiler:
        step.take()
        step.wait()
    order = 'cuda_time_total' if cuda else 'self_cpu_time_total'
    table = profiler.key_averages().table(sort_by=order, row_limit=80, max_name_column_width=90)
    return f'one training step: {case}\n{table}\n'


def main() -> int:
    """Run the command; return the exit status, see ``reported``: 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--seconds', type=partial(positive, unit='seconds'), default=1.5)
    number = partial(count, least=0)
    parser.add_argument('--cases', type=number, nargs='*', help='numbers of those to time')
    parser.add_argument('--profiled', type=number, default=0, help='number of the case to profile')
    parser.add_argument('--tune', action='store_true', help='let cuDNN try its algorithms first')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--profile', type=Path)
    args = parser.parse_args()
    return reported(lambda: measure(args), 'training_step')


def measure(args: argparse.Namespace) -> int:
    """Time and profile the cases, print and write; return 1 if one failed.

    Raises UserError for a device or a case that there is not, or files that cannot be written.
    """
    device = resolve_device(args.device)
    cases = CASES_CUDA if device.type == 'cuda' else CASES_CPU
    for i in (*(args.cases or ()), args.profiled):
        if i >= len(cases):
            raise UserError(f'no case {i}: on {device.type} there are 0 to {len(cases) - 1}')
    for path in filter(None, (args.json, args.profile)):
        check_output(path)
    torch.backends.cudnn.benchmark = args.tune
    results, startup = [], 0.0
    for case in cases if args.cases is None else [cases[i] for i in args.cases]:
        try:
            results.append(timed(case, device, args.seconds))
        except Exception as error:  # one case must not take the others along
            results.append({'case': list(case), 'error': f'{type(error).__name__}: {error}'[:2000]})
        startup = startup or time.monotonic() - _START
        print(json.dumps(results[-1]), flush=True)
    if args.json:
        facts = machine_facts(device, args.tune, startup)
        args.json.write_text(json.dumps({**facts, 'cases': results}, indent=1) + '\n')
    if args.profile:
        args.profile.write_text(profile(cases[args.profiled], device))
    return int(any('error' in result for result in results))


def machine_facts(device: torch.device, tune: bool, startup: float) -> dict[str, Any]:
    """Return what the times hold for. startup: s."""
    return {
        'machine': machine(device),
        'torch': torch.__version__,
        'cudnn_benchmark': tune,
        'startup_s': round(startup, 2),
        'note': 'startup_s: from the first import to the end of the first case',
    }


if __name__ == '__main__':
    sys.exit(main())
