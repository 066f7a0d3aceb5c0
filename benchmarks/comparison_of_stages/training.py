"""The training of the arms: one after the other on a CPU, side by side on a GPU."""

from __future__ import annotations

import argparse
import copy
import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from comparison_of_stages.arms import ARMS, STAGE_0, ComparisonError, needs, shared_experiment
from comparison_of_stages.results import load_network, save_result
from s2r_depth_ros.files import check_output, make_folder
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.runs.open_step import load_frames, open_step
from s2r_depth_training.runs.trunk import TRUNK, Trunk, Work, load_trunk, plain_copy, save_trunk
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.initialise import initialise

_LOG = logging.getLogger(__name__)
FORK = 0.6  # share after which arm d is left by arm f
SAVE_EVERY = 120.0  # s, on a CPU


class Runs:
    """The folder of all arms, and what they share: the experiment, the frames, the device."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.folder, self.images, self.pairs = args.runs, args.images, args.pairs
        self.device = resolve_device(args.device)
        self.experiment = shared_experiment()
        data = self.experiment.data
        data.manifests = [str(path.resolve()) for path in args.data]
        if args.batch:
            data.batch = args.batch
        if args.rate:
            self.experiment.optimizer.learning_rate = args.rate
        make_folder(self.folder)
        check_output(self.folder / 'any.safetensors')
        self.frames = load_frames(self.experiment, self.device)

    def result(self, name: str) -> Path:
        """Return the file of a result: of an arm, of ``encoder``, or of a fork."""
        return self.folder / f'{name}_{self.images}.safetensors'

    def fresh(self) -> S2RDepthNet:
        """Return the network that every arm begins with."""
        torch.manual_seed(self.experiment.seed)
        network = S2RDepthNet(self.experiment.width)
        initialise(network, self.experiment.depth_init)
        return network

    def network(self, name: str) -> S2RDepthNet:
        """Return the network of a result."""
        path = self.result(name)
        if not path.exists():
            raise ComparisonError(f'{path} is not there yet; train {name} first')
        return load_network(path, self.experiment.width)

    def open(self, name: str, stage: str, steps: int, network: S2RDepthNet) -> Trunk:
        """Return the trunk of ``name``, as far as it has come."""
        path = self.folder / f'{name}_{self.images}.trunk.pt'
        arm = ARMS.get(name)
        experiment = copy.deepcopy(self.experiment)
        experiment.loss.code = arm.code if arm else 0.0
        experiment.translation.own = STAGE_0.get(name, 0.0)
        saved = load_trunk(path) if path.exists() else None
        step = open_step(
            experiment, StageConfig(stage, steps), network, self.frames, self.device,
            saved['number'] if saved else 0,
        )  # fmt: skip
        config = self.experiment.optimizer
        rate = config.learning_rate * (arm.rate if arm else 1.0)
        trunk = Trunk(step, rate, config.warm_up, self.folder / f'{name}_{self.images}.jsonl')
        if saved:
            step.restore(saved)
        return trunk

    def growing(self, name: str, trunk: Trunk, end: int) -> Work[None]:
        """Grow ``trunk`` to step ``end``; on a CPU, saving now and then."""
        path = self.folder / f'{name}_{self.images}.trunk.pt'
        saved = time.monotonic()
        while trunk.step.number < end:
            yield from trunk.growing(min(200, end - trunk.step.number))
            if self.device.type == 'cpu' and time.monotonic() - saved > SAVE_EVERY:
                save_trunk(trunk.step.state(), path, {})
                saved = time.monotonic()

    def save(self, name: str, network: S2RDepthNet, facts: dict[str, Any]) -> None:
        """Write a result, and the facts about it."""
        save_result(self.result(name), network, facts)


def train(args: argparse.Namespace) -> None:
    """Bring the arms' results at ``args.images`` into being, on a GPU side by side."""
    runs = Runs(args)
    wanted = dict.fromkeys([ARMS[a].start for a in args.arms if ARMS[a].start in STAGE_0])
    waiting = [name for name in [*wanted, *args.arms] if not runs.result(name).exists()]
    running: dict[str, Work[None]] = {}
    at_once = len(waiting) if runs.device.type == 'cuda' else 1
    while waiting or running:
        ready = [n for n in waiting if runs.result(needs(n)).exists() or not needs(n)]
        for name in ready[: at_once - len(running)]:
            waiting.remove(name)
            running[name] = stage_0(runs, name) if name in STAGE_0 else arm_work(runs, name)
        if not running:
            raise ComparisonError(f'{waiting[0]} starts from {needs(waiting[0])}: train that too')
        for name, work in list(running.items()):
            if next(work, True):
                del running[name]


def stage_0(runs: Runs, name: str) -> Work[None]:
    """Train E_s on ``pairs`` pairs, its rate annealed over the second half."""
    steps = max(2, runs.pairs // runs.experiment.data.batch)
    trunk = runs.open(name, 'encoder', steps, runs.fresh())
    began = time.monotonic()
    yield from runs.growing(name, trunk, steps // 2)
    network = yield from trunk.branching(steps - steps // 2)
    runs.save(name, network, {'pairs': runs.pairs, 'seconds': time.monotonic() - began})


def arm_work(runs: Runs, name: str) -> Work[None]:
    """Train one arm to its end."""
    arm, batch = ARMS[name], runs.experiment.data.batch
    fork, top, last = (int(share * runs.images) // batch for share in (FORK, TRUNK, 1.0))
    if arm.fork:
        top, last = top - fork, last - fork
    network = runs.network(needs(name)) if needs(name) else runs.fresh()
    trunk = runs.open(name, arm.stage, last, network)
    began = time.monotonic()
    if any(other.fork == name for other in ARMS.values()) and trunk.step.number <= fork:
        yield from runs.growing(name, trunk, fork)
        live = plain_copy(trunk.step.stage.network, trunk.step.stage.settings)
        runs.save(f'{name}_fork', live, {'step': fork})
    yield from runs.growing(name, trunk, top)
    network = yield from trunk.branching(last - top)
    seconds = time.monotonic() - began
    runs.save(name, network, facts_of(runs, name, seconds))
    _LOG.info('arm %s: %.0f s, %.0f images/s', name, seconds, last * batch / seconds)


def facts_of(runs: Runs, name: str, seconds: float) -> dict[str, Any]:
    """Return what a result's JSON says."""
    frames = runs.frames
    count = {k.kind: len(k.typical) for k in frames} if isinstance(frames, list) else {
        kind: frames.count(kind) for kind in frames.kinds}  # fmt: skip
    return {
        'arm': name,
        **asdict(ARMS[name]),
        'images': runs.images,
        'pairs_of_stage_0': runs.pairs,
        'seconds_of_training': round(seconds, 1),
        'device': torch.cuda.get_device_name() if runs.device.type == 'cuda' else 'cpu',
        'training_frames': count,
        'experiment': {**asdict(runs.experiment), 'stages': None},
    }
