"""What cannot be played is named."""

from __future__ import annotations

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
