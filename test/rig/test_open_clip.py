"""What cannot be played is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip('rosbags', reason='needs rosbags')

from clip_pictures import picture, save

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.open_clip import open_clip


@pytest.mark.parametrize('name', ['nothing', 'broken.mp4', 'broken.mcap', 'empty', 'one.png'])
def test_what_cannot_be_played_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / 'empty').mkdir()
    save(tmp_path / 'one.png', picture(0))
    for broken in ('broken.mp4', 'broken.mcap'):
        (tmp_path / broken).write_bytes(b'these are no frames' * 50)
    with pytest.raises(UserError, match=name):
        open_clip(tmp_path / name)


@pytest.mark.parametrize(
    ('name', 'told'),
    [
        ('https://example.org/a.mcap', 'web address'),
        ('rtsp://camera/stream', 'web address'),
        ('pipe', 'pipe or a device'),
        ('/dev/null', 'pipe or a device'),
        ('link.mp4', 'link to nothing'),
        ('x' * 300 + '.png', 'cannot be read'),
        ('zero\0byte.mcap', 'cannot be read'),
    ],
)
def test_what_is_no_file_is_told_and_does_not_hang(tmp_path: Path, name: str, told: str) -> None:
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'link.mp4').symlink_to(tmp_path / 'nothing')
    path = name if '://' in name or name.startswith('/dev') else tmp_path / name
    with pytest.raises(UserError, match=told):
        open_clip(path)


def test_a_folder_of_images_is_played_although_a_recording_lies_there(tmp_path: Path) -> None:
    save(tmp_path / 'one.png', picture(0))
    (tmp_path / 'original.bag').write_bytes(b'#ROSBAG V2.0')
    assert 'image folder' in open_clip(tmp_path).name


def test_what_is_passed_over_is_noted(tmp_path: Path) -> None:
    save(tmp_path / 'one.png', picture(0))
    (tmp_path / 'a.HEIC').touch()
    (tmp_path / 'b.mp4').touch()
    notes = ' '.join(open_clip(tmp_path).notes)
    assert '1 .heic' in notes
    assert '1 videos' in notes
