"""The table of stages: what would go wrong if two rows were alike."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ExportError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.feed import training_samples
from s2r_depth_training.stages.table import STAGES, require_exportable, sample_seed

_SAMPLES = 6


@pytest.fixture
def draws(experiment: Experiment, store: FrameStore) -> dict[str, list[torch.Tensor]]:
    """Stage -> depth of its first samples, which shows the frame, its crop and its side."""
    samples = {name: training_samples(experiment, name, store) for name in STAGES}
    return {name: [s[i].depth for i in range(_SAMPLES)] for name, s in samples.items()}


def test_no_two_stages_draw_the_same_samples(draws):
    for first, second in combinations(STAGES, 2):
        alike = [torch.equal(a, b) for a, b in zip(draws[first], draws[second])]
        assert sum(alike) < _SAMPLES / 2, f'{first} and {second} draw the same'


def test_a_stage_draws_the_same_samples_again(experiment, store, draws):
    again = training_samples(experiment, 'depth', store)
    assert all(torch.equal(again[i].depth, depth) for i, depth in enumerate(draws['depth']))


def test_experiments_of_other_seeds_share_no_seed_of_samples():
    seeds = [sample_seed(seed, stage) for seed in range(50) for stage in STAGES]
    assert len(set(seeds)) == len(seeds)


def test_only_stage_0_needs_pairs(experiment, store):
    paired = set()
    for name in STAGES:
        sample = training_samples(experiment, name, store)[0]
        if not torch.equal(sample.image, sample.paired):
            paired.add(name)
    assert paired == {'encoder'}


def test_stages_whose_model_cannot_run_are_refused():
    for name, rule in STAGES.items():
        if rule.exportable:
            require_exportable(name, 'mine')
        else:
            with pytest.raises(ExportError, match=f'mine is of stage {name}.*depth, attention, '):
                require_exportable(name, 'mine')


def test_what_is_exported_has_learnt_behind_the_attention_map():
    exportable = {name for name, rule in STAGES.items() if rule.exportable}
    assert exportable == {'depth', 'attention', 'joint'}
    for rule in STAGES.values():
        assert set(rule.trained) <= set(SUB_NETWORKS)
        # The node knows no formula.
        runs = rule.attention and 'depth_net' in rule.trained and not rule.formula
        assert rule.exportable == runs
