"""The drive through a building touches nothing, and what judges it is where it has not been."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_scripts import load_script

pytest.importorskip('moderngl', reason='moderngl is not installed')
pytest.importorskip('trimesh', reason='trimesh is not installed')

import trimesh

from s2r_depth_training.synthetic.sources.gazebo_world import WorldError
from simulated_drive.frames import PITCH, RATE
from simulated_drive.paths import CLEARANCE, STEP
from simulated_drive.worlds import _APART, _NEW, _NEW_YAW, _TURN, Building

LENGTH, WIDTH = 12.0, 5.0  # m
CLOSED_FROM = LENGTH / 4  # m from the middle, along x
PILLAR = 0.8  # m, side; a mesh of its own
AT = (-1.0, 0.3)  # m, of the pillar


def box(name: str, at: tuple[float, float, float], size: tuple[float, float, float]) -> str:
    return (
        f'<visual name="{name}"><pose>{at[0]} {at[1]} {at[2]} 0 0 0</pose><geometry><box><size>'
        f'{size[0]} {size[1]} {size[2]}</size></box></geometry></visual>'
    )


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hall with a pillar, and a wall with a door before its last third."""
    folder = tmp_path_factory.mktemp('world')
    trimesh.creation.box((PILLAR, PILLAR, 2.0)).export(folder / 'pillar.glb')
    parts = [
        box('floor', (0, 0, -0.05), (LENGTH, WIDTH, 0.1)),
        box('roof', (0, 0, 2.65), (LENGTH, WIDTH, 0.1)),
        *(box(f'long{y}', (0, y, 1.3), (LENGTH, 0.1, 2.6)) for y in (-WIDTH / 2, WIDTH / 2)),
        *(box(f'end{x}', (x, 0, 1.3), (0.1, WIDTH, 2.6)) for x in (-LENGTH / 2, LENGTH / 2)),
        *(box(f'door{y}', (2.5, y, 1.3), (0.1, 1.7, 2.6)) for y in (-1.65, 1.65)),
        f'<visual name="pillar"><pose>{AT[0]} {AT[1]} 1 0 0 0</pose><geometry><mesh><uri>'
        'pillar.glb</uri></mesh></geometry></visual>',
    ]
    path = folder / 'hall.world'
    path.write_text(
        '<sdf version="1.6"><world name="w"><model name="m"><link name="l">'
        f'{"".join(parts)}</link></model></world></sdf>'
    )
    return path


@pytest.fixture(scope='module')
def hall(world: Path) -> Building:
    return Building(world, 1)


def test_the_drive_touches_nothing_and_stays_in_the_open_part(hall: Building) -> None:
    poses = hall.drive(120)
    assert len(poses) == 120 * RATE
    x, y = poses.points.T
    gap = CLEARANCE - 0.1  # corners are rounded, and the costmap has cells
    assert np.abs(y).max() < WIDTH / 2 - gap
    assert x.min() > -LENGTH / 2 + gap
    assert x.max() < CLOSED_FROM
    aside = np.maximum(np.abs(poses.points - AT) - PILLAR / 2, 0)
    assert np.hypot(*aside.T).min() > gap
    assert np.ptp(x) > 5.0  # and it gets about
    assert np.linalg.norm(np.diff(poses.points, axis=0), axis=1).max() < 4 * STEP
    turned = (np.diff(poses.yaw) + math.pi) % math.tau - math.pi
    assert np.abs(turned).max() < _TURN + 1e-9
    moved = np.linalg.norm(np.diff(poses.points, axis=0), axis=1) > 0
    ahead = np.arctan2(*np.diff(poses.points, axis=0)[moved].T[::-1])
    off = np.abs((poses.yaw[:-1][moved] - ahead + math.pi) % math.tau - math.pi)
    assert np.median(off) < 0.2


def test_places_are_apart_and_in_their_part(hall: Building) -> None:
    for cells, low, high in ((hall.driven, -6.0, 3.0), (hall.closed, 3.5, 6.0)):
        places = np.array(hall.places(cells, 12))
        assert len(places) > 4
        assert (places[:, 0] > low).all()
        assert (places[:, 0] < high).all()
        apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(len(places), 1)]
        assert apart.min() >= _APART


def test_a_pose_is_new_that_is_elsewhere_or_looks_elsewhere(hall: Building) -> None:
    poses = hall.drive(10)
    point, yaw = poses.points[7], poses.yaw[7]
    assert poses.are_near(point, yaw + math.tau)
    assert poses.are_near(point + np.array([0.9 * _NEW, 0]), yaw + 0.9 * _NEW_YAW)
    alone = poses[7:8]
    assert not alone.are_near(point + np.array([1.1 * _NEW, 0]), yaw)
    assert not alone.are_near(point, yaw - 1.1 * _NEW_YAW)


def test_the_clips_are_what_the_demo_plays(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    script = load_script('drive_building', monkeypatch)
    monkeypatch.setattr(script, '_PLACES', 3)
    command = ['script', str(world), '--out', str(tmp_path), '--minutes', '0.1']
    monkeypatch.setattr(sys, 'argv', command)
    assert script.main() == 0
    assert 'drive: 6 frames' in capsys.readouterr().out
    read = load_script('adaptation', monkeypatch).clip_frames
    drive = read(tmp_path / 'drive')
    assert [frame.scene for frame in drive] == ['drive'] * 6
    for name in ('same rooms', 'closed rooms'):
        frames = read(tmp_path / name)
        assert 1 <= len({frame.scene for frame in frames}) <= 3
    # The floor under the camera's lower edge is where its height and tilt have it.
    camera = drive[0].camera
    below = math.atan((camera.height - 1 - camera.cy) / camera.fy) - PITCH
    floor = 0.5 / math.sin(below) * math.cos(below + PITCH)
    rows = [frame.depth[-1, camera.width // 2] for frame in drive]
    assert np.median(rows) == pytest.approx(floor, rel=0.02)
    stamps = [
        f['stamp'] for f in json.loads((tmp_path / 'drive/sequence.json').read_text())['frames']
    ]
    assert stamps == [0, 1, 2, 3, 4, 5]


def test_a_world_without_room_to_drive_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    small = tmp_path / 'cell.world'
    walls = [box(f'w{x}{y}', (x, y, 1.3), (0.1 if x else 2, 0.1 if y else 2, 2.6))
             for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]  # fmt: skip
    parts = box('floor', (0, 0, -0.05), (2, 2, 0.1)) + box('roof', (0, 0, 2.65), (2, 2, 0.1))
    small.write_text(
        '<sdf version="1.6"><world name="w"><model name="m"><link name="l">'
        f'{parts}{"".join(walls)}</link></model></world></sdf>'
    )
    with pytest.raises(WorldError, match='nowhere to drive'):
        Building(small, 0).drive(60)
    script = load_script('drive_building', monkeypatch)
    monkeypatch.setattr(sys, 'argv', ['script', str(small), '--out', str(tmp_path / 'out')])
    assert script.main() == 2
    error = capsys.readouterr().err
    assert error.startswith('drive_building: ')
    assert 'nowhere to drive' in error
