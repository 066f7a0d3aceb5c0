from __future__ import annotations

import math

import pytest
from written_checkpoints import write_checkpoint

from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_training.cli import main
from s2r_depth_training.runs.export import export
from s2r_depth_training.runs.poses import pose_ranges


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


def test_rooms_are_seen_from_more_pitches_than_streets_and_hardly_rolled() -> None:
    (rooms, rolls), (streets, _) = (pose_ranges([kind], 12) for kind in ('indoor', 'street'))
    assert rooms[0] < streets[0] < 0 < streets[1]
    assert rolls == pytest.approx((-0.085, 0.085), abs=0.03)
    assert -math.pi / 3 < rooms[0]
