"""A small training set of made-up frames, and the smallest experiment on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_shards import make_set, make_shard

pytest.importorskip('lightning', reason='the training needs lightning, which only pip has')

from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.runs import budget, relay, side_by_side, timed_run, trunk
from s2r_depth_training.runs.experiment import Experiment, ValidationConfig
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.stages.config import LossConfig, OptimizerConfig, StageConfig


@pytest.fixture(scope='session')
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two training sets: rooms with restyled views, streets without."""
    paths = []
    for seed, kind in enumerate(('indoor', 'street')):
        folder = tmp_path_factory.mktemp(kind)
        restyled = kind == 'indoor'
        make_shard(folder / 'train.npz', 6 - seed, [1, 2], seed, restyled)
        make_shard(folder / 'validation.npz', 2, [3], 2 + seed, restyled)
        paths.append(make_set(folder, kind))
    return paths


@pytest.fixture(scope='session')
def store(manifests: list[Path]) -> FrameStore:
    """The training frames of both sets."""
    return FrameStore(manifests, 'train')


@pytest.fixture
def experiment(manifests: list[Path]) -> Experiment:
    """Two images a step at the smallest width, on the CPU."""
    return Experiment(
        width=0.125,
        accelerator='cpu',
        depth_init='kaiming',
        data=DataConfig([str(path) for path in manifests], batch=2),
        loss=LossConfig(l1=0, log=0.4, scale_invariant=1.0, gradient=0.35, structure=0.01),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        validation=ValidationConfig(every=2, frames=1),
        stages=[StageConfig('joint', steps=4)],
    )


class Clock:
    """A clock that only training steps move on, so that nothing depends on a machine's pace."""

    STEP_S = 0.15

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which pieces of a run go."""
    clock, run = Clock(), TrainingStep.run

    def timed(self: TrainingStep, rate: float) -> None:
        clock.now += clock.STEP_S
        run(self, rate)

    monkeypatch.setattr(TrainingStep, 'run', timed)
    for module in (budget, relay, side_by_side, timed_run, trunk):
        monkeypatch.setattr(module, 'time', clock)
    return clock
