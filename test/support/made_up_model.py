"""A model that is small and was never trained."""

from __future__ import annotations

from pathlib import Path

import torch

from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


def save_tiny_model(path: Path) -> Path:
    """Save random weights, the same on every run, of width 0.125 for 96x128; return ``path``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = S2RDepthNet(0.125)
    metadata = ModelMetadata(
        name='tiny',
        width=0.125,
        input_height=96,
        input_width=128,
        max_depth=80.0,
        focal_length=100.0,
        scene='universal',
        licence='MIT',
        provenance={'training': 'none, random weights'},
    )
    save_model(path, network, metadata)
    return path
