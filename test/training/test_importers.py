"""Public data sets become training sets: a tiny set of each layout, whose geometry is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from floor_scenes import CAMERA
from numpy.typing import NDArray
from robot_recordings import picture, truth

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

DEPTH = truth(4.0)
# Smooth, as JPEG keeps it, and bluish, so that swapped colours are noticed.
RGB = cv2.GaussianBlur(picture(DEPTH, 0), (15, 15), 0).astype(np.uint8)
RGB[..., 0] = RGB[..., 0] // 2
WHOLE = Wanted(width=160)


def put(path: Path, pixels: NDArray[Any]) -> None:
    """Write a picture (colours RGB) or an array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, pixels)
        return
    shown = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if path.suffix == '.jpg' else []
    assert cv2.imwrite(str(path), shown, quality)


def centimetres() -> NDArray[np.uint16]:
    depth = (DEPTH * 100).round().astype(np.uint16)
    depth[:3] = 65535  # sky
    return depth


def vkitti1(root: Path, scene: str) -> None:
    for variation in ('clone', 'fog'):
        name = f'{scene}/{variation}/00000.png'
        put(root / 'vkitti_1.3.1_rgb' / name, RGB)
        put(root / 'vkitti_1.3.1_depthgt' / name, centimetres())


def vkitti2(root: Path, scene: str) -> None:
    folder = root / f'Scene{scene}' / 'clone'
    put(folder / 'frames/rgb/Camera_1/rgb_00003.jpg', RGB)
    put(folder / 'frames/depth/Camera_1/depth_00003.png', centimetres())
    text = 'frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n3 0 1 1 1 1\n3 1 101 102 80 60\n'
    (folder / 'intrinsic.txt').write_text(text)


def hypersim(root: Path, scene: str) -> None:
    import h5py

    images = root / scene / 'images'
    put(images / 'scene_cam_00_final_preview/frame.0007.tonemap.jpg', RGB)
    fx = 886.81 * 160 / 1024
    y, x = np.mgrid[0:120, 0:160]
    lengths = DEPTH * np.sqrt(1 + ((x - 79.5) / fx) ** 2 + ((y - 59.5) / fx) ** 2)
    lengths[0, 0] = np.nan
    file = images / 'scene_cam_00_geometry_hdf5/frame.0007.depth_meters.hdf5'
    file.parent.mkdir(parents=True)
    with h5py.File(file, 'w') as content:
        content['dataset'] = lengths.astype(np.float16)


def tartanair(root: Path, scene: str) -> None:
    folder = root / scene / 'Easy' / 'P001'
    put(folder / 'image_left/000004_left.png', RGB)
    put(folder / 'depth_left/000004_left_depth.npy', DEPTH)


def suncg(root: Path, scene: str) -> None:
    put(root / f'trainA_SYN10/trainA_SYN10/{scene}_0001.png', RGB)
    eighths = (DEPTH / 8 * 255).round().astype(np.uint8)
    put(root / f'trainC_SYN10/trainC_SYN10/{scene}_0001.png', eighths)


def nyu(root: Path, scene: str) -> None:
    import h5py

    root.mkdir(exist_ok=True)
    with h5py.File(root / 'nyu_depth_v2_labeled.mat', 'a') as file:
        before = len(file['depths']) if 'depths' in file else 0
        kept = {k: np.asarray(file[k]) for k in ('images', 'depths') if before}
        names = [np.asarray(file[r]) for r in np.asarray(file['scenes']).ravel()] if before else []
        for name in ('images', 'depths', 'scenes'):
            if name in file:
                del file[name]
        new = {'images': RGB.transpose(2, 1, 0)[None], 'depths': DEPTH.T[None]}
        for name, array in new.items():
            file[name] = np.concatenate([kept[name], array]) if before else array
        names.append(np.array([[ord(c)] for c in scene], np.uint16))
        references = []
        for number, text in enumerate(names):
            key = f'#refs#/{scene}_{number}'
            file[key] = text
            references.append(file[key].ref)
        file.create_dataset('scenes', data=[references], dtype=h5py.ref_dtype)


def kitti_calibration(date: Path) -> None:
    date.mkdir(parents=True, exist_ok=True)
    p = np.hstack([CAMERA.matrix, [[5.0], [0.0], [0.0]]])  # a second camera 5 cm to the left
    turn = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
    lines: dict[str, dict[str, Any]] = {
        'calib_cam_to_cam.txt': {'calib_time': 'x', 'R_rect_00': np.eye(3), 'P_rect_02': p},
        'calib_velo_to_cam.txt': {'R': turn, 'T': np.array([0.0, -0.1, 0.2])},
    }
    for name, rows in lines.items():
        text = ''.join(
            f'{k}: {v if isinstance(v, str) else " ".join(map(str, v.ravel()))}\n'
            for k, v in rows.items()
        )
        (date / name).write_text(text)


def kitti_raw(root: Path, scene: str) -> None:
    date = root / '2011_09_26'
    kitti_calibration(date)
    drive = date / f'2011_09_26_drive_{scene}_sync'
    put(drive / 'image_02/data/0000000005.png', RGB)
    y, x = np.mgrid[2:120:3, 2:160:3]
    z = DEPTH[y, x].ravel()
    # A point on the pixel that the Eigen protocol puts one to the left and above.
    camera = np.stack(
        [(x.ravel() + 1 - 79.5) / 100 * z - 0.05, (y.ravel() + 1 - 59.5) / 100 * z, z]
    )
    turn = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
    own = turn.T @ (camera - np.array([[0.0], [-0.1], [0.2]]))
    cloud = np.vstack([own, np.full((1, own.shape[1]), 0.5)]).T.astype(np.float32)
    behind = np.array([[-3.0, 0, 0, 1]], np.float32)
    (drive / 'velodyne_points/data').mkdir(parents=True)
    np.vstack([cloud, behind]).tofile(drive / 'velodyne_points/data/0000000005.bin')


def kitti_annotated(root: Path, scene: str) -> None:
    kitti_raw(root, scene)
    annotated = np.zeros((120, 160), np.uint16)
    annotated[2::3, 2::3] = (DEPTH[2::3, 2::3] * 256).round()
    name = f'2011_09_26_drive_{scene}_sync/proj_depth/groundtruth/image_02/0000000005.png'
    put(root / 'train' / name, annotated)


def rgbd(root: Path, scene: str) -> None:
    put(root / scene / 'rgb/a.jpg', RGB)
    put(root / scene / 'depth/a.png', (DEPTH * 1000).round().astype(np.uint16))
    numbers = {'fx': 100.0, 'fy': 100.0, 'cx': 79.5, 'cy': 59.5}
    (root / scene / 'intrinsics.json').write_text(json.dumps(numbers))


# Kind -> how it is made, the focal length of its images, and the accuracy of depth.
SETS: dict[str, tuple[Callable[[Path, str], None], float, float]] = {
    'vkitti1': (vkitti1, 725.0, 0.005),
    'vkitti2': (vkitti2, 101.0, 0.005),
    'hypersim': (hypersim, 886.81 * 160 / 1024, 0.004),
    'tartanair': (tartanair, 320.0, 0.002),
    'suncg': (suncg, 130.0, 0.03),
    'nyu': (nyu, 518.8579, 0.002),
    'kitti_raw': (kitti_raw, 100.0, 0.002),
    'kitti_annotated': (kitti_annotated, 100.0, 0.004),
    'rgbd': (rgbd, 100.0, 0.002),
}
SCENES = ('0001', '0002')


def make(kind: str, root: Path) -> Wanted:
    for scene in SCENES:
        SETS[kind][0](root, scene)
    return Wanted(width=160, options=Options(fx=130.0 if kind == 'suncg' else 0.0))


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
            np.testing.assert_allclose(frame.depth[known], DEPTH[known], rtol=accuracy + 1e-3)
            sparse = kind.startswith('kitti')
            assert known.mean() == pytest.approx(1 / 9 if sparse else 1.0, abs=0.04)
            if sparse:
                assert known[2::3, 2::3].mean() > 0.95
            assert np.abs(frame.rgb.astype(int) - RGB).mean() < 3
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
    path = sorted(colour)[-1]
    path.write_bytes(path.read_bytes()[:7])
    with pytest.raises(DataError) as caught:
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


def scenes_of(kind: str, root: Path) -> list[str]:
    return [frame.scene for frame in IMPORTERS[kind].entries(root, Options())]


def test_pieces_of_one_place_are_one_scene(tmp_path: Path) -> None:
    """Or what was learnt from is judged by."""
    for name in ('living_room_0001a', 'living_room_0001b', 'living_room_0002', 'cafe_0001c'):
        nyu(tmp_path / 'nyu', name)
    rooms = ['living_room_0001', 'living_room_0001', 'living_room_0002', 'cafe_0001']
    assert scenes_of('nyu', tmp_path / 'nyu') == rooms
    for camera in ('left', 'right'):
        rgbd(tmp_path / 'rgbd', f'kitchen/{camera}')
    assert scenes_of('rgbd', tmp_path / 'rgbd') == ['kitchen', 'kitchen']
    for part in ('Easy/P000', 'Hard/P001'):
        put(tmp_path / 'tartan/office' / part / 'image_left/000000_left.png', RGB)
    for root in ('tartan', 'tartan/office', 'tartan/office/Easy'):
        assert set(scenes_of('tartanair', tmp_path / root)) == {'office'}


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


# ---------------------------------------------------------------- lists of frames


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


def nyu_rooms(root: Path) -> None:
    for name in ('kitchen_0001', 'cafe_0002', 'office_0003'):
        nyu(root, name)


@pytest.mark.parametrize('kind', ['mat', 'txt'])
def test_a_list_of_nyu_counts_from_one(tmp_path: Path, kind: str) -> None:
    from scipy.io import savemat

    nyu_rooms(tmp_path / 'nyu')
    path = tmp_path / f'splits.{kind}'

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
        ('l.txt', b'', 'counted from 1'),
        ('l.mat', b'no matlab file', "has no numbers 'testNdxs'"),
        ('l.mat', b'', "has no numbers 'testNdxs'"),
        ('l.csv', b'a.png\n', r"'a\.png' is not COLOUR\.png,DEPTH\.png"),
        ('l.csv', b'a.png,b.png\n', r'a\.png cannot be read'),
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
    with pytest.raises(DataError, match=told):
        import_set('nyu', tmp_path / 'nyu', tmp_path / 'set', wanted)


def test_a_splits_file_of_another_kind_is_told(tmp_path: Path) -> None:
    """The labelled file itself is of a newer format, which scipy does not read."""
    nyu_rooms(tmp_path / 'nyu')
    wanted = Wanted(options=Options(list=tmp_path / 'nyu' / 'nyu_depth_v2_labeled.mat'))
    with pytest.raises(DataError, match="has no numbers 'testNdxs' of a MATLAB file"):
        import_set('nyu', tmp_path / 'nyu', tmp_path / 'set', wanted)


def nyu_pictures(root: Path, count: int) -> Path:
    lines = []
    for i in range(count):
        put(root / f'data/nyu2_test/{i:05d}_colors.png', RGB)
        put(root / f'data/nyu2_test/{i:05d}_depth.png', (DEPTH * 1000).round().astype(np.uint16))
        lines.append(f'data/nyu2_test/{i:05d}_colors.png,data/nyu2_test/{i:05d}_depth.png\n')
    (root / 'nyu2_test.csv').write_text(''.join(lines))
    return root / 'nyu2_test.csv'


@pytest.mark.parametrize('kind', [k for k, one in IMPORTERS.items() if not one.listed])
def test_a_list_is_refused_where_it_would_be_passed_over(kind: str, tmp_path: Path) -> None:
    selection = make(kind, tmp_path / 'root')
    (tmp_path / 'l.txt').write_text('a\n')
    given = replace(selection, options=replace(selection.options, list=tmp_path / 'l.txt'))
    with pytest.raises(DataError, match=f'{kind} takes no --list; vkitti1, nyu, kitti_raw, '):
        import_set(kind, tmp_path / 'root', tmp_path / 'set', given)


# ---------------------------------------------------------------- images to evaluate by


@pytest.mark.parametrize('kind', KINDS)
def test_images_to_evaluate_by_have_the_depth_of_the_set(kind: str, tmp_path: Path) -> None:
    selection = make(kind, tmp_path / 'root')
    manifest = write_eval_set(kind, tmp_path / 'root', tmp_path / 'set', selection)
    frames = read_ground_truth(manifest)
    assert [frame.id for frame in frames] == [f'{i:04d}' for i in range(len(frames))]
    assert len(frames) == (4 if kind == 'vkitti1' else 2)
    assert len({frame.scene for frame in frames}) == 2
    for frame in frames:
        _, fx, accuracy = SETS[kind]
        assert frame.kind == ('driving' if kind.startswith(('kitti', 'vkitti')) else 'indoor')
        assert frame.fx == pytest.approx(fx, rel=1e-4)
        rgb, depth = frame.load()
        assert np.abs(rgb.astype(int) - RGB).mean() < 3
        known = depth > 0
        assert known.sum() > 1000
        np.testing.assert_allclose(depth[known], DEPTH[known], rtol=accuracy + 1e-3, atol=0.003)


def test_kinds_that_no_protocol_knows_are_not_offered() -> None:
    assert set(IMPORTERS) - set(KINDS) == {'tartanair'}


def test_the_command_writes_the_test_set_of_nyu_and_evaluate_reads_it(
    tmp_path: Path, capsys: Any
) -> None:
    path = nyu_pictures(tmp_path / 'root', 12)
    arguments = ['eval_set', 'nyu', str(tmp_path / 'root'), '--out', str(tmp_path / 'set')]
    assert main([*arguments, '--list', str(path), '--every', '5']) == 0
    manifest = tmp_path / 'set' / 'manifest.json'
    assert capsys.readouterr().out == f'{manifest}\n'
    frames = read_ground_truth(manifest)
    assert [f.scene for f in frames] == ['00000_colors', '00005_colors', '00010_colors']
    np.testing.assert_allclose(frames[0].load()[1], DEPTH, atol=0.001)


def test_a_frame_without_depth_is_not_evaluated_by(tmp_path: Path) -> None:
    path = nyu_pictures(tmp_path / 'root', 2)
    wanted = Wanted(options=Options(list=path))
    write_eval_set('nyu', tmp_path / 'root', tmp_path / 'set', wanted)
    put(tmp_path / 'root/data/nyu2_test/00001_depth.png', np.zeros((120, 160), np.uint16))
    with pytest.raises(DataError, match=r'00001_colors\.png has no true depth; leave it out'):
        write_eval_set('nyu', tmp_path / 'root', tmp_path / 'set', wanted)
    assert not (tmp_path / 'set' / 'manifest.json').exists()


def test_what_is_farther_than_the_file_holds_does_not_come_near(tmp_path: Path) -> None:
    rgbd(tmp_path / 'root', 'place')
    far = DEPTH.copy()
    far[:10] = 700.0
    put(tmp_path / 'root/place/depth/a.npy', far)
    (tmp_path / 'root/place/depth/a.png').unlink()
    manifest = write_eval_set('rgbd', tmp_path / 'root', tmp_path / 'set', WHOLE)
    _, depth = read_ground_truth(manifest)[0].load()
    assert (depth[:10] > 65).all()
