"""A small training set of made-up frames, and the smallest experiment on it."""

from __future__ import annotations

import json

import pytest
from made_up_shards import make_shard

from s2r_depth_training.runs.experiment import (
    DataConfig,
    Experiment,
    LossConfig,
    OptimizerConfig,
    StageConfig,
    ValidationConfig,
)


@pytest.fixture(scope='session')
def manifests(tmp_path_factory):
    """Two training sets: rooms with restyled views, streets without."""
    paths = []
    for seed, kind in enumerate(('indoor', 'street')):
        folder = tmp_path_factory.mktemp(kind)
        restyled = kind == 'indoor'
        make_shard(folder / 'train.npz', 6 - seed, [1, 2], seed, restyled)
        make_shard(folder / 'validation.npz', 2, [3], 2 + seed, restyled)
        shards = [{'file': f'{split}.npz', 'split': split} for split in ('train', 'validation')]
        paths.append(folder / 'manifest.json')
        paths[-1].write_text(json.dumps({'kind': kind, 'shards': shards}))
    return paths


@pytest.fixture
def experiment(manifests):
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
