"""A small training set of made-up frames, and the smallest experiment on it."""

from __future__ import annotations

import json

import pytest
from made_up_shards import make_shard

from s2r_depth_training.config import (
    DataConfig,
    Experiment,
    LossConfig,
    OptimizerConfig,
    StageConfig,
    ValidationConfig,
)


@pytest.fixture(scope='session')
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shards')
    shards = []
    for seed, (kind, split, frames) in enumerate(
        [('indoor', 'train', 6), ('street', 'train', 5), ('indoor', 'val', 2), ('street', 'val', 2)]
    ):
        name = f'{kind}_{split}.npz'
        scenes = [1, 2] if split == 'train' else [3]
        make_shard(folder / name, frames, scenes, seed, restyled=kind == 'indoor')
        shards.append({'file': name, 'kind': kind, 'split': split})
    path = folder / 'manifest.json'
    path.write_text(json.dumps({'shards': shards}))
    return path


@pytest.fixture
def experiment(manifest):
    """Two images a step at the smallest width, on the CPU."""
    return Experiment(
        width=0.125,
        accelerator='cpu',
        depth_init='kaiming',
        data=DataConfig([str(manifest)], batch=2),
        loss=LossConfig(l1=0, log=0.4, scale_invariant=1.0, gradient=0.35, structure=0.01),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        validation=ValidationConfig(every=2, frames=1),
        stages=[StageConfig('joint', steps=4)],
    )
