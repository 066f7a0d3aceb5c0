"""The training of the arms: one after the other on a CPU, side by side on a GPU."""

from __future__ import annotations

import argparse
import copy
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from comparison_of_stages.arms import (
    ARMS,
    STAGE_0,
    WORLD_SHARE,
    ComparisonError,
    needs,
    shared_experiment,
)
from comparison_of_stages.results import load_network, save_result
from s2r_depth_ros.files import check_output, make_folder
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.network.depth import fold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.weights import weights_sha256
from s2r_depth_training.dataset.device_frames import DeviceFrames
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.export import without_paths
from s2r_depth_training.runs.open_step import load_frames, open_step
from s2r_depth_training.runs.trunk import TRUNK, Trunk, Work, load_trunk, plain_copy, save_trunk
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.initialise import initialise

_Frames = FrameStore | list[DeviceFrames]

_LOG = logging.getLogger(__name__)
FORK = 0.6  # share after which arm d is left by arm f
SAVE_EVERY = 120.0  # s, on a CPU


def _absolute(manifests: Sequence[Path]) -> list[str]:
    return [str(path.resolve()) for path in manifests]


class Runs:
    """The folder of all arms, and what they share: the experiment, the frames, the device."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.folder, self.images, self.pairs = args.runs, args.images, args.pairs
        self.device = resolve_device(args.device)
        self.experiment = shared_experiment()
        self.start = args.start
        self.rooms, self.wide = _absolute(args.data), _absolute(args.wide)
        self.worlds = {Path(path).parent.name: path for path in _absolute(args.worlds)}
        if args.batch:
            self.experiment.data.batch = args.batch
        if args.rate:
            self.experiment.optimizer.learning_rate = args.rate
        make_folder(self.folder)
        check_output(self.folder / 'any.safetensors')
        self._frames: dict[tuple[str, ...], _Frames] = {}

    def result(self, name: str) -> Path:
        """Return the file of a result: of an arm, of ``encoder``, or of a fork."""
        return self.folder / f'{name}_{self.images}.safetensors'

    def fresh(self) -> S2RDepthNet:
        """Return the network that every arm begins with that has no start of its own."""
        if self.start:
            return load_network(self.start, self.experiment.width)
        torch.manual_seed(self.experiment.seed)
        network = S2RDepthNet(self.experiment.width)
        initialise(network, self.experiment.depth_init)
        return network

    def experiment_of(self, name: str) -> Experiment:
        """Return the experiment of an arm or a stage 0."""
        arm, experiment = ARMS.get(name), copy.deepcopy(self.experiment)
        data = experiment.data
        data.manifests = self.wide if arm and arm.wide else self.rooms
        if not data.manifests:
            raise ComparisonError(f'{name} learns from rooms of wide poses: give --wide a manifest')
        experiment.translation.own = STAGE_0.get(name, 0.0)
        experiment.loss.code = arm.code if arm else 0.0
        if arm and arm.worlds:
            if missing := [world for world in arm.worlds if world not in self.worlds]:
                raise ComparisonError(
                    f'{name} learns from {missing[0]}: give --worlds {missing[0]}/manifest.json'
                )
            data.manifests = data.manifests + [self.worlds[world] for world in arm.worlds]
            data.mix = {'indoor': 1 - WORLD_SHARE, 'gazebo': WORLD_SHARE}
            if data.typical:
                data.typical['gazebo'] = data.typical['indoor']
            data.widest['gazebo'] = data.widest['indoor']
        return experiment

    def frames(self, name: str) -> _Frames:
        """Return the frames that an arm or a stage 0 learns from, which many share."""
        experiment = self.experiment_of(name)
        key = tuple(experiment.data.manifests)
        if key not in self._frames:
            self._frames[key] = load_frames(experiment, self.device)
        return self._frames[key]

    def network(self, name: str) -> S2RDepthNet:
        """Return the network of a result."""
        path = self.result(name)
        if not path.exists():
            raise ComparisonError(f'{path} is not there yet; train {name} first')
        return load_network(path, self.experiment.width)

    def open(self, name: str, stage: str, steps: int, network: S2RDepthNet) -> Trunk:
        """Return the trunk of ``name``, as far as it has come."""
        path = self.folder / f'{name}_{self.images}.trunk.pt'
        arm, experiment = ARMS.get(name), self.experiment_of(name)
        saved = load_trunk(path) if path.exists() else None
        step = open_step(
            experiment, StageConfig(stage, steps), network, self.frames(name), self.device,
            saved['number'] if saved else 0,
        )  # fmt: skip
        config = self.experiment.optimizer
        rate = config.learning_rate * (arm.rate if arm else 1.0)
        trunk = Trunk(step, rate, config.warm_up, self.folder / f'{name}_{self.images}.jsonl')
        if saved:
            step.restore(saved)
        elif self.start and not needs(name):
            go_on(step.stage, self.fresh())
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


def go_on(stage: Stage, network: S2RDepthNet) -> None:
    """Give a stage the weights of ``network``, also where its DP would begin anew."""
    if stage.settings.fold_skips:
        fold_skip_weights(network.depth_net)
    for own in (stage.network, stage.average):
        own.load_state_dict(network.state_dict())


def train(args: argparse.Namespace) -> None:
    """Bring the arms' results at ``args.images`` into being, on a GPU side by side."""
    runs = Runs(args)
    wanted = dict.fromkeys([ARMS[a].start for a in args.arms if ARMS[a].start in STAGE_0])
    waiting = [name for name in [*wanted, *args.arms] if not runs.result(name).exists()]
    for name in waiting:
        runs.frames(name)  # before hours of work on those before it
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
    frames = runs.frames(name)
    count = {k.kind: len(k.typical) for k in frames} if isinstance(frames, list) else {
        kind: frames.count(kind) for kind in frames.kinds}  # fmt: skip
    return {
        'arm': name,
        **asdict(ARMS[name]),
        'images': runs.images,
        'weights_at_the_start': weights_sha256(load_file(runs.start)) if runs.start else '',
        'pairs_of_stage_0': runs.pairs,
        'seconds_of_training': round(seconds, 1),
        'device': torch.cuda.get_device_name() if runs.device.type == 'cuda' else 'cpu',
        'training_frames': count,
        'experiment': {**without_paths(runs.experiment_of(name)), 'stages': None},
    }
