from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from training_states import assert_same_state

from s2r_depth_ros.network.checkpoint import read_metadata
from s2r_depth_training.errors import ConfigError, DataError, DivergedError
from s2r_depth_training.runs import side_by_side
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.open_step import load_frames
from s2r_depth_training.runs.relay import open_relay, piece_work, trunk_file
from s2r_depth_training.runs.side_by_side import in_turns, run_pieces
from s2r_depth_training.runs.trunk import Work, load_trunk, run_to_end
from s2r_depth_training.stages.config import StageConfig

CPU = torch.device('cpu')


@pytest.fixture
def both(experiment: Experiment) -> list[Experiment]:
    """Two experiments that differ in their rate; DP alone, one image a step."""
    experiment.data.batch = 1
    experiment.validation.every = 1
    experiment.stages = [StageConfig('structure', steps=2), StageConfig('depth', steps=4)]
    first, second = copy.deepcopy(experiment), copy.deepcopy(experiment)
    first.name, second.name = 'a', 'b'
    second.optimizer.learning_rate = 2e-3
    return [first, second]


def counting(name: str, turns: int, log: list[str]) -> Work[str]:
    for _ in range(turns):
        log.append(name)
        yield
    return name.upper()


def test_works_take_turns_until_each_has_ended():
    log: list[str] = []
    works = {'b': counting('b', 1, log), 'a': counting('a', 3, log), 'c': counting('c', 2, log)}
    assert in_turns(works, 3) == {'b': 'B', 'a': 'A', 'c': 'C'}
    assert log == ['b', 'a', 'c', 'a', 'c', 'a']


def test_those_that_wait_begin_when_another_has_ended():
    log: list[str] = []
    works = {name: counting(name, 2, log) for name in 'abc'}
    assert in_turns(works, 2) == {'a': 'A', 'b': 'B', 'c': 'C'}
    assert log == ['a', 'b', 'a', 'b', 'c', 'c']


def test_where_one_diverges_the_others_come_to_their_end(caplog):
    log: list[str] = []

    def diverging() -> Work[str]:
        yield
        raise DivergedError('step 7: loss nan')

    with pytest.raises(DivergedError, match='step 7'):
        in_turns({'a': diverging(), 'b': counting('b', 4, log)}, 2)
    assert log == ['b'] * 4
    assert 'a: step 7: loss nan' in caplog.text


def test_pieces_in_turns_are_those_of_each_alone(both, tmp_path):
    """Bit for bit: no run draws from another's random state."""
    works = {}
    for own in both:
        relay = open_relay(copy.deepcopy(own), tmp_path / 'turns', None)
        frames = load_frames(own, CPU)
        works[own.name] = piece_work(relay, Extent(images=40), frames, CPU, tmp_path / 'turns')
    models = in_turns(works, 2)
    for own in both:
        relay = open_relay(copy.deepcopy(own), tmp_path / 'alone', None)
        frames = load_frames(own, CPU)
        alone = run_to_end(piece_work(relay, Extent(images=40), frames, CPU, tmp_path / 'alone'))
        assert_same_state(load_trunk(trunk_file(models[own.name])), load_trunk(trunk_file(alone)))
        assert read_metadata(models[own.name]).sha256 == read_metadata(alone).sha256


def test_on_a_cpu_they_go_one_after_the_other_and_share_the_time(both, tmp_path, clock):
    relays = [open_relay(own, tmp_path, None) for own in both]
    for relay in relays:
        relay.experiment.stages = [StageConfig('depth', steps=4)]
    began = clock.monotonic()
    models = run_pieces(relays, Extent(end=began + 4), CPU, tmp_path)
    assert models == [tmp_path / 'a.safetensors', tmp_path / 'b.safetensors']
    assert 3.5 < clock.monotonic() - began < 4.5
    seen = [read_metadata(model).provenance['seen']['depth'] for model in models]
    assert seen[0] == pytest.approx(seen[1], abs=2)


def test_images_are_for_each_run(both, tmp_path):
    relays = [open_relay(own, tmp_path, None) for own in both]
    for model in run_pieces(relays, Extent(images=10), CPU, tmp_path):
        assert read_metadata(model).provenance['seen'] == {'structure': 2, 'depth': 8}


def test_runs_that_draw_from_the_same_frames_share_them(both, tmp_path: Path, monkeypatch):
    loaded = []

    def load(own: Experiment, device: torch.device) -> str:
        loaded.append(own.name)
        return own.name

    monkeypatch.setattr(side_by_side, 'load_frames', load)
    third = copy.deepcopy(both[0])
    third.name, third.data.typical = 'c', {'indoor': [1.0, 2.0, 3.0]}
    relays = [open_relay(own, tmp_path, None) for own in (*both, third)]
    assert side_by_side._frames_of(relays, CPU) == ['a', 'a', 'c']
    assert loaded == ['a', 'c']


def test_what_would_end_a_run_at_once_is_told_before_the_first_is_trained(both, tmp_path):
    both[1].data.mix = {'attic': 1.0}
    relays = [open_relay(own, tmp_path, None) for own in both]
    with pytest.raises(DataError, match=r'^b: mix names'):
        run_pieces(relays, Extent(images=10), CPU, tmp_path)
    both[1].data.mix, both[1].width = {}, 0.5
    (model,) = run_pieces(relays[:1], Extent(images=10), CPU, tmp_path)
    both[1].start = str(model)
    relays = [open_relay(own, tmp_path / 'other', None) for own in both]
    with pytest.raises(ConfigError, match=r'^b: start: '):
        run_pieces(relays, Extent(images=10), CPU, tmp_path / 'other')
    assert not list((tmp_path / 'other').glob('*.safetensors'))


def test_on_a_cpu_too_the_others_go_on_where_one_diverges(both, tmp_path):
    both[0].optimizer.learning_rate = 1e30
    relays = [open_relay(own, tmp_path, None) for own in both]
    with pytest.raises(DivergedError):
        run_pieces(relays, Extent(images=10), CPU, tmp_path)
    assert [path.name for path in tmp_path.glob('*.safetensors')] == ['b.safetensors']
