"""NYUv2: lists of its labelled frames, and what the Kinect's raw dumps mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_data_sets import dump, kinect, nyu, nyu_raw, nyu_rooms, scenes_of

from s2r_depth_ros.errors import UserError
from s2r_depth_training.dataset.format import TRAIN
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, import_set
from s2r_depth_training.importing.nyu import depth_of_disparity, raw_disparity


def test_the_labelled_frames_are_read_beside_their_splits(tmp_path: Path) -> None:
    nyu(tmp_path, 'cafe_0001')
    (tmp_path / 'splits.mat').write_bytes(b'MATLAB 5.0 MAT-file, Platform: GLNXA64')
    assert scenes_of('nyu', tmp_path) == ['cafe_0001']
    assert scenes_of('nyu', tmp_path / 'nyu_depth_v2_labeled.mat') == ['cafe_0001']


@pytest.mark.parametrize('kind', ['mat', 'txt'])
def test_a_list_of_nyu_counts_from_one(tmp_path: Path, kind: str) -> None:
    from scipy.io import savemat

    nyu_rooms(tmp_path / 'nyu')
    path = tmp_path / 'nyu' / f'splits.{kind}'  # people have it beside the frames

    def named(*numbers: int) -> list[str]:
        if kind == 'mat':
            savemat(path, {'testNdxs': np.array(numbers)[:, None], 'trainNdxs': np.array([[2]])})
        else:
            path.write_text('\n'.join(map(str, numbers)) + '\n')
        return [f.scene for f in IMPORTERS['nyu'].entries(tmp_path / 'nyu', Options(list=path))]

    assert named(3, 1) == ['office_0003', 'kitchen_0001']
    with pytest.raises(DataError, match=r'has 3 frames, but .*splits\.\w+ names 4'):
        named(4)
    with pytest.raises(DataError, match='counted from 1'):
        named(0, 1)


@pytest.mark.parametrize(
    ('name', 'content', 'told'),
    [
        ('l.txt', b'one\n', 'is no number of a frame; give splits.mat'),
        ('l.txt', b'', 'is a list of no frames'),
        ('l.mat', b'no matlab file', "has no numbers 'testNdxs'"),
        ('l.mat', b'', "has no numbers 'testNdxs'"),
        ('l.csv', b'a.png\n', r"'a\.png' is not COLOUR\.png,DEPTH\.png"),
        ('l.csv', b'a.png,b.png\n', r'a\.png: no such file'),
        ('l.csv', None, 'cannot be read as a list'),
    ],
)
def test_a_list_of_nyu_that_is_none_is_named(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    nyu_rooms(tmp_path / 'nyu')
    if content is not None:
        (tmp_path / name).write_bytes(content)
    wanted = Wanted(options=Options(list=tmp_path / name))
    with pytest.raises(UserError, match=told):
        import_set('nyu', tmp_path / 'nyu', tmp_path / 'set', wanted)


def test_a_splits_file_of_another_kind_is_told(tmp_path: Path) -> None:
    """The labelled file itself is of a newer format, which scipy does not read."""
    nyu_rooms(tmp_path / 'nyu')
    wanted = Wanted(options=Options(list=tmp_path / 'nyu' / 'nyu_depth_v2_labeled.mat'))
    with pytest.raises(DataError, match="has no numbers 'testNdxs' of a MATLAB file"):
        import_set('nyu', tmp_path / 'nyu', tmp_path / 'set', wanted)


def test_the_bytes_of_a_raw_depth_image_are_swapped_if_they_have_to_be(tmp_path: Path) -> None:
    numbers = np.arange(480 * 640, dtype=np.uint16).reshape(480, 640) % 2048
    for order in '<>':
        path = tmp_path / 'd-1.0-1.pgm'
        path.write_bytes(b'P5\n640 480\n65535\n' + numbers.astype(f'{order}u2').tobytes())
        np.testing.assert_array_equal(raw_disparity(path), numbers)
    path.write_bytes(b'P5\n640 480\n65535\n' + np.full((480, 640), 0x0909, '<u2').tobytes())
    with pytest.raises(DataError, match=r'd-1\.0-1\.pgm holds numbers above 2047'):
        raw_disparity(path)


def test_the_colour_camera_sees_raw_depth_where_it_is(tmp_path: Path) -> None:
    """The lower right corner of a board 1 m ahead is on the axis of the colour camera."""
    nyu_raw(tmp_path / 'root', '0001')
    x, y, near = kinect(1.0)
    raw = np.where((x < 0) & (y < 0), near, kinect(3.0)[2]).round().astype('<u2')
    file = tmp_path / 'root' / 'room_0001a' / 'd-1294886362.665769-3143255701.pgm'
    dump(file, 'P5 640 480 65535\n', raw)
    manifest = import_set('nyu_raw', tmp_path / 'root', tmp_path / 'set', Wanted())
    depth = FrameStore([manifest], TRAIN).frame('indoor', 0).depth.astype(float)
    board = (depth > 0.9) & (depth < 1.1)
    assert np.flatnonzero(board[150]).max() == pytest.approx(325.6, abs=1.1)
    assert np.flatnonzero(board[:, 200]).max() == pytest.approx(253.7, abs=1.1)
    behind = depth[300:400, 400:500]
    np.testing.assert_allclose(behind[behind > 0], 3.0, rtol=0.02)
    # Beside the board the colour camera sees a wall that the depth camera does not.
    assert 5 < (depth[100:200, 327:340] == 0).sum(1).mean() < 12


def test_raw_numbers_become_metres() -> None:
    raw = np.array([[0, 599, 600, 1000, 1057, 1058, 1092, 1093, 2047]], np.uint16)
    expected = [0, 0, 351.3 / 492.5, 351.3 / 92.5, 351.3 / 35.5, 0, 0, 0, 0]
    np.testing.assert_allclose(depth_of_disparity(raw)[0], expected, rtol=1e-6)
