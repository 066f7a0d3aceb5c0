"""How fast this machine trains an experiment, and how many steps fit into a given time."""

from __future__ import annotations

import copy
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import lightning
from lightning.pytorch.callbacks import Callback

from s2r_depth_training.errors import PaceError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.stages.base import Stage

_VALIDATIONS = 10  # of a whole run, at most
_TRIAL_STEPS = 6
# Loading processes fill this many batches before the first step; these would look too fast.
_PREFETCHED = 2
_SAFETY = 0.95


@dataclass(frozen=True)
class Pace:
    """How long the parts of a run take, s."""

    once: float
    """What a run takes once."""
    steps: dict[str, float]
    """Stage -> one step."""
    validation: float
    """One validation and its checkpoint."""


@dataclass
class _Clock(Callback):
    """Notes when the steps of every stage end, and at last when the stage ends."""

    ends: dict[str, list[float]] = field(default_factory=dict)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        self._note(pl_module)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self._note(pl_module)

    def _note(self, module: lightning.LightningModule) -> None:
        assert isinstance(module, Stage)
        self.ends.setdefault(module.settings.stage.name, []).append(time.monotonic())

    def pace(self, seconds: float) -> Pace:
        """Return the pace of a run of ``seconds`` in which every stage was validated once."""
        steps, validations, usual = {}, [], 0.0
        for stage, (*ends, last) in self.ends.items():
            half = len(ends) // 2  # the first steps load libraries and choose algorithms
            steps[stage] = (ends[-1] - ends[half]) / (len(ends) - 1 - half)
            validations.append(last - ends[-1])
            usual += steps[stage] * len(ends) + validations[-1]
        return Pace(max(0.0, seconds - usual), steps, max(validations))


def measure_pace(experiment: Experiment, folder: Path) -> Pace:
    """Train every stage for a few steps in ``folder``, which is removed again."""
    trial = copy.deepcopy(experiment)
    count = _TRIAL_STEPS + 2 * _PREFETCHED * trial.data.workers
    for stage in trial.stages:
        stage.steps = trial.validation.every = count
    clock, start = _Clock(), time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        fit(trial, folder, [clock])
        return clock.pace(time.monotonic() - start)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fitted_to(experiment: Experiment, seconds: float, pace: Pace) -> Experiment:
    """Return ``experiment`` with as many steps as ``seconds`` allow, in its stages' proportions.

    Validation, at most ten times, takes no more than a quarter of the time if that can be helped.
    Raises PaceError.
    """
    left = seconds * _SAFETY - pace.once
    validations = int(min(_VALIDATIONS, max(1, 0.25 * left // max(pace.validation, 1e-9))))
    # A stage that is shorter than the others has one more.
    validating = (validations + len(experiment.stages) - 1) * pace.validation
    total = sum(stage.steps for stage in experiment.stages)
    mean = sum(pace.steps[s.name] * s.steps for s in experiment.stages) / total
    affordable = int((left - validating) / mean)
    if affordable < len(experiment.stages):
        raise PaceError(
            f'{experiment.name}: {max(seconds, 0):.0f} s are too few to train; starting takes '
            f'{pace.once:.0f} s, a validation {pace.validation:.0f} s, a step {mean:.2f} s'
        )
    fitted = copy.deepcopy(experiment)
    fitted.validation.every = every = max(1, affordable // validations)
    steps = min(affordable, every * validations)
    for stage in fitted.stages:
        share = steps * stage.steps // total
        # A multiple of ``every``, or less than it: the end of every stage is validated.
        stage.steps = share // every * every or max(1, share)
    return fitted
