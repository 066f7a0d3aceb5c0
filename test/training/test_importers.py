"""Public data sets become training sets: a tiny set of each layout, whose geometry is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from floor_scenes import CAMERA
from numpy.typing import NDArray
from robot_recordings import picture, truth

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import TRAIN, VALIDATION, Manifest, write_manifest
from s2r_depth_training.dataset.samples import TrainingSamples
from s2r_depth_training.dataset.shrinking import shrink_depth, small_camera
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing import import_set as import_module
from s2r_depth_training.importing import real
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.eval_set import KINDS, write_eval_set
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, import_set, judging_scenes
from s2r_depth_training.importing.nyu import depth_of_disparity, raw_disparity
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


def kinect_ray(x: Any, y: Any) -> tuple[Any, Any]:
    """Return x/z and y/z that a pixel of the Kinect's depth camera looks along, by its lens."""
    k = (-0.099897236553084481, 0.39065324602765344, -0.51031725053400578)
    p1, p2 = 1.9290592870229277e-3, -1.9422022475975055e-3
    seen_x, seen_y = (x - 313.04475870804731) / 582.62448, (y - 238.44389626620386) / 582.69103
    a, b = seen_x, seen_y
    for _ in range(30):
        r = a * a + b * b
        radial = 1 + k[0] * r + k[1] * r**2 + k[2] * r**3
        a = (seen_x - 2 * p1 * a * b - p2 * (r + 2 * a * a)) / radial
        b = (seen_y - p1 * (r + 2 * b * b) - 2 * p2 * a * b) / radial
    return a, b


# Of the Kinect's depth camera in its colour camera.
TURN = np.array([
    [0.99997799, -5.0359919e-3, -4.3196625e-3],
    [5.0518419e-3, 0.99998052, 3.6662366e-3],
    [4.3011152e-3, -3.6879781e-3, 0.99998395],
])  # fmt: skip
AT = -np.array([2.5031875e-2, -2.9342313e-4, 6.6238747e-4])


def kinect(z: float) -> tuple[Any, Any, Any]:
    """Return where its depth camera's pixels see a wall z m before the colour camera.

    x and y in the colour camera, m, and the number that the depth camera gives.
    """
    y, x = np.mgrid[0:480, 0:640]
    a, b = kinect_ray(x, y)
    rays = np.stack([a, b, np.ones_like(a)], -1) @ TURN.T
    far = (z - AT[2]) / rays[..., 2]  # along the depth camera's axis
    return AT[0] + far * rays[..., 0], AT[1] + far * rays[..., 1], 1092.5 - 351.3 / far


def dump(path: Path, head: str, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + pixels.tobytes())


def nyu_raw(root: Path, scene: str) -> None:
    """A dump of a wall 2 m before the colour camera."""
    folder = root / f'room_{scene}a'
    raw = np.round(kinect(2.0)[2]).astype('<u2')
    raw[:4] = 2047
    head = 'P5 640 480 65535\n'
    dump(folder / 'd-1294886362.665769-3143255701.pgm', head, raw)
    dump(folder / 'd-1294886362.699999-3143255701.pgm', head, raw[:-1])  # cut short
    dump(folder / 'd-1294886399.665769-3143255701.pgm', head, raw)  # without colour
    large = cv2.resize(RGB, (640, 480), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    for stamp, seen in (('362.238178', 255 - large), ('362.650000', large)):
        dump(folder / f'r-1294886{stamp}-3118787619.ppm', 'P6 640 480 255\n', seen)
    (folder / 'a-1294886363.011060-3164794231.dump').write_bytes(b'xyz')


# Kind -> how it is made, the focal length of its images, and the accuracy of depth.
SETS: dict[str, tuple[Callable[[Path, str], None], float, float]] = {
    'vkitti1': (vkitti1, 725.0, 0.005),
    'vkitti2': (vkitti2, 101.0, 0.005),
    'hypersim': (hypersim, 886.81 * 160 / 1024, 0.004),
    'tartanair': (tartanair, 320.0, 0.002),
    'suncg': (suncg, 130.0, 0.03),
    'nyu': (nyu, 518.8579, 0.002),
    'nyu_raw': (nyu_raw, 518.8579 / 4, 0.004),
    'kitti_raw': (kitti_raw, 100.0, 0.002),
    'kitti_annotated': (kitti_annotated, 100.0, 0.004),
    'rgbd': (rgbd, 100.0, 0.002),
}
SCENES = ('0001', '0002')
# A lens undone moves what is at the border.
INNER = np.s_[40:80, 50:110]


def true_depth(kind: str) -> NDArray[np.float32]:
    return np.full_like(DEPTH, 2.0) if kind == 'nyu_raw' else DEPTH


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


def scenes_of(kind: str, root: Path) -> list[str]:
    return [frame.scene for frame in IMPORTERS[kind].entries(root, Options())]


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


def test_the_labelled_frames_are_read_beside_their_splits(tmp_path: Path) -> None:
    nyu(tmp_path, 'cafe_0001')
    (tmp_path / 'splits.mat').write_bytes(b'MATLAB 5.0 MAT-file, Platform: GLNXA64')
    assert scenes_of('nyu', tmp_path) == ['cafe_0001']
    assert scenes_of('nyu', tmp_path / 'nyu_depth_v2_labeled.mat') == ['cafe_0001']


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
        ('l.txt', b'', 'counted from 1'),
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


def nyu_pictures(root: Path, count: int) -> Path:
    lines = []
    for i in range(count):
        put(root / f'data/nyu2_test/{i:05d}_colors.png', RGB)
        put(root / f'data/nyu2_test/{i:05d}_depth.png', (DEPTH * 1000).round().astype(np.uint16))
        lines.append(f'data/nyu2_test/{i:05d}_colors.png,data/nyu2_test/{i:05d}_depth.png\n')
    (root / 'nyu2_test.csv').write_text(''.join(lines))
    return root / 'nyu2_test.csv'


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
        step = 4 if kind == 'nyu_raw' else 1  # what is evaluated by is not shrunk
        assert frame.kind == ('driving' if kind.startswith(('kitti', 'vkitti')) else 'indoor')
        assert frame.fx == pytest.approx(fx * step, rel=1e-4)
        rgb, depth = (pixels[step // 2 :: step, step // 2 :: step] for pixels in frame.load())
        assert np.abs(rgb.astype(int) - RGB)[INNER].mean() < 3
        known, expected = depth > 0, true_depth(kind)
        assert known.sum() > 1000
        np.testing.assert_allclose(depth[known], expected[known], rtol=accuracy + 1e-3, atol=0.003)


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


# ---------------------------------------------------------------- one set


def test_each_folder_with_frames_is_a_scene(tmp_path: Path) -> None:
    """Several rooms beneath one folder are several; each has its own camera."""
    root = tmp_path / 'root'
    for room, fx in (('house/kitchen', 100.0), ('house/bath', 110.0), ('house/up/bath', 120.0)):
        rgbd(root, room)
        numbers = {'fx': fx, 'fy': fx, 'cx': 79.5, 'cy': 59.5}
        (root / room / 'intrinsics.json').write_text(json.dumps(numbers))
    rooms = ['house/bath', 'house/kitchen', 'house/up/bath']
    assert scenes_of('rgbd', root) == rooms
    judged_by = read_ground_truth(write_eval_set('rgbd', root, tmp_path / 'eval', WHOLE))
    assert [(frame.scene, frame.fx) for frame in judged_by] == list(zip(rooms, (110, 100, 120)))
    manifest = import_set('rgbd', root, tmp_path / 'set', Wanted(width=160, validation=0.3))
    learnt, judged = (FrameStore([manifest], split) for split in (TRAIN, VALIDATION))
    assert (learnt.count('indoor'), judged.count('indoor')) == (2, 1)
    lengths = {
        store.frame('indoor', i).fx for store, n in ((learnt, 2), (judged, 1)) for i in range(n)
    }
    assert lengths == {100.0, 110.0, 120.0}


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


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
        with pytest.raises(KeyboardInterrupt):
            main([*command, str(tmp_path / 'cut')])
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
    write_manifest(out, Manifest(kind='indoor', shards=[]))
    assert main(command) == 2
    assert 'was not imported: give another --out' in capsys.readouterr().err


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
