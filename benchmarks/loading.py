"""Times what loads training samples: images a second of one core, out of a set on disk.

    PYTHONPATH=.:training .venv/bin/python benchmarks/loading.py --json benchmarks/loading.json

The frames are noise before smooth depth, written as `s2r_train import` writes them. By CPU time of
one thread, so that it may be run beside other work; what a disk takes is not in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.option_values import count
from s2r_depth_training.dataset.format import TRAIN, Manifest, ShardFrame, write_manifest
from s2r_depth_training.dataset.samples import TrainingSamples
from s2r_depth_training.dataset.shard_writer import ShardWriter
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.runs.experiment import load_experiment

CONFIGS = Path(__file__).parents[1] / 'training/configs'
FRAMES = 64
# Experiment, kind of scene, and size of the stored frames (height, width).
CASES = (
    ('paper/outdoor', 'street', (375, 1242)),
    ('paper/indoor', 'indoor', (480, 640)),
    ('outdoor-s', 'street', (193, 640)),
    ('indoor-s', 'indoor', (480, 640)),
)


def noise_set(folder: Path, kind: str, size: tuple[int, int]) -> Path:
    """Write FRAMES frames of noise before smooth depth, 2 to 40 m; return the manifest."""
    height, width = size
    rng = np.random.default_rng(0)
    camera = Intrinsics(0.6 * width, 0.6 * width, (width - 1) / 2, (height - 1) / 2, width, height)
    writer = ShardWriter(folder, TRAIN)
    for scene in range(FRAMES):
        rgb = rng.integers(0, 255, (height, width, 3), np.uint8)
        coarse = rng.uniform(2, 40, (6, 8)).astype(np.float32)
        depth = cv2.resize(coarse, (width, height)).astype(np.float32)
        writer.add(ShardFrame.of_camera(rgb, depth, camera, scene))
    writer.flush()
    manifest = Manifest(kind=kind, zero_depth='unknown', shards=writer.entries)
    return write_manifest(folder, manifest)


def timed(case: tuple[str, str, tuple[int, int]], samples: int, folder: Path) -> dict[str, Any]:
    """Return how many samples of a case a core loads in a second."""
    name, kind, size = case
    data = load_experiment(CONFIGS / f'{name}.yaml').data
    data.mix, data.typical = {}, {}
    loader = TrainingSamples(FrameStore([noise_set(folder, kind, size)], TRAIN), data, 0)
    seconds = []
    for i in range(samples):
        began = time.process_time()
        loader[i]
        seconds.append(time.process_time() - began)
    median = statistics.median(seconds)
    return {
        'experiment': name,
        'stored': list(size),
        'input': [data.height, data.width],
        'ms': round(1e3 * median, 2),
        'images_per_s': round(1 / median, 1),
    }


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--samples', type=count, default=300)
    parser.add_argument('--json', type=Path)
    args = parser.parse_args()
    return reported(lambda: measure(args), 'loading')


def measure(args: argparse.Namespace) -> None:
    """Time the cases, print and write. Raises UserError for a file that cannot be written."""
    if args.json:
        check_output(args.json)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    results = []
    for case in CASES:
        with TemporaryDirectory() as folder:
            results.append(timed(case, args.samples, Path(folder)))
        print(json.dumps(results[-1]), flush=True)
    if args.json:
        write_json(args.json, {**machine(torch.device('cpu')), 'cases': results})


if __name__ == '__main__':
    sys.exit(main())
