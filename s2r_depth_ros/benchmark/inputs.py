"""What the cases run on: a picture, and a model of any width with random weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.media.sources import read_image
from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


def drawn_image(height: int, width: int) -> NDArray[np.uint8]:
    """Return a deterministic uint8 RGB picture [height, width, 3]: edges, shading, texture."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    noise = np.random.default_rng(0).normal(0, 8, (height, width))
    channels = [
        128 + 80 * np.sin(9 * columns + 5 * rows * shift) + 40 * (rows > 0.4) + noise
        for shift in (1, 2, 3)
    ]
    return np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8)


def resized_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Return the picture ``path`` as uint8 RGB [height, width, 3]. Raises SourceError."""
    return np.asarray(cv2.resize(read_image(path), (width, height)), np.uint8)


def random_model(width: float, folder: Path) -> Path:
    """Write a model file of this width, the same on every run, into ``folder``; return it."""
    torch.manual_seed(0)
    path = folder / f'random_{width:g}.safetensors'
    metadata = ModelMetadata(
        name=path.stem,
        width=width,
        input_height=192,
        input_width=256,
        max_depth=80.0,
        focal_length=200.0,
        scene='universal',
        licence='MIT',
    )
    save_model(path, S2RDepthNet(width), metadata)
    return path
