"""An import goes on where it was cut off, and another set is not written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_data_sets import DEPTH, RGB, make, nyu_pictures, nyu_rooms, put, rgbd

from s2r_depth_training.cli import main
from s2r_depth_training.dataset.format import TRAIN
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.importing import import_set as import_module
from s2r_depth_training.importing import real


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_another_list_makes_another_set(tmp_path: Path, capsys: Any) -> None:
    """Also one that begins alike, and none: frames are not added to those of a list."""
    path = nyu_pictures(tmp_path / 'root', 4)
    longer = path.with_name('longer.csv')
    path.rename(longer)
    path.write_text(''.join(longer.read_text().splitlines(keepends=True)[:2]))
    out = tmp_path / 'set'
    command = ['import', 'nyu', str(tmp_path / 'root'), '--width', '160', '--out', str(out)]
    assert main([*command, '--list', str(path)]) == 0
    before = content_of(out)
    assert main([*command, '--list', str(longer)]) == 2
    assert f'another --list ({path}, now {longer})' in capsys.readouterr().err
    longer.replace(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join(reversed(lines)))
    assert main([*command, '--list', str(path)]) == 2
    assert 'has not the frames any more' in capsys.readouterr().err
    nyu_rooms(tmp_path / 'root')
    assert main(command) == 2
    assert f'another --list ({path}, now none)' in capsys.readouterr().err
    assert content_of(out) == before


@pytest.mark.parametrize('ends', range(1, 8))
def test_the_same_command_goes_on_where_it_was_cut_off(
    ends: int, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(import_module, 'FRAMES', 2)
    root = tmp_path / 'root'
    for room in 'abcdefg':
        rgbd(root, room)
    command = ['import', 'rgbd', str(root), '--width', '160', '--validation', '0.4', '--out']
    assert main([*command, str(tmp_path / 'whole')]) == 0
    read: list[Path] = []
    whole_read = real.read_colour

    def cut_off(path: Path) -> Any:
        if len(read) == ends:
            raise KeyboardInterrupt
        read.append(path)
        return whole_read(path)

    monkeypatch.setattr(real, 'read_colour', cut_off)
    if ends < 7:
        assert main([*command, str(tmp_path / 'cut')]) == 130
    cut_at, ends = len(read), 99
    assert main([*command, str(tmp_path / 'cut')]) == 0
    assert len(read) - cut_at <= 7 - (cut_at - 1) // 2 * 2 + 1  # what was whole is not read again
    assert content_of(tmp_path / 'cut') == content_of(tmp_path / 'whole')
    read.clear()
    capsys.readouterr()
    assert main([*command, str(tmp_path / 'cut')]) == 0
    told = capsys.readouterr()
    assert 'has all frames of' in told.err
    assert told.out == f'{tmp_path / "cut" / "manifest.json"}\n'
    assert not read


@pytest.mark.parametrize(
    ('changed', 'told'),
    [
        (['--width', '80'], 'another --width (160, now 80)'),
        (['--every', '2'], 'another --every (1, now 2)'),
        (['--validation', '0.5'], 'another --validation (0.05, now 0.5)'),
        (['--scale', '0.002'], 'another --scale (0.0, now 0.002)'),
    ],
)
def test_another_set_is_not_written_over(
    changed: list[str], told: str, tmp_path: Path, capsys: Any
) -> None:
    make('rgbd', tmp_path / 'root')
    out = tmp_path / 'set'
    command = ['import', 'rgbd', str(tmp_path / 'root'), '--width', '160', '--out', str(out)]
    assert main(command) == 0
    before = content_of(out)
    assert main([*command, *changed]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert 'give another --out, or delete this one' in error
    rgbd(tmp_path / 'root', '0000')
    assert main(command) == 2
    assert 'has not the frames any more' in capsys.readouterr().err
    assert content_of(out) == before
    for imported in ({}, {'imported': 7}, {'imported': {'facts': 7}}):
        (out / 'manifest.json').write_text(json.dumps({'kind': 'indoor', 'shards': [], **imported}))
        assert main(command) == 2
        assert 'was not imported: give another --out' in capsys.readouterr().err


def test_a_set_that_has_lost_a_shard_is_not_whole(tmp_path: Path, capsys: Any) -> None:
    make('rgbd', tmp_path / 'root')
    out = tmp_path / 'set'
    command = ['import', 'rgbd', str(tmp_path / 'root'), '--width', '160', '--out', str(out)]
    assert main(command) == 0
    (out / 'train_00000.npz').unlink()
    assert main(command) == 2
    assert 'has lost train_00000.npz: give another --out' in capsys.readouterr().err


def test_a_broken_frame_may_be_taken_out_before_it_goes_on(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """Hours of work before it are kept."""
    monkeypatch.setattr(import_module, 'FRAMES', 2)
    root, names = tmp_path / 'root', [f'{number}.jpg' for number in range(7)]
    rgbd(root, 'place')
    for name in names:
        put(root / 'place/rgb' / name, RGB)
        put(root / 'place/depth' / f'{Path(name).stem}.png', (DEPTH * 1000).astype(np.uint16))
    broken = root / 'place/rgb/5.jpg'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    out = tmp_path / 'set'
    command = ['import', 'rgbd', str(root), '--width', '160', '--out', str(out)]
    assert main(command) == 2
    assert '5.jpg' in capsys.readouterr().err
    kept = [path.stat().st_mtime_ns for path in sorted(out.glob('*.npz'))]
    broken.unlink()
    assert main(command) == 0
    assert FrameStore([out / 'manifest.json'], TRAIN).count('indoor') == 7
    assert [path.stat().st_mtime_ns for path in sorted(out.glob('*.npz'))][: len(kept)] == kept
    assert len(kept) == 2
