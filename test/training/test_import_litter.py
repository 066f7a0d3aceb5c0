"""Data sets as they lie on people's disks: with litter, links, and frames that are not whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_data_sets import DEPTH, RGB, SCENES, SETS, make, nyu_raw, put, rgbd

from s2r_depth_training.cli import main
from s2r_depth_training.dataset.format import TRAIN, VALIDATION
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, import_set


def command(kind: str, root: Path, out: Path) -> list[str]:
    options = ['--fx', '130'] if kind == 'suncg' else []
    return ['import', kind, str(root), '--width', '160', '--out', str(out), *options]


def stored(out: Path) -> int:
    stores = (FrameStore([out / 'manifest.json'], split) for split in (TRAIN, VALIDATION))
    return sum(store.count(kind) for store in stores for kind in store.kinds)


def has_files_only(path: Path) -> bool:
    return path.is_dir() and not any(inner.is_dir() for inner in path.iterdir())


@pytest.mark.parametrize('kind', IMPORTERS)
def test_litter_is_no_frame(kind: str, tmp_path: Path) -> None:
    """What macOS, Windows and unpacking leave: files beside each file, and folders."""
    root = tmp_path / 'root'
    make(kind, root)
    for folder in [root, *(path for path in root.rglob('*') if path.is_dir())]:
        for path in [path for path in folder.iterdir() if path.is_file()]:
            (folder / f'._{path.name}').write_bytes(b'\0\5\x16\7')
            (root / '__MACOSX' / folder.relative_to(root)).mkdir(parents=True, exist_ok=True)
            (root / '__MACOSX' / folder.relative_to(root) / f'._{path.name}').write_bytes(b'\0\5')
        for name in ('.DS_Store', 'Thumbs.db', 'README', 'README.txt', 'index.html'):
            (folder / name).write_bytes(b'\0litter')
        (folder / 'empty').mkdir()
        (folder / '.hidden').mkdir()
    assert main(command(kind, root, tmp_path / 'set')) == 0
    assert stored(tmp_path / 'set') == (4 if kind == 'vkitti1' else 2)


@pytest.mark.parametrize('depth', ['top', 'deep'])
@pytest.mark.parametrize('kind', [kind for kind in IMPORTERS if kind != 'nyu'])
def test_folders_may_be_links(kind: str, depth: str, tmp_path: Path) -> None:
    """To another disk; a place stays one scene, and a link upwards is no loop."""
    root = tmp_path / 'root'
    make(kind, root)
    linked = root.iterdir() if depth == 'top' else filter(has_files_only, root.rglob('*'))
    for number, folder in enumerate(list(linked)):
        elsewhere = tmp_path / 'other disk' / str(number) / folder.name
        elsewhere.parent.mkdir(parents=True)
        folder.rename(elsewhere)
        folder.symlink_to(elsewhere)
    (root / 'loop').symlink_to(root)
    assert main(command(kind, root, tmp_path / 'set')) == 0
    assert stored(tmp_path / 'set') == (4 if kind == 'vkitti1' else 2)


@pytest.mark.parametrize(('kind', 'depths'), [
    ('kitti_raw', '*0002_sync/velodyne_points/data/*.bin'),
    ('kitti_annotated', '*0002_sync/proj_depth/groundtruth/*/*.png'),
    ('rgbd', '0002/depth/*.png'),
])  # fmt: skip
def test_images_without_depth_are_told(kind: str, depths: str, tmp_path: Path, capsys: Any) -> None:
    root = tmp_path / 'root'
    make(kind, root)
    (gone,) = (path for path in root.rglob(depths))
    gone.unlink()
    (image,) = (*root.rglob('*0002_sync/image_02/data/*'), *root.rglob('0002/rgb/*'))
    assert main(command(kind, root, tmp_path / 'set')) == 0
    told = capsys.readouterr().err
    assert 'are left out: 1, the first is' in told
    assert str(image) in told
    assert FrameStore([tmp_path / 'set/manifest.json'], TRAIN).count(IMPORTERS[kind].kind) == 1


def test_raw_dumps_without_colour_are_told(tmp_path: Path, capsys: Any) -> None:
    nyu_raw(tmp_path / 'root', '0001')
    for colour in (tmp_path / 'root').rglob('r-*'):
        colour.unlink()
    assert main(command('nyu_raw', tmp_path / 'root', tmp_path / 'set')) == 2
    told = capsys.readouterr().err
    assert 'without colour within 0.05 s are left out: 2' in told
    assert IMPORTERS['nyu_raw'].tree in told


@pytest.mark.parametrize('blind', [1, 2, 3])
def test_frames_without_any_depth_teach_nothing_and_are_told(
    blind: int, tmp_path: Path, capsys: Any
) -> None:
    """Outdoors they would teach that all is sky."""
    root, names = tmp_path / 'root', ('a', 'b', 'c')
    for i, name in enumerate(names):
        put(root / f'rgb/0001/clone/{name}.png', RGB)
        put(root / f'depth/0001/clone/{name}.png', (DEPTH * 100 * (i >= blind)).astype(np.uint16))
    status = main([*command('vkitti1', root, tmp_path / 'set'), '--validation', '0'])
    told = capsys.readouterr().err
    assert f'without any known depth are left out: {blind}, the first is' in told
    assert 'clone/a.png' in told
    if blind == 3:
        assert status == 2
        assert 'no known depth in any of 3 frames' in told
    else:
        assert status == 0
        store = FrameStore([tmp_path / 'set/manifest.json'], TRAIN)
        assert store.count('street') == 3 - blind


@pytest.mark.parametrize(('dtype', 'scale', 'unit'), [
    (np.uint16, None, 0.001), (np.int32, '0.01', 0.01), (np.float64, '0.01', 1.0),
    (np.float16, None, 1.0),
])  # fmt: skip
def test_whole_numbers_of_arrays_are_no_metres(
    dtype: Any, scale: str | None, unit: float, tmp_path: Path
) -> None:
    root = tmp_path / 'root'
    rgbd(root, 'place')
    (root / 'place/depth/a.png').unlink()
    put(root / 'place/depth/a.npy', (DEPTH / unit).astype(dtype))
    more = ['--scale', scale] if scale else []
    assert main([*command('rgbd', root, tmp_path / 'set'), *more]) == 0
    frame = FrameStore([tmp_path / 'set/manifest.json'], TRAIN).frame('indoor', 0)
    np.testing.assert_allclose(frame.depth, DEPTH, rtol=0.001, atol=unit if unit < 1 else 0)


@pytest.mark.parametrize('dtype', [np.uint8, np.int64, np.bool_, np.complex64])
def test_metres_are_floating_point(dtype: Any, tmp_path: Path, capsys: Any) -> None:
    make('tartanair', tmp_path / 'root')
    for path in (tmp_path / 'root').rglob('*.npy'):
        np.save(path, DEPTH.astype(dtype))
    assert main(command('tartanair', tmp_path / 'root', tmp_path / 'set')) == 2
    error = capsys.readouterr().err
    assert '000004_left_depth.npy holds' in error
    assert 'floating point metres' in error


@pytest.mark.parametrize('end', ['.PNG', '.Png', '.NPY'])
def test_suffixes_of_a_folder_may_be_in_any_case(end: str, tmp_path: Path) -> None:
    rgbd(tmp_path / 'root', 'place')
    (tmp_path / 'root/place/rgb/a.jpg').rename(tmp_path / 'root/place/rgb/a.JPEG')
    depth = tmp_path / 'root/place/depth/a.png'
    if end == '.NPY':
        with depth.with_suffix(end).open('wb') as file:
            np.save(file, DEPTH)
        depth.unlink()
    else:
        depth.rename(depth.with_suffix(end))
    assert main(command('rgbd', tmp_path / 'root', tmp_path / 'set')) == 0
    frame = FrameStore([tmp_path / 'set/manifest.json'], TRAIN).frame('indoor', 0)
    np.testing.assert_allclose(frame.depth, DEPTH, rtol=0.002)


@pytest.mark.parametrize('times', [0.25, 0.5, 2, 4])
@pytest.mark.parametrize('kind', ['vkitti2', 'kitti_raw', 'kitti_annotated', 'rgbd'])
def test_intrinsics_of_another_image_size_are_refused(
    kind: str, times: float, tmp_path: Path, capsys: Any
) -> None:
    """People shrink images to save space; the files of intrinsics stay."""
    root = tmp_path / 'root'
    make(kind, root)
    for path in root.rglob('intrinsics.json'):
        numbers = {name: times * value for name, value in json.loads(path.read_text()).items()}
        path.write_text(json.dumps(numbers))
    for path in root.rglob('intrinsic.txt'):
        fx, fy, cx, cy = (times * value for value in (101, 102, 80, 60))
        path.write_text(f'head\n3 1 {fx} {fy} {cx} {cy}\n')
    for path in root.rglob('calib_cam_to_cam.txt'):
        p = f'P_rect_02: {times * 100} 0 {times * 79.5} 5 0 {times * 100} {times * 59.5} 0 0 0 1 0'
        path.write_text(f'R_rect_00: 1 0 0 0 1 0 0 0 1\n{p}\n')
    assert main(command(kind, root, tmp_path / 'set')) == 2
    error = capsys.readouterr().err
    assert '0001' in error
    assert 'give the intrinsics of images of this size' in error
    assert not (tmp_path / 'set/manifest.json').exists()


@pytest.mark.parametrize('kind', ['vkitti1', 'tartanair', 'hypersim', 'nyu'])
def test_known_cameras_shrink_with_their_images(kind: str, tmp_path: Path) -> None:
    """Of these the intrinsics are those of the size that was published."""
    make(kind, tmp_path / 'root')
    frames = [frame.read() for frame in IMPORTERS[kind].entries(tmp_path / 'root', Options())]
    assert len(frames) == (4 if kind == 'vkitti1' else len(SCENES))
    for frame in frames:
        assert frame.camera.fx == pytest.approx(SETS[kind][1], rel=1e-4)
        assert (frame.camera.width, frame.camera.height) == (160, 120)
        assert 0.4 < frame.camera.cx / 160 < 0.6


@pytest.mark.parametrize('number', [float('nan'), float('inf'), 0.0, -5.0])
def test_broken_intrinsics_are_of_a_frame(number: float, tmp_path: Path) -> None:
    rgbd(tmp_path / 'root', 'place')
    numbers = {'fx': number, 'fy': 100.0, 'cx': 79.5, 'cy': 59.5}
    (tmp_path / 'root/place/intrinsics.json').write_text(json.dumps(numbers))
    with pytest.raises(DataError, match=r'place/rgb/a\.jpg: .*; give the intrinsics'):
        import_set('rgbd', tmp_path / 'root', tmp_path / 'set', Wanted())


def test_a_list_without_frames_is_named(tmp_path: Path, capsys: Any) -> None:
    make('kitti_raw', tmp_path / 'root')
    (tmp_path / 'list.txt').write_text('\n \n')
    arguments = command('kitti_raw', tmp_path / 'root', tmp_path / 'set')
    assert main([*arguments, '--list', str(tmp_path / 'list.txt')]) == 2
    assert 'list.txt is a list of no frames' in capsys.readouterr().err


@pytest.mark.parametrize('farthest', [65504.0, 7e4, 1e30])
def test_what_is_farther_than_a_set_holds_is_far(farthest: float, tmp_path: Path) -> None:
    """As the sky of some renderers; infinite depth has no place in a loss."""
    depth = DEPTH.copy()
    depth[:5] = farthest
    put(tmp_path / 'root/sea/Easy/P000/image_left/000000_left.png', RGB)
    put(tmp_path / 'root/sea/Easy/P000/depth_left/000000_left_depth.npy', depth)
    assert main(command('tartanair', tmp_path / 'root', tmp_path / 'set')) == 0
    stored_depth = FrameStore([tmp_path / 'set/manifest.json'], TRAIN).frame('outdoor', 0).depth
    assert (stored_depth[:5] == 65504).all()
    np.testing.assert_allclose(stored_depth[5:], DEPTH[5:], rtol=0.001)


@pytest.mark.parametrize('scale', ['1e-12', '1e-8'])
def test_a_scale_that_leaves_no_depth_makes_no_test_set(
    scale: str, tmp_path: Path, capsys: Any
) -> None:
    rgbd(tmp_path / 'root', 'place')
    arguments = ['eval_set', 'rgbd', str(tmp_path / 'root'), '--out', str(tmp_path / 'set')]
    assert main([*arguments, '--scale', scale]) == 2
    assert 'a.jpg has no true depth' in capsys.readouterr().err
    assert not (tmp_path / 'set/manifest.json').exists()
