"""A small evaluation set with made-up ground truth, and priors to go with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.priors import DepthPrior

HEIGHT, WIDTH = 60, 80


def write_evaluation_set(folder: Path) -> Path:
    """Write two frames of rooms, one with holes, and one of a road; return the manifest."""
    depth = np.linspace(1, 8, HEIGHT * WIDTH, dtype=np.float64).reshape(HEIGHT, WIDTH)
    holes = depth.copy()
    holes[::2] = 0
    frames = [
        _write_frame(folder, 'a', 'indoor', 'room', depth),
        _write_frame(folder, 'bb', 'indoor', 'hall', holes),
        _write_frame(folder, 'ccc', 'driving', 'road', depth * 5),
    ]
    path = folder / 'manifest.json'
    path.write_text(json.dumps({'frames': frames}))
    return path


def _write_frame(
    folder: Path, name: str, kind: str, scene: str, depth: NDArray[np.float64]
) -> dict[str, Any]:
    rgb = np.random.default_rng(len(name)).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(folder / f'{name}.png'), rgb)
    cv2.imwrite(str(folder / f'{name}_d.png'), (depth * 1000).round().astype(np.uint16))
    return {
        'id': name,
        'rgb': f'{name}.png',
        'depth': f'{name}_d.png',
        'depth_scale': 0.001,
        'fx': 50.0,
        'kind': kind,
        'scene': scene,
    }


def flat_prior(metres: float, focal_length: float = 50.0) -> DepthPrior:
    return DepthPrior(np.full((6, 8), np.log(metres), np.float32), focal_length)
