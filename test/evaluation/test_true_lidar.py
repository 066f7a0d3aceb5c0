"""A lidar made of true depth sees the nearest thing of each beam, on its rings only."""

from __future__ import annotations

import numpy as np
import pytest
from floor_scenes import CAMERA
from robot_recordings import truth

from true_lidar import RINGS, nearest_of_beams, on_rings


@pytest.mark.parametrize('share', [1.0, 0.2])
def test_points_lie_on_rings_and_on_what_is_there(share: float) -> None:
    depth = truth(4.0)
    depth[np.random.default_rng(0).random(depth.shape) > share] = 0
    points = on_rings(depth, CAMERA, RINGS)
    assert len(points) > 100
    elevation = np.degrees(np.arctan2(-points[:, 1], np.hypot(points[:, 0], points[:, 2])))
    off = np.abs(elevation[:, None] - np.degrees(RINGS)).min(1)
    # Half a pixel of an image whose every pixel is known; else a fifth of a degree.
    assert off.max() < (np.degrees(0.5 / CAMERA.fy) if share == 1 else 0.2) + 1e-6
    x, y = (CAMERA.fx * points[:, 0] / points[:, 2] + CAMERA.cx,
            CAMERA.fy * points[:, 1] / points[:, 2] + CAMERA.cy)  # fmt: skip
    np.testing.assert_allclose(points[:, 2], depth[np.rint(y).astype(int), np.rint(x).astype(int)])


def test_of_a_beam_the_nearest_is_seen() -> None:
    points = np.array([[0.0, 0, 3.0], [0.0, 0, 2.0], [0.0, 0, 5.0], [1.0, 0, 1.0]])
    np.testing.assert_array_equal(nearest_of_beams(points), points[[1, 3]])
    seen = nearest_of_beams(points, np.array([0, 1, 1, 0]))
    np.testing.assert_array_equal(seen, points[[0, 3, 1]])
