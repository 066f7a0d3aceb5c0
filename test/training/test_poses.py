from __future__ import annotations

import math

import pytest
from written_checkpoints import write_checkpoint

from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_training.cli import main
from s2r_depth_training.runs.export import export
from s2r_depth_training.runs.poses import pose_ranges
from s2r_depth_training.synthetic.sources.poses import POSES, USUAL


def test_the_angles_of_the_training_are_written_and_the_weights_stay(tmp_path, capsys) -> None:
    path = tmp_path / 'mine.safetensors'
    before = export(write_checkpoint(tmp_path)[0], 'mine', path)
    assert (before.pitch_range, before.roll_range) == (None, None)
    assert main(['poses', str(path), '--scenes', '3']) == 0
    after = read_metadata(path)
    assert after.sha256 == before.sha256
    load_model(path)
    assert after.pitch_range is not None
    assert str(after.pitch_range) in capsys.readouterr().out
    assert main(['poses', str(path), '--scenes', '3', '--poses', 'wide']) == 0
    wide = read_metadata(path)
    assert wide.roll_range is not None
    assert after.roll_range is not None
    assert wide.roll_range[1] > 2 * after.roll_range[1]


def test_rooms_are_seen_from_more_pitches_than_streets_and_hardly_rolled() -> None:
    (rooms, rolls), (streets, _) = (pose_ranges([kind], 12) for kind in ('indoor', 'street'))
    assert rooms[0] < streets[0] < 0 < streets[1]
    assert rolls == pytest.approx((-0.085, 0.085), abs=0.03)
    assert -math.pi / 3 < rooms[0]


@pytest.mark.parametrize('kind', ['indoor', 'street'])
def test_wide_poses_are_pitched_and_rolled_farther(kind: str) -> None:
    usual, wide = (pose_ranges([kind], 12, poses) for poses in ('usual', 'wide'))
    (pitch, roll), (wider_pitch, wider_roll) = (
        [high - low for low, high in ranges] for ranges in (usual, wide)
    )
    assert wider_roll == pytest.approx(4 * roll, rel=0.2)
    assert 1.1 * pitch < wider_pitch < 2.2 * pitch


def test_usual_heights_stay_and_wide_ones_end_above_the_floor() -> None:
    assert USUAL.span(0.9, 1.75) == (0.9, 1.75)
    assert USUAL.span(0.0, 0.5) == (0.0, 0.5)
    low, high = POSES['wide'].span(0.9, 1.75)
    assert (low, high) == pytest.approx((0.39, 2.26))
    assert POSES['wide'].span(0.12, 0.6)[0] == 0.1
    assert POSES['wide'].span(0.0, 0.5)[0] == 0.0
