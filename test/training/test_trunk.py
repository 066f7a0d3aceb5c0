from __future__ import annotations

import json
import resource
import signal
import time
from pathlib import Path

import pytest
import torch
from training_states import assert_same_state

from s2r_depth_ros.network.depth import SKIP_WEIGHTS, fold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError, DivergedError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.open_step import open_step
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.runs.trunk import (
    Trunk,
    averaged_network,
    load_trunk,
    plain_copy,
    run_to_end,
    save_trunk,
    save_whole,
)
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.initialise import initialise


@pytest.fixture
def small(experiment: Experiment) -> Experiment:
    """DP alone, one image a step."""
    experiment.data.batch = 1
    experiment.stages = [StageConfig('depth', steps=4)]
    return experiment


def opened(
    experiment: Experiment, store: FrameStore, folder: Path, peak: float = 1e-3, warm_up: int = 0
) -> Trunk:
    torch.manual_seed(0)
    network = S2RDepthNet(0.125)
    initialise(network, 'kaiming')
    step = open_step(experiment, experiment.stages[0], network, store, torch.device('cpu'))
    return Trunk(step, peak, warm_up, folder / 'log.jsonl')


def test_a_branch_leaves_the_trunk_as_it_was(small, store, tmp_path):
    """Weights, average, moments and number; also before the first step. It goes on as if uncut."""
    whole, branched = (opened(small, store, tmp_path) for _ in range(2))
    run_to_end(branched.branching(2))
    run_to_end(branched.growing(2))
    before = branched.step.state()
    first, again = run_to_end(branched.branching(2)), run_to_end(branched.branching(2))
    assert_same_state(branched.step.state(), before)
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    run_to_end(branched.growing(2))
    run_to_end(whole.growing(4))
    assert_same_state(branched.step.state(), whole.step.state())


def test_a_branch_is_the_average_after_annealing(small, store, tmp_path):
    """The same as steps at falling rates, to 1 % of the constant one."""
    trunk, twin = (opened(small, store, tmp_path) for _ in range(2))
    run_to_end(trunk.growing(1))
    branch = run_to_end(trunk.branching(3))
    run_to_end(twin.growing(1))
    for share in (1 - 1 / 3, 1 - 2 / 3, 0.01):
        twin.step.run(1e-3 * share)
    for key, value in twin.step.stage.average.state_dict().items():
        assert torch.equal(branch.state_dict()[key], value), key
    assert not branch.training
    assert not any(p.requires_grad for p in branch.parameters())
    key = 'depth_net.conv2.model.0.weight'
    assert not torch.equal(branch.state_dict()[key], trunk.step.stage.average.state_dict()[key])


def test_the_rate_warms_up_stays_and_falls_in_a_branch(small, store, tmp_path, monkeypatch):
    rates: list[float] = []

    def run(self: TrainingStep, rate: float) -> None:
        rates.append(rate)
        self.number += 1

    monkeypatch.setattr(TrainingStep, 'run', run)
    trunk = opened(small, store, tmp_path, peak=2.0, warm_up=3)
    run_to_end(trunk.growing(6))
    assert rates == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0])
    rates.clear()
    run_to_end(trunk.branching(4))
    assert rates == pytest.approx([1.5, 1.0, 0.5, 0.02])
    rates.clear()
    run_to_end(trunk.growing(1))
    assert rates == [2.0]


def test_work_is_done_in_turns(small, store, tmp_path, monkeypatch):
    """Two trunks take 16 steps each in turn; what is done so is as much as asked for."""
    order: list[TrainingStep] = []

    def run(self: TrainingStep, rate: float) -> None:
        order.append(self)
        self.number += 1

    monkeypatch.setattr(TrainingStep, 'run', run)
    trunks = [opened(small, store, tmp_path) for _ in range(2)]
    works = [trunk.growing(40) for trunk in trunks]
    while works:
        works = [work for work in works if next(work, True) is None]
    first, second = (trunk.step for trunk in trunks)
    assert [first.number, second.number] == [40, 40]
    assert order[:32] == [first] * 16 + [second] * 16


def test_growing_until_a_time_takes_a_step_at_least(small, store, tmp_path):
    trunk = opened(small, store, tmp_path)
    run_to_end(trunk.growing_until(time.monotonic() - 1))
    assert trunk.step.number == 1
    began = time.monotonic()
    run_to_end(trunk.growing_until(began + 0.5))
    assert trunk.step.number > 1
    assert 0.5 <= time.monotonic() - began < 5
    assert trunk.steps_per_s > 0


def test_losses_are_logged_as_lines_of_json(small, store, tmp_path):
    trunk = opened(small, store, tmp_path)
    run_to_end(trunk.growing(2))
    run_to_end(trunk.branching(1))
    lines = [json.loads(line) for line in (tmp_path / 'log.jsonl').read_text().splitlines()]
    assert [(line['stage'], line['step']) for line in lines] == [('depth', 2), ('depth', 3)]
    assert all(line.keys() >= {'rate', 'loss', 'gradient_norm', 'steps_per_s'} for line in lines)
    assert lines[0]['rate'] == 1e-3


def test_a_diverging_trunk_is_told(small, store, tmp_path):
    with pytest.raises(DivergedError, match='lower the learning rate'):
        run_to_end(opened(small, store, tmp_path, peak=1e30).growing(3))


@pytest.mark.parametrize('folded', [False, True])
def test_copies_have_their_skip_weights_unfolded(small, store, tmp_path, folded):
    small.fold_skips = folded
    trunk = opened(small, store, tmp_path)
    stage = trunk.step.stage
    image = torch.rand(1, 3, 96, 128) * 2 - 1
    with torch.no_grad():
        expected = stage.average(image).depths[-1]
        for copied in (averaged_network(trunk.step), plain_copy(stage.average, stage.settings)):
            assert copied.depth_net.skip_weights == SKIP_WEIGHTS
            torch.testing.assert_close(copied(image).depths[-1], expected, atol=1e-4, rtol=1e-4)
    if folded:
        again = averaged_network(trunk.step)
        fold_skip_weights(again.depth_net)
        for key, value in stage.average.state_dict().items():
            torch.testing.assert_close(again.state_dict()[key], value, msg=key)


def test_a_trunk_comes_back_from_its_file(small, store, tmp_path):
    trunk = opened(small, store, tmp_path)
    run_to_end(trunk.growing(1))
    path = tmp_path / 'a.trunk.pt'
    state = trunk.step.state()
    save_trunk(state, path, {'seen': {'depth': 1}, 'scenes': {'indoor': [[0, 5]]}})
    loaded = load_trunk(path)
    assert loaded.pop('facts') == {'seen': {'depth': 1}, 'scenes': {'indoor': [[0, 5]]}}
    assert_same_state(loaded, state)
    assert sorted(tmp_path.glob('*trunk*')) == [path]  # nothing half written is left


@pytest.mark.parametrize('content', [b'', b'nothing', None])
def test_what_is_no_trunk_is_refused(tmp_path, content):
    path = tmp_path / 'a.trunk.pt'
    if content is None:
        torch.save({'state_dict': {}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r'a\.trunk\.pt is not a trunk of s2r_train'):
        load_trunk(path)


def test_running_to_the_end_returns_what_the_work_does():
    def work():
        yield
        yield
        return 3

    assert run_to_end(work()) == 3


def test_a_full_disk_is_told_by_the_file(tmp_path: Path) -> None:
    """And what was there stays."""
    path = tmp_path / 'state.pt'
    save_whole({'a': torch.zeros(4)}, path)
    before = path.read_bytes()
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, was[1]))
    try:
        with pytest.raises(OSError, match='File too large') as caught:
            save_whole({'a': torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['state.pt']
