"""Public data sets become training sets: a tiny set of each layout, whose geometry is known."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from floor_scenes import CAMERA
from hypothesis import given
from hypothesis import strategies as st
from made_up_data_sets import (
    DEPTH,
    INNER,
    RGB,
    SETS,
    WHOLE,
    make,
    nyu,
    nyu_pictures,
    nyu_raw,
    put,
    rgbd,
    scenes_of,
    true_depth,
)

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import TRAIN, VALIDATION
from s2r_depth_training.dataset.samples import TrainingSamples
from s2r_depth_training.dataset.shrinking import shrink_depth, small_camera
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.eval_set import KINDS, write_eval_set
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, import_set, judging_scenes
from s2r_depth_training.importing.real import velodyne_depth


def test_every_kind_has_a_set_here() -> None:
    assert set(SETS) == set(IMPORTERS)


@pytest.mark.parametrize('kind', IMPORTERS)
def test_depth_is_where_it_is_and_as_far(kind: str, tmp_path: Path) -> None:
    selection = make(kind, tmp_path / 'root')
    manifest = import_set(kind, tmp_path / 'root', tmp_path / 'set', selection)
    _, fx, accuracy = SETS[kind]
    seen = 0
    for split in (TRAIN, VALIDATION):
        store = FrameStore([manifest], split)
        (name,) = store.kinds
        for i in range(store.count(name)):
            frame = store.frame(name, i)
            assert frame.fx == pytest.approx(fx, rel=1e-4)
            assert frame.zero_is_sky == (kind in ('vkitti1', 'vkitti2'))
            known = frame.depth > 0
            expected = true_depth(kind)
            np.testing.assert_allclose(frame.depth[known], expected[known], rtol=accuracy + 1e-3)
            sparse = kind.startswith('kitti')
            # The Kinect's cameras do not see the same.
            share = 1 / 9 if sparse else 0.8 if kind == 'nyu_raw' else 1.0
            assert known.mean() == pytest.approx(share, abs=0.04)
            if sparse:
                assert known[2::3, 2::3].mean() > 0.95
            assert np.abs(frame.rgb.astype(int) - RGB)[INNER].mean() < 3
            seen += 1
    assert seen == (4 if kind == 'vkitti1' else 2)
    train = FrameStore([manifest], TRAIN)
    sample = TrainingSamples(train, DataConfig(), 0)[0]
    assert sample.image.shape == (3, 96, 128)
    assert (sample.weight > 0).any()


@pytest.mark.parametrize('kind', IMPORTERS)
def test_a_wrong_layout_is_answered_with_the_right_one(
    kind: str, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / 'elsewhere').mkdir()
    put(tmp_path / 'elsewhere' / 'picture.png', RGB)
    options = ['--fx', '130'] if kind == 'suncg' else []
    for root in ('elsewhere', 'nowhere'):
        arguments = ['import', kind, str(tmp_path / root), '--out', str(tmp_path / 'set'), *options]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert IMPORTERS[kind].tree in error
        assert 'Traceback' not in error


@pytest.mark.parametrize('kind', IMPORTERS)
def test_a_broken_file_is_named(kind: str, tmp_path: Path) -> None:
    root = tmp_path / 'root'
    selection = make(kind, root)
    colour = {p for p in root.rglob('*') if p.suffix in ('.png', '.jpg', '.npy', '.bin', '.hdf5')}
    if kind == 'nyu':
        colour = set(root.glob('*.mat'))
    if kind == 'nyu_raw':
        colour = set(root.rglob('d-*362.665769*.pgm'))
    path = sorted(colour)[-1]
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)) if kind == 'nyu_raw' else content[:7])
    with pytest.raises(UserError) as caught:
        import_set(kind, root, tmp_path / 'set', selection)
    assert path.name in str(caught.value)


def test_the_command_writes_a_set(tmp_path: Path, capsys: Any) -> None:
    make('rgbd', tmp_path / 'root')
    out = tmp_path / 'set'
    arguments = ['import', 'rgbd', str(tmp_path / 'root'), '--out', str(out), '--width', '80']
    assert main([*arguments, '--scale', '0.002', '--validation', '0']) == 0
    assert capsys.readouterr().out == f'{out / "manifest.json"}\n'
    frame = FrameStore([out / 'manifest.json'], TRAIN).frame('indoor', 1)
    assert frame.depth.shape == (60, 80)
    assert frame.fx == 50
    assert np.median(frame.depth) == pytest.approx(2 * np.median(DEPTH), rel=0.01)


def test_a_list_names_the_frames_of_kitti(tmp_path: Path) -> None:
    make('kitti_raw', tmp_path / 'root')
    drive = '2011_09_26/2011_09_26_drive_0002_sync'
    for line in (f'{drive} 5 l', f'{drive}/image_02/data/0000000005.jpg other columns here'):
        (tmp_path / 'list.txt').write_text(f'{line}\n\n')
        selection = Wanted(width=160, options=Options(list=tmp_path / 'list.txt'))
        manifest = import_set('kitti_raw', tmp_path / 'root', tmp_path / 'set', selection)
        assert FrameStore([manifest], TRAIN).count('driving') == 1
    (tmp_path / 'list.txt').write_text(f'{drive} 6 l')
    with pytest.raises(DataError, match=r'0000000006\.png, of the list, is missing'):
        import_set('kitti_raw', tmp_path / 'root', tmp_path / 'set', selection)


def test_what_is_asked_for_is_said(tmp_path: Path) -> None:
    make('suncg', tmp_path / 'root')
    with pytest.raises(DataError, match='say --fx'):
        import_set('suncg', tmp_path / 'root', tmp_path / 'set', WHOLE)
    make('rgbd', tmp_path / 'rgbd')
    (tmp_path / 'rgbd' / '0001' / 'intrinsics.json').unlink()
    with pytest.raises(DataError, match=r'has no intrinsics\.json with fx, fy, cx, cy'):
        import_set('rgbd', tmp_path / 'rgbd', tmp_path / 'set', WHOLE)


def test_of_several_points_in_a_pixel_the_nearest_counts() -> None:
    """By the protocol: rounded, less one; what is behind or outside is left out."""
    to_image = np.array([[79.5, -100, 0, 0], [59.5, 0, -100, 0], [1.0, 0, 0, 0]])
    points = [[5, 0, 0, 9], [4, 0, 0, 9], [6, 0, 0, 9], [-1, 0, 0, 9], [5, 40, 0, 9], [0, 0, 0, 9]]
    depth = velodyne_depth(np.array(points, np.float32), to_image, (120, 160))
    assert np.argwhere(depth > 0).tolist() == [[59, 79]]  # round(59.5) is 60, round(79.5) 80
    assert depth[59, 79] == 4


def test_scenes_to_judge_by_stay_when_a_set_grows() -> None:
    few, many = [f'scene {n}' for n in range(40)], [f'scene {n}' for n in range(80)]
    assert len(judging_scenes(few, 0.1)) == 4
    assert len(judging_scenes(many, 0.1) & set(few)) >= 3
    assert judging_scenes(['only one'], 0.5) == set()
    assert judging_scenes(['only one'], 1.0) == {'only one'}
    assert judging_scenes(few, 1.0) == set(few)
    assert len(judging_scenes(['a', 'b'], 0.01)) == 1
    assert judging_scenes(few, 0.0) == set()


def test_sparse_depth_keeps_its_points_when_it_shrinks() -> None:
    sparse = np.zeros((120, 160), np.float32)
    sparse[2::7, 1::5] = DEPTH[2::7, 1::5]
    small = shrink_depth(sparse, small_camera(CAMERA, 80))
    assert (small > 0).sum() == (sparse > 0).sum()
    y, x = np.nonzero(small)
    assert (np.abs(small[y, x] / DEPTH[2 * y, 2 * x] - 1) < 0.1).all()
    dense = shrink_depth(DEPTH, small_camera(CAMERA, 80))
    np.testing.assert_array_equal(dense, DEPTH[1::2, 1::2])


@pytest.mark.parametrize('suffix', ['.png', '.npy'])
@pytest.mark.parametrize('stem', ['1305031102.175304', 'frame.0001', 'x.png'])
def test_names_with_dots_meet_their_own_depth(tmp_path: Path, stem: str, suffix: str) -> None:
    """As TUM names its pictures; the depth of another name is not taken."""
    root = tmp_path / 'root'
    rgbd(root, 'place')
    (root / 'place' / 'depth' / 'a.png').rename(root / 'place' / 'depth' / f'{stem}{suffix}')
    (root / 'place' / 'rgb' / 'a.jpg').rename(root / 'place' / 'rgb' / f'{stem}.jpg')
    depth = DEPTH if suffix == '.npy' else (DEPTH * 1000).round().astype(np.uint16)
    put(root / 'place' / 'depth' / f'{stem}{suffix}', depth)
    put(root / 'place' / 'depth' / f'{Path(stem).stem}{suffix}', 2 * depth)
    put(root / 'place' / 'rgb' / 'other.one.png', RGB)
    put(root / 'place' / 'depth' / 'other.png', (DEPTH * 2000).round().astype(np.uint16))
    manifest = import_set('rgbd', root, tmp_path / 'set', WHOLE)
    store = FrameStore([manifest], TRAIN)
    assert store.count('indoor') == 1
    np.testing.assert_allclose(store.frame('indoor', 0).depth, DEPTH, rtol=0.002)


def test_pieces_of_one_place_are_one_scene(tmp_path: Path) -> None:
    """Or what was learnt from is judged by."""
    for name in ('living_room_0001a', 'living_room_0001b', 'living_room_0002', 'cafe_0001c'):
        nyu(tmp_path / 'nyu', name)
    rooms = ['living_room_0001', 'living_room_0001', 'living_room_0002', 'cafe_0001']
    assert scenes_of('nyu', tmp_path / 'nyu') == rooms
    nyu_raw(tmp_path / 'raw' / 'part_1', '0003')
    (tmp_path / 'raw' / 'part_1' / 'room_0003a').rename(tmp_path / 'raw' / 'room_0003b')
    nyu_raw(tmp_path / 'raw' / 'part_1', '0003')
    assert scenes_of('nyu_raw', tmp_path / 'raw') == ['room_0003', 'room_0003']
    for part in ('Easy/P000', 'Hard/P001'):
        put(tmp_path / 'tartan/office' / part / 'image_left/000000_left.png', RGB)
    for root in ('tartan', 'tartan/office', 'tartan/office/Easy'):
        assert set(scenes_of('tartanair', tmp_path / root)) == {'office'}


@given(
    house=st.text('0123456789abcdef', min_size=1, max_size=32),
    numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=4, unique=True),
    end=st.sampled_from(['', '_mlt', '_rgb']),
)
def test_frames_of_a_house_are_one_scene(house: str, numbers: list[int], end: str) -> None:
    with TemporaryDirectory() as folder:
        for number in numbers:
            for name in (f'{house}_{number:06d}{end}', f'other{house}_{number}{end}'):
                put(Path(folder) / f'trainA_SYN10/trainA_SYN10/{name}.png', RGB[:4, :4])
        options = Options(fx=130.0)
        frames = list(IMPORTERS['suncg'].entries(Path(folder), options))
        assert {frame.scene for frame in frames} == {house, f'other{house}'}
        assert len(frames) == 2 * len(numbers)


def test_names_that_tell_no_scene_are_all_of_one(tmp_path: Path, capsys: Any) -> None:
    """Each a scene of its own, frames of one room would be in both splits."""
    for name in ('00001', '00002', '00003_rgb', 'a'):
        put(tmp_path / f'suncg/trainA_SYN10/trainA_SYN10/{name}.png', RGB)
        put(tmp_path / f'suncg/trainC_SYN10/trainC_SYN10/{name}.png', RGB[..., 1])
    command = ['import', 'suncg', str(tmp_path / 'suncg'), '--fx', '130', '--out']
    assert main([*command, str(tmp_path / 'set')]) == 0
    assert 'frames of one scene only, so none is left to judge by' in capsys.readouterr().err
    assert FrameStore([tmp_path / 'set/manifest.json'], TRAIN).count('indoor') == 4
    assert main([*command, str(tmp_path / 'judged'), '--validation', '1']) == 0
    assert main([*command, str(tmp_path / 'learnt'), '--validation', '0']) == 0
    assert 'judge by' not in capsys.readouterr().err
    nyu_pictures(tmp_path, 3)
    rooms = ('living_room_0038_out', 'bath_0001a_out', 'bath_0001b_out', 'nyu2_test')
    lines = (
        f'data/{room}/{number}.jpg,data/{room}/{number}.png' for room in rooms for number in (3, 7)
    )
    (tmp_path / 'train.csv').write_text('\n'.join(lines))
    frames = IMPORTERS['nyu'].entries(tmp_path, Options(list=tmp_path / 'train.csv'))
    expected = ['living_room_0038', 'bath_0001', 'bath_0001', 'nyu2_test']
    assert [frame.scene for frame in frames] == [room for room in expected for _ in range(2)]


@pytest.mark.parametrize('content', [None, b'\xff\xfe\x00\xd8'])
def test_a_list_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, capsys: Any
) -> None:
    make('kitti_raw', tmp_path / 'root')
    path = tmp_path / 'split.txt'
    if content is not None:
        path.write_bytes(content)
    arguments = ['import', 'kitti_raw', str(tmp_path / 'root'), '--out', str(tmp_path / 'set')]
    assert main([*arguments, '--list', str(path)]) == 2
    assert f'{path} cannot be read as a list of frames' in capsys.readouterr().err


def test_a_list_of_virtual_kitti_names_its_frames(tmp_path: Path) -> None:
    """As the authors' lists do; theirs for training and for judging are of all five scenes."""
    make('vkitti1', tmp_path / 'root')
    line = 'rgb/0002/fog/00000.png depth/0002/fog/00000.png\n'
    (tmp_path / 'train.txt').write_text(line * 3 + '\n', 'utf-8-sig')  # as some editors write
    (tmp_path / 'test.txt').write_text('0001/clone/00000.png\n')
    for split, count, share in (('train', 3, 0.0), ('test', 1, 1.0)):
        options = Options(list=tmp_path / f'{split}.txt')
        wanted = Wanted(width=160, validation=share, options=options)
        manifest = import_set('vkitti1', tmp_path / 'root', tmp_path / split, wanted)
        store = FrameStore([manifest], TRAIN if split == 'train' else VALIDATION)
        assert store.count('street') == count
    for wrong in ('rgb/0002/snow/00000.png', 'rgb/0002/fog/00001.png', '00000.png'):
        (tmp_path / 'train.txt').write_text(f'{wrong} depth\n')
        with pytest.raises(DataError, match=r'of the list .*train\.txt, is missing'):
            import_set('vkitti1', tmp_path / 'root', tmp_path / 'x', Wanted(
                options=Options(list=tmp_path / 'train.txt')))  # fmt: skip


def test_a_folder_of_root_is_a_scene_with_all_its_cameras(tmp_path: Path) -> None:
    """Or a place is learnt from by one camera and judged by another; each has its own lens."""
    root = tmp_path / 'root'
    cameras = {'bath': 110.0, 'kitchen/left': 100.0, 'kitchen/right/day 2': 120.0}
    for camera, fx in cameras.items():
        rgbd(root, camera)
        numbers = {'fx': fx, 'fy': fx, 'cx': 79.5, 'cy': 59.5}
        (root / camera / 'intrinsics.json').write_text(json.dumps(numbers))
    assert scenes_of('rgbd', root) == ['bath', 'kitchen', 'kitchen']
    judged_by = read_ground_truth(write_eval_set('rgbd', root, tmp_path / 'eval', WHOLE))
    assert [(frame.scene, frame.fx) for frame in judged_by] == [
        ('bath', 110), ('kitchen', 100), ('kitchen', 120)
    ]  # fmt: skip
    manifest = import_set('rgbd', root, tmp_path / 'set', Wanted(width=160, validation=0.3))
    learnt, judged = (FrameStore([manifest], split) for split in (TRAIN, VALIDATION))
    assert {learnt.count('indoor'), judged.count('indoor')} == {1, 2}
    lengths = {
        store.frame('indoor', i).fx
        for store in (learnt, judged)
        for i in range(store.count('indoor'))
    }
    assert lengths == set(cameras.values())


OPTIONS = {'list': '{root}/list.txt', 'fx': '130', 'scale': '0.001'}


@pytest.mark.parametrize('option', OPTIONS)
@pytest.mark.parametrize(
    ('command', 'kind'),
    [*(('import', kind) for kind in IMPORTERS), *(('eval_set', kind) for kind in KINDS)],
)
def test_an_option_without_effect_is_refused(
    command: str, kind: str, option: str, tmp_path: Path, capsys: Any
) -> None:
    make(kind, tmp_path)
    needed = ['--fx', '130'] if kind == 'suncg' and option != 'fx' else []
    value = OPTIONS[option].format(root=tmp_path)
    arguments = [command, kind, str(tmp_path), '--out', str(tmp_path / 'set'), *needed]
    status = main([*arguments, f'--{option}', value])
    error = capsys.readouterr().err
    if option in IMPORTERS[kind].uses:
        assert f'--{option} says nothing' not in error
    else:
        assert status == 2
        assert f'--{option} says nothing of {kind}, it is for ' in error
        assert not (tmp_path / 'set').exists()


def test_frames_of_several_sizes_are_one_set(tmp_path: Path) -> None:
    """The days of KITTI differ by some pixels."""
    root = tmp_path / 'root'
    for room, width in (('a', 160), ('b', 159), ('c', 160), ('d', 150)):
        rgbd(root, room)
        put(root / room / 'rgb/a.jpg', RGB[:, :width])
        put(root / room / 'depth/a.png', (DEPTH[:, :width] * 1000).round().astype(np.uint16))
    manifest = import_set('rgbd', root, tmp_path / 'set', Wanted(width=160, validation=0))
    store = FrameStore([manifest], TRAIN)
    frames = [store.frame('indoor', i) for i in range(store.count('indoor'))]
    assert sorted(frame.rgb.shape[1] for frame in frames) == [150, 159, 160, 160]
    assert all(frame.rgb.shape[:2] == frame.depth.shape for frame in frames)
