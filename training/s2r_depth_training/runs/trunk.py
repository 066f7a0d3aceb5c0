"""One stage by the clock or by steps: a trunk at a constant rate, and annealed branches of it.

A trunk can always go on; what is published is a branch, whose rate falls to 1 %. So pieces of
minutes or hours add up to one long run, and each piece leaves a model.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

import torch

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.network.depth import unfold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.errors import DataError
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.stages.config import StageSettings

_LOG = logging.getLogger(__name__)
TRUNK = 0.8  # share of the images at the constant rate; the rest anneals
_LAST = 0.01  # of the rate, at the end of a branch
_LOOK_S = 5.0  # between looks at the losses
_WAIT = 16  # steps that are asked for ahead; the clock is read when they are done


_T = TypeVar('_T')
Work = Generator[None, None, _T]
"""Work that stops after every few steps, so that others may do theirs in turn."""


class Trunk:
    """Grows ``step``'s stage at the rate ``peak``, which its first ``warm_up`` steps rise to.

    log: file that gets a line of JSON at every look at the losses.
    """

    def __init__(self, step: TrainingStep, peak: float, warm_up: int, log: Path) -> None:
        self.step, self._peak, self._log = step, peak, log
        self._warm_up = warm_up
        self.first, self.began = step.number, time.monotonic()
        self.steps_per_s = 0.0

    @property
    def grown(self) -> int:
        """The steps that it took since it was opened."""
        return self.step.number - self.first

    def growing(self, steps: int) -> Work[None]:
        """Take ``steps`` steps at the constant rate, stopping after every few."""
        end = self.step.number + steps
        yield from self._run(lambda: self.step.number < end, self._constant)

    def growing_until(self, end: float) -> Work[None]:
        """Take steps until ``end``, a time.monotonic(), at least one, as ``growing`` does."""
        before = self.step.number
        yield from self._run(
            lambda: self.step.number == before or time.monotonic() < end, self._constant
        )

    def branching(self, steps: int) -> Work[S2RDepthNet]:
        """Anneal for ``steps`` steps, stopping after every few.

        Returns the average on the CPU, in evaluation mode, its skip weights unfolded; the trunk is
        as it was.
        """
        state = self.step.state()
        first, last = self.step.number, self.step.number + steps

        def falling(number: int) -> float:
            return self._constant(number) * max(_LAST, 1 - (number + 1 - first) / steps)

        yield from self._run(lambda: self.step.number < last, falling)
        network = averaged_network(self.step)
        self.step.restore(state)
        return network

    def _constant(self, number: int) -> float:
        return self._peak * min(1.0, (number + 1) / (self._warm_up + 1))

    def _run(self, goes_on: Callable[[], bool], rate: Callable[[int], float]) -> Work[None]:
        count, began = 0, time.monotonic()
        looked = began
        while goes_on():
            self.step.run(rate(self.step.number))
            count += 1
            if count % _WAIT == 0:
                yield
                self.step.wait()
                now = time.monotonic()
                self.steps_per_s = count / (now - began)
                if now - looked > _LOOK_S:
                    looked = now
                    self._look(rate(self.step.number))
        self.step.wait()
        self.steps_per_s = count / max(1e-9, time.monotonic() - began)
        self._look(rate(self.step.number))

    def _look(self, rate: float) -> None:
        """Log the losses. Raises DivergedError if one is not finite."""
        terms = {name: float(f'{value:.5g}') for name, value in self.step.terms().items()}
        name = self.step.stage.settings.stage.name
        line = {'stage': name, 'step': self.step.number, 'rate': float(f'{rate:.4g}'), **terms}
        line['steps_per_s'] = round(self.steps_per_s, 2)
        with self._log.open('a') as file:
            file.write(json.dumps(line) + '\n')
        _LOG.info('%s step %d: loss %.4g', name, self.step.number, terms.get('loss', 0.0))


def run_to_end(work: Work[_T]) -> _T:
    """Do ``work`` to its end; return what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def averaged_network(step: TrainingStep) -> S2RDepthNet:
    """Return the running average on the CPU, in evaluation mode, its skip weights unfolded."""
    return plain_copy(step.stage.average, step.stage.settings)


def plain_copy(network: S2RDepthNet, settings: StageSettings) -> S2RDepthNet:
    """Return a copy of a stage's network as model files have it: on the CPU, skips unfolded."""
    copied = S2RDepthNet(network.width)
    copied.load_state_dict(network.state_dict())
    copied.depth_net.skip_weights = network.depth_net.skip_weights
    if settings.fold_skips:
        unfold_skip_weights(copied.depth_net)
    copied.requires_grad_(False)
    return copied.eval()


def save_trunk(state: dict[str, Any], path: Path, facts: dict[str, Any]) -> None:
    """Write a step's whole state and ``facts``, whole or not at all."""
    save_whole({**state, 'facts': facts}, path)


def save_whole(content: dict[str, Any], path: Path) -> None:
    """Write tensors and what belongs to them, whole or not at all."""
    # Into memory first: of a full disk torch raises what names neither it nor the file.
    whole = io.BytesIO()
    torch.save(content, whole)
    write_atomically(path, whole.getbuffer())


def load_trunk(path: Path) -> dict[str, Any]:
    """Return what save_trunk wrote: a state for TrainingStep.restore, and ``facts`` in it.

    Raises DataError for a file that is none.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        _ = content['number'], content['stage'], content['optimizer'], content['facts']
    except Exception as error:  # torch.load raises many kinds
        raise DataError(f'{path} is not a trunk of s2r_train: {error!r}') from error
    return content
