"""What a model's errors tell of a recording before anything is learnt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from s2r_depth_ros.files import read_json
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.adaptation.judging import Judged, errors_of, turn_doubt

CLIP = Path(__file__).resolve().parents[3] / 'config' / 'demo_clip'


@pytest.mark.parametrize(('quarters', 'told'), [(0, ''), (2, '180 degrees'), (1, '270 degrees')])
def test_images_of_a_camera_that_is_not_upright_are_told(quarters: int, told: str) -> None:
    """The node turns them upright, and would run what was learnt on images of another kind."""
    facts = read_json(CLIP / 'sequence.json')
    frames = []
    for entry in [e for e in facts['frames'] if e.get('depth')][:2]:
        rgb = cv2.imread(str(CLIP / entry['rgb']), cv2.IMREAD_COLOR_RGB)
        depth = cv2.imread(str(CLIP / entry['depth']), cv2.IMREAD_UNCHANGED)
        assert rgb is not None
        assert depth is not None
        metres = depth.astype(np.float32) * facts['depth_scale']
        seen = np.rot90(rgb.astype(np.uint8), quarters).copy()
        frames.append(Judged(seen, np.rot90(metres, quarters).copy(), facts['fx']))
    estimator = DepthEstimator('indoor-s', device='cpu')
    doubt = turn_doubt(estimator, frames, errors_of(estimator, frames))
    assert (told in doubt) if told else not doubt
