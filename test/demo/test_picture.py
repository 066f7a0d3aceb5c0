"""The picture of README.md is what the code draws today."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from source_files import ROOT

from s2r_depth_ros.demo import picture
from s2r_depth_ros.media.sources import read_image

COMMITTED = ROOT / 'docs' / 'picture.jpg'
MOST_BYTES = 300_000


@pytest.fixture(scope='module')
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the command writes."""
    file = tmp_path_factory.mktemp('picture') / 'picture.jpg'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['picture', str(file)])
        assert picture.main() == 0
    return file


def test_the_committed_picture_is_what_the_command_draws(drawn: Path) -> None:
    new, old = (read_image(file).astype(np.float32) for file in (drawn, COMMITTED))
    assert new.shape == old.shape
    # Another CPU's last bits move single points of the cloud.
    assert np.abs(new - old).mean() < 1.0, 'run `make picture`'


def test_the_picture_is_small(drawn: Path) -> None:
    assert max(drawn.stat().st_size, COMMITTED.stat().st_size) < MOST_BYTES


@pytest.mark.parametrize(
    ('arguments', 'told'), [([], 'required: file'), (['--wrong'], 'required: file')]
)
def test_without_a_file_it_tells_its_usage(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match='2'):
        picture.main(arguments)
    assert told in capsys.readouterr().err


@pytest.mark.parametrize('name', ['gone/picture.jpg', 'picture.xyz'])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(picture, 'draw_picture', None)
    assert picture.main([str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.startswith(f'error: {tmp_path / name}: ')


def test_the_cloud_is_seen_with_its_camera_and_its_grid() -> None:
    rgb, intrinsics = picture.read_frame()
    depth = np.full(rgb.shape[:2], 3.0, np.float32)
    depth[:, :20] = np.nan
    panel = picture.cloud_panel(depth, rgb, intrinsics)
    assert panel.shape == (picture.PANEL_HEIGHT, picture.PANEL_WIDTH, 3)
    shown = (panel != picture.BACKGROUND).any(axis=2).mean()
    assert 0.2 < shown < 0.9


def test_an_odd_number_of_panels_leaves_one_place_empty() -> None:
    white = np.full((picture.PANEL_HEIGHT, picture.PANEL_WIDTH, 3), 255, np.uint8)
    sheet = picture.tiled((('a', white), ('b', white), ('c', white)))
    lower = sheet[-picture.PANEL_HEIGHT :]
    middle = lower.shape[1] // 2
    assert (lower[:, : middle - picture.GAP] == 255).mean() > 0.9
    assert (lower[:, middle + picture.GAP :] == picture.BACKGROUND).all()
