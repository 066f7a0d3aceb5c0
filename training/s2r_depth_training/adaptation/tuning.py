"""The fine-tuning itself: some hundred steps at a falling rate, judged on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.adaptation.judging import Errors
from s2r_depth_training.errors import DataError
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import averaged_network, save_whole

_WARM_UP = 30  # steps
_LAST = 0.01  # of the rate, at the end
_FORGETTING = 0.05  # most that the scaled error on rendered scenes may grow by
SHARES = (1.0, 0.75, 0.5, 0.25)
"""Of what was learnt is kept the first of these with which no more than that is forgotten."""


@dataclass(frozen=True)
class Tuning:
    """rate: peak learning rate. steps: at most. seconds: at most, in all pieces together.

    every: steps between two judgements. patience: judgements in a row without a better one, after
    which there is nothing more to learn.
    """

    rate: float
    steps: int
    seconds: float
    every: int
    patience: int = 3


class Judgement(NamedTuple):
    """What a network is worth: on the recording's judging blocks, and on rendered scenes.

    share: of its weights that is what was learnt; the rest is the model as it was.
    """

    step: int
    recording: Errors
    rendered: Errors
    share: float = 1.0


Judge = Callable[[int, S2RDepthNet], Judgement]


@dataclass
class Course:
    """What a run has come to.

    start, best: weights of the model as it was and of the best judgement, None before the first.
    seconds: spent so far. over: whether it is finished.
    """

    history: list[Judgement] = field(default_factory=list)
    start: dict[str, Tensor] | None = None
    best: dict[str, Tensor] | None = None
    seconds: float = 0.0
    over: bool = False

    @property
    def best_judgement(self) -> Judgement:
        """The one of least error that has not forgotten; the first is the model as it was."""
        remembering = [judgement for judgement in self.history if not self.forgot(judgement)]
        return min(remembering, key=lambda judgement: judgement.recording.middle)

    def forgot(self, judgement: Judgement) -> bool:
        """Return whether rendered scenes have got worse than is borne."""
        before, after = (one.rendered.abs_rel_scaled for one in (self.history[0], judgement))
        return after > (1 + _FORGETTING) * before

    def add(self, judgement: Judgement, network: S2RDepthNet) -> None:
        """Note a judgement, and keep the network if none before was better."""
        weights = {k: v.clone() for k, v in network.state_dict().items()}
        if not self.history:
            self.start = weights
        self.history.append(judgement)
        if self.best_judgement is judgement:
            self.best = weights

    def is_stuck(self, patience: int) -> bool:
        """Return whether the last ``patience`` judgements were no better than one before."""
        return len(self.history) - 1 - self.history.index(self.best_judgement) >= patience


def tune(
    step: TrainingStep,
    course: Course,
    tuning: Tuning,
    judge: Judge,
    save: Callable[[], None],
    progress: Callable[[int, Course], None],
) -> None:
    """Train until the steps or the time are over, or what is judged gets no better.

    course: as far as the run has come; changed in place. judge: of the running average. save:
    called after each judgement. progress: called after each step with its number.
    """
    if not course.history:
        network = averaged_network(step)
        course.add(judge(0, network), network)
        save()
    before, began = course.seconds, time.monotonic()
    while not course.over:
        share = max(step.number / tuning.steps, course.seconds / tuning.seconds)
        warm = min(1.0, (step.number + 1) / (_WARM_UP + 1))
        step.run(tuning.rate * warm * max(_LAST, 1 - share))
        course.seconds = before + time.monotonic() - began
        ended = step.number >= tuning.steps or course.seconds >= tuning.seconds
        progress(step.number, course)
        if ended or step.number % tuning.every == 0:
            step.terms()  # raises for a loss that is not finite
            course.add(*_remembering(step, course, judge))
            course.over = ended or course.is_stuck(tuning.patience)
            course.seconds = before + time.monotonic() - began
            save()


def _remembering(step: TrainingStep, course: Course, judge: Judge) -> tuple[Judgement, S2RDepthNet]:
    """Return the running average with as much of what it learnt as does not make it forget.

    Weights between those of a network and of one tuned from it keep what both can (Wortsman et
    al., Robust fine-tuning of zero-shot models, 2022).
    """
    network = averaged_network(step)
    assert course.start is not None
    learnt = {k: v.clone() for k, v in network.state_dict().items()}
    for share in SHARES:
        network.load_state_dict(mixed(course.start, learnt, share))
        judgement = judge(step.number, network)._replace(share=share)
        if not course.forgot(judgement):
            break
    return judgement, network


def mixed(
    start: Mapping[str, Tensor], learnt: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return the weights that lie so far on the way from ``start`` to ``learnt``."""
    return {
        key: torch.lerp(start[key], value, share) if value.is_floating_point() else value
        for key, value in learnt.items()
    }


def save_course(path: Path, step: TrainingStep, course: Course, facts: dict[str, Any]) -> None:
    """Write a run's whole state and ``facts`` of what it is, whole or not at all."""
    content = {
        'step': step.state(),
        'history': [[j.step, list(j.recording), list(j.rendered), j.share] for j in course.history],
        'start': course.start,
        'best': course.best,
        'seconds': course.seconds,
        'over': course.over,
        'facts': facts,
    }
    save_whole(content, path)


def load_course(path: Path, step: TrainingStep, facts: dict[str, Any]) -> Course:
    """Bring ``step`` to where save_course left it, and return the run's course.

    Raises DataError for a file that is none, or of a run of other ``facts``.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        history = [Judgement(n, Errors(*a), Errors(*b), s) for n, a, b, s in content['history']]
        weights = content['start'], content['best']
        course = Course(history, *weights, content['seconds'], content['over'])
        saved, state = content['facts'], content['step']
    except Exception as error:  # torch.load raises many kinds
        raise DataError(f'{path} is no run of adapt: {error!r}; delete it') from error
    if different := [key for key in facts if saved.get(key) != facts[key]]:
        raise DataError(
            f'{path} is a run with another {different[0]} ({saved.get(different[0])}, now '
            f'{facts[different[0]]}); give another --out, or delete {path.parent}'
        )
    step.restore(state)
    return course
