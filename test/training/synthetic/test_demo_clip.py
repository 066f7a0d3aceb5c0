"""The demo's clip: what the command writes, and that the shipped one is such a clip."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('moderngl', reason='moderngl is not installed')

from s2r_depth_training.cli import main
from s2r_depth_training.runs import demo_clip
from s2r_depth_training.runs.demo_clip import DEMO_CLIP, ClipFormat, render_clip
from s2r_depth_training.synthetic.renderer.renderer import Renderer

SHIPPED = Path(__file__).resolve().parents[3] / 'config' / 'demo_clip'


def check(folder: Path, frames: int) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """A clip as the camera player reads it; returns sequence.json and its poses."""
    sequence = json.loads((folder / 'sequence.json').read_text())
    assert len(sequence['frames']) == frames
    poses = np.array([f['pose_c2w'] for f in sequence['frames']])
    assert np.allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.eye(3), atol=1e-5)
    stamps = np.array([f['stamp'] for f in sequence['frames']])
    assert np.allclose(np.diff(stamps), 1 / sequence['fps'])
    size = (sequence['height'], sequence['width'])
    for frame in sequence['frames']:
        image = cv2.imread(str(folder / frame['rgb']))
        assert image is not None
        assert image.shape[:2] == size
        if 'depth' in frame:
            depth = cv2.imread(str(folder / frame['depth']), cv2.IMREAD_UNCHANGED)
            assert depth is not None
            assert depth.dtype == np.uint16
            assert depth.shape == size
            assert 500 < np.median(np.asarray(depth[depth > 0], float)) < 10000
    return sequence, poses


def test_a_small_clip(renderer: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ClipFormat(width=80, height=60, focal=66.0, frames=5, depth_every=2)
    monkeypatch.setattr(demo_clip, 'render_clip', partial(render_clip, form=small))
    assert main(['demo_clip', '--out', str(tmp_path), '--seed', '3']) == 0
    sequence, _ = check(tmp_path, 5)
    assert sequence['seed'] == 3
    assert sum('depth' in f for f in sequence['frames']) == 3


def test_the_shipped_clip_is_smooth_and_small() -> None:
    sequence, poses = check(SHIPPED, DEMO_CLIP.frames)
    assert (sequence['fx'], sequence['width'], sequence['fps']) == (
        DEMO_CLIP.focal,
        DEMO_CLIP.width,
        DEMO_CLIP.rate,
    )
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert steps.max() < 0.1  # under 1 m/s
    turns = np.einsum('nij,nij->n', poses[:-1, :3, :3], poses[1:, :3, :3])
    assert np.degrees(np.arccos((turns.min() - 1) / 2)) < 4
    assert sum(f.stat().st_size for f in SHIPPED.rglob('*')) < 3_000_000
