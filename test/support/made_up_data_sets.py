"""Tiny public data sets of each layout, whose geometry is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from floor_scenes import CAMERA
from numpy.typing import NDArray
from robot_recordings import picture, truth

from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted

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


# Kind -> how it is made, the focal length of its images, 160 px wide, and the accuracy of depth.
SETS: dict[str, tuple[Callable[[Path, str], None], float, float]] = {
    'vkitti1': (vkitti1, 725.0 * 160 / 1242, 0.005),
    'vkitti2': (vkitti2, 101.0, 0.005),
    'hypersim': (hypersim, 886.81 * 160 / 1024, 0.004),
    'tartanair': (tartanair, 320.0 / 4, 0.002),
    'suncg': (suncg, 130.0, 0.03),
    'nyu': (nyu, 518.8579 / 4, 0.002),
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


def scenes_of(kind: str, root: Path) -> list[str]:
    return [frame.scene for frame in IMPORTERS[kind].entries(root, Options())]


def nyu_rooms(root: Path) -> None:
    for name in ('kitchen_0001', 'cafe_0002', 'office_0003'):
        nyu(root, name)


def nyu_pictures(root: Path, count: int) -> Path:
    lines = []
    for i in range(count):
        put(root / f'data/nyu2_test/{i:05d}_colors.png', RGB)
        put(root / f'data/nyu2_test/{i:05d}_depth.png', (DEPTH * 1000).round().astype(np.uint16))
        lines.append(f'data/nyu2_test/{i:05d}_colors.png,data/nyu2_test/{i:05d}_depth.png\n')
    (root / 'nyu2_test.csv').write_text(''.join(lines))
    return root / 'nyu2_test.csv'
