"""Fine-tuning keeps the best, ends when nothing is gained, and goes on where it was cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import pytest
import torch
from torch import Tensor

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.adaptation.judging import Errors
from s2r_depth_training.adaptation.tuning import (
    Course,
    Judgement,
    Tuning,
    load_course,
    save_course,
    tune,
)
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.open_step import open_step
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.stages.config import StageConfig

FACTS = {'model': 'a', 'frames': 3}


def new_step(experiment: Experiment, store: FrameStore) -> TrainingStep:
    torch.manual_seed(0)
    stage = StageConfig('depth', 8, freeze_batch_norm=True)
    return open_step(experiment, stage, start_network(experiment), store, torch.device('cpu'))


def errors(value: float) -> Errors:
    return Errors(value, 0.5, value, 0.5, 1)


class Judges:
    """Judges by lists of errors, and keeps the weights that it was shown."""

    def __init__(self, values: list[float], rendered: Iterable[float] = repeat(0.3)) -> None:
        self.values: Iterator[float] = iter(values)
        self.rendered: Iterator[float] = iter(rendered)
        self.shown: list[dict[str, Tensor]] = []

    def __call__(self, step: int, network: S2RDepthNet) -> Judgement:
        self.shown.append({k: v.clone() for k, v in network.state_dict().items()})
        return Judgement(step, errors(next(self.values)), errors(next(self.rendered)))


def run(
    experiment: Experiment,
    store: FrameStore,
    values: list[float],
    tuning: Tuning,
    rendered: Iterable[float] = repeat(0.3),
) -> tuple[Course, Judges]:
    course, judges = Course(), Judges(values, rendered)
    tune(new_step(experiment, store), course, tuning, judges, lambda: None, lambda n, c: None)
    return course, judges


def test_the_best_is_kept(experiment: Experiment, store: FrameStore) -> None:
    tuning = Tuning(1e-3, steps=6, seconds=1e6, every=2)
    course, judges = run(experiment, store, [0.5, 0.4, 0.2, 0.3], tuning)
    assert [j.step for j in course.history] == [0, 2, 4, 6]
    assert course.best_judgement.step == 4
    assert course.best is not None
    assert all(torch.equal(v, judges.shown[2][k]) for k, v in course.best.items())
    assert course.over


def test_it_ends_when_nothing_is_gained(experiment: Experiment, store: FrameStore) -> None:
    tuning = Tuning(1e-3, steps=100, seconds=1e6, every=1, patience=2)
    course, judges = run(experiment, store, [0.5, 0.4, 0.6, 0.7, 0.8], tuning)
    assert len(judges.shown) == 4
    assert course.best_judgement.step == 1


def test_what_is_never_better_stays_as_it_was(experiment: Experiment, store: FrameStore) -> None:
    tuning = Tuning(1e-3, steps=2, seconds=1e6, every=1)
    course, judges = run(experiment, store, [0.1, 0.4, 0.6], tuning)
    assert course.best_judgement.step == 0
    assert course.best is not None
    assert all(torch.equal(v, judges.shown[0][k]) for k, v in course.best.items())


def test_time_ends_it_too(experiment: Experiment, store: FrameStore) -> None:
    tuning = Tuning(1e-3, steps=100, seconds=1e-6, every=50)
    course, _ = run(experiment, store, [0.5, 0.4], tuning)
    assert [j.step for j in course.history] == [0, 1]


@pytest.mark.parametrize(
    ('rendered', 'share'),
    [([0.314], 1.0), ([0.316, 0.31], 0.75), ([0.9, 0.8, 0.3], 0.5), ([0.9, 0.8, 0.7, 0.2], 0.25)],
)
def test_no_more_is_learnt_than_does_not_make_it_forget(
    experiment: Experiment, store: FrameStore, rendered: list[float], share: float
) -> None:
    """Five hundredths are borne: 0.3 may become 0.315."""
    tuning = Tuning(1e-3, steps=1, seconds=1e6, every=1)
    course, judges = run(experiment, store, [0.5, *[0.4] * 4], tuning, [0.3, *rendered])
    assert course.best_judgement == (1, errors(0.4), errors(rendered[-1]), share)
    start, learnt = judges.shown[:2]
    assert len(judges.shown) == 1 + len(rendered)
    assert course.best is not None
    changed = [k for k, v in start.items() if not torch.equal(v, learnt[k])]
    assert changed
    for key in changed:
        mixed = (1 - share) * start[key] + share * learnt[key]
        assert torch.allclose(course.best[key], mixed, atol=1e-6)


def test_what_forgets_however_little_was_learnt_is_not_taken(
    experiment: Experiment, store: FrameStore
) -> None:
    tuning = Tuning(1e-3, steps=2, seconds=1e6, every=2)
    course, judges = run(experiment, store, [0.5, *[0.1] * 4], tuning, [0.3, *[0.32] * 4])
    assert course.best_judgement.step == 0
    assert course.best is not None
    assert all(torch.equal(v, judges.shown[0][k]) for k, v in course.best.items())


def test_mixing_changes_nothing_of_what_is_trained(
    experiment: Experiment, store: FrameStore
) -> None:
    tuning = Tuning(1e-3, steps=2, seconds=1e6, every=1)
    _, free = run(experiment, store, [0.5, 0.4, 0.3], tuning)
    _, mixed = run(experiment, store, [0.5, 0.4, 0.4, 0.3], tuning, [0.3, 0.4, 0.3, 0.3])
    assert all(torch.equal(v, mixed.shown[3][k]) for k, v in free.shown[2].items())


class CutOffError(Exception):
    """As if the process had been killed."""


def test_a_run_that_was_cut_off_goes_on(
    experiment: Experiment, store: FrameStore, tmp_path: Path
) -> None:
    values, tuning = [0.5, 0.4, 0.3, 0.2, 0.1], Tuning(1e-3, steps=4, seconds=1e6, every=1)
    whole, _ = run(experiment, store, values, tuning)
    path, course, step = tmp_path / 'state.pt', Course(), new_step(experiment, store)

    def cut_off(number: int, course: Course) -> None:
        if number == 3:
            raise CutOffError

    def save() -> None:
        save_course(path, step, course, FACTS)

    with pytest.raises(CutOffError):
        tune(step, course, tuning, Judges(values), save, cut_off)
    step = new_step(experiment, store)
    course = load_course(path, step, FACTS)
    assert [j.step for j in course.history] == [0, 1, 2]
    tune(step, course, tuning, Judges(values[3:]), save, lambda n, c: None)
    assert [j[:2] for j in course.history] == [j[:2] for j in whole.history]
    assert whole.best is not None
    assert course.best is not None
    assert all(torch.equal(v, course.best[k]) for k, v in whole.best.items())
    assert load_course(path, step, FACTS).over


def test_another_run_is_not_gone_on_with(
    experiment: Experiment, store: FrameStore, tmp_path: Path
) -> None:
    path, step = tmp_path / 'state.pt', new_step(experiment, store)
    save_course(path, step, Course(), FACTS)
    with pytest.raises(DataError, match=r'another frames \(3, now 4\); give another --out'):
        load_course(path, step, {**FACTS, 'frames': 4})
    path.write_bytes(b'rubbish')
    with pytest.raises(DataError, match='is no run of adapt'):
        load_course(path, step, FACTS)
