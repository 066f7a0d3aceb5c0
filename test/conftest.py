"""Fixtures that several test folders share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from s2r_depth_ros.network.checkpoint import ModelMetadata, save_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

_ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile('no deadline', deadline=None)
settings.load_profile('no deadline')


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a small model with random weights, the same on every run: width 0.125, 96x128."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = S2RDepthNet(0.125)
    path = tmp_path_factory.mktemp('models') / 'tiny.safetensors'
    save_model(
        path,
        network,
        ModelMetadata(
            name='tiny',
            width=0.125,
            input_height=96,
            input_width=128,
            max_depth=80.0,
            focal_length=100.0,
            scene='universal',
            licence='MIT',
            provenance={'training': 'none, random weights'},
        ),
    )
    return path


@pytest.fixture(scope='session')
def needs_shared() -> Path:
    """Folder of evaluation data that lies beside the checkout, where there is one."""
    folder = _ROOT.parent / 'shared'
    if not folder.is_dir():
        pytest.skip(f'needs the evaluation data in {folder.name}/ beside the checkout')
    return folder
