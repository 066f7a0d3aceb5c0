"""A lidar whose transform is wrong is told, with the shift that would fit."""

from __future__ import annotations

import numpy as np
import pytest
import robot_recordings as robot
from floor_scenes import CAMERA

from s2r_depth_training.adaptation.alignment import misalignment
from s2r_depth_training.dataset.bag_pairs import RecordedPair


def frame(seed: int, shift: int, rows: int = 6) -> RecordedPair:
    """Return a view of posts; the points of every n-th row lie ``shift`` px too far right."""
    rng = np.random.default_rng(seed)
    depth = robot.truth(5.0)
    for column in rng.choice(np.arange(15, 140), 4, replace=False):
        depth[20:100, column : column + int(rng.integers(4, 12))] = rng.uniform(1.0, 3.0)
    sparse = np.zeros_like(depth)
    sparse[3::rows] = np.roll(depth, shift, axis=1)[3::rows]
    sparse[:, slice(0, shift) if shift >= 0 else slice(shift, None)] = 0
    return RecordedPair(robot.picture(depth, seed), sparse, CAMERA, float(seed))


@pytest.mark.parametrize('shift', [3, 6, 10, -5])
def test_points_beside_their_pixels_are_told_with_the_shift(shift: int) -> None:
    found = misalignment([frame(seed, shift) for seed in range(30)])
    assert found is not None
    assert found.shift_px == -shift
    assert found.angle == pytest.approx(-shift / CAMERA.fx, rel=0.02)


@pytest.mark.parametrize('shift', [0, 1])
def test_points_that_fit_are_not_told(shift: int) -> None:
    assert misalignment([frame(seed, shift) for seed in range(30)]) is None


def test_little_that_is_seen_tells_nothing() -> None:
    assert misalignment([]) is None
    assert misalignment([frame(seed, 6) for seed in range(5)]) is None
    dark = [
        RecordedPair(np.zeros_like(f.rgb), f.depth, f.intrinsics, f.stamp)
        for f in (frame(seed, 6) for seed in range(30))
    ]
    assert misalignment(dark) is None
    flat = [
        RecordedPair(f.rgb, np.full_like(f.depth, 2.0), f.intrinsics, f.stamp)
        for f in (frame(seed, 6) for seed in range(30))
    ]
    assert misalignment(flat) is None
