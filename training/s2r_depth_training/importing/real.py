"""Recorded data sets: KITTI, and any folder of aligned colour and depth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import JsonError, read_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import nearest_depth
from s2r_depth_ros.media.checks import check_path
from s2r_depth_ros.media.depth_files import read_depth_file
from s2r_depth_ros.media.sources import IMAGE_SUFFIXES
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import (
    Depth,
    Imported,
    Importer,
    Options,
    SetFrame,
    same_size,
)
from s2r_depth_training.importing.files import (
    all_folders,
    files,
    read_colour,
    read_lines,
    read_numpy,
    tell_left_out,
)

_KITTI_UNIT = 1 / 256  # m of the annotated depth
_CAMERAS = {'l': 'image_02', 'r': 'image_03', '2': 'image_02', '3': 'image_03'}
_NUMBERS = ('fx', 'fy', 'cx', 'cy')


# ---------------------------------------------------------------- KITTI


def _kitti_raw(root: Path, options: Options) -> Iterator[SetFrame]:
    alone: list[str] = []
    for image in _kitti_images(root, options):
        drive, camera = image.parents[2], image.parents[1].name
        points = drive / 'velodyne_points' / 'data' / f'{image.stem}.bin'
        if options.list or points.is_file():
            read = partial(_velodyne_frame, image, points, drive.parent, camera)
            yield SetFrame(drive.name, str(image), read)
        else:
            alone.append(str(image))
    tell_left_out(alone, 'a scan of the Velodyne')


def _kitti_annotated(root: Path, options: Options) -> Iterator[SetFrame]:
    alone: list[str] = []
    for image in _kitti_images(root, options):
        drive, camera = image.parents[2], image.parents[1].name
        inner = Path(drive.name, 'proj_depth', 'groundtruth', camera, f'{image.stem}.png')
        truths = [root / split / inner for split in ('train', 'val', '')]
        truth = next(filter(Path.is_file, truths), None)
        if truth:
            read = partial(_annotated_frame, image, truth, drive.parent, camera)
            yield SetFrame(drive.name, str(image), read)
        else:
            alone.append(str(image))
    tell_left_out(alone, 'annotated depth')


def _kitti_images(root: Path, options: Options) -> Iterator[Path]:
    """Give the images that a list names, or all."""
    if options.list is None:
        for camera in ('image_02', 'image_03'):
            found = files(root, f'*/*_sync/{camera}/data/*')
            yield from (path for path in found if path.suffix.lower() in ('.png', '.jpg'))
        return
    for line in read_lines(options.list):
        yield _listed_image(root, line)


def _listed_image(root: Path, line: str) -> Path:
    """Return the image of a line: DATE/DRIVE FRAME l|r, or the image's own path first."""
    words = line.split()
    if len(words) == 3 and words[2] in _CAMERAS and words[1].isdigit():
        path = root / words[0] / _CAMERAS[words[2]] / 'data' / f'{int(words[1]):010d}.png'
    else:
        path = root / words[0]
    for suffix in ('.png', '.jpg'):
        if path.with_suffix(suffix).is_file():
            return path.with_suffix(suffix)
    raise DataError(f'{path}, of the list, is missing')


def _velodyne_frame(image: Path, points: Path, date: Path, camera: str) -> Imported:
    rgb = read_colour(image)
    projection, from_velodyne, numbers = _kitti_calibration(date, camera[-2:])
    try:
        check_path(points)
        cloud = np.fromfile(points, np.float32).reshape(-1, 4)
    except (OSError, ValueError) as error:
        raise DataError(f'{points} is no scan of the Velodyne: {error}') from error
    depth = velodyne_depth(cloud, projection @ from_velodyne, rgb.shape[:2])
    return Imported(rgb, depth, Intrinsics(*numbers, rgb.shape[1], rgb.shape[0]))


def velodyne_depth(
    cloud: NDArray[np.float32], to_image: NDArray[np.float64], size: tuple[int, ...]
) -> Depth:
    """Return the depth [H, W] of a Velodyne scan, m, as the Eigen protocol projects it.

    cloud: [N, 4], x forward. to_image: [3, 4], rectified projection times Velodyne to camera.
    Points behind are left out; pixels are rounded, less 1 in x and y (MATLAB's counting); of
    several in a pixel the nearest counts (the spec, 1.8).
    """
    points = cloud[cloud[:, 0] >= 0].astype(np.float64)
    points[:, 3] = 1.0
    x, y, z = to_image @ points.T
    with np.errstate(divide='ignore', invalid='ignore'):
        column, row = np.round(x / z) - 1, np.round(y / z) - 1
        inside = (column >= 0) & (row >= 0) & (column < size[1]) & (row < size[0]) & (z > 0)
    place = column[inside].astype(int), row[inside].astype(int)
    return nearest_depth(*place, z[inside], size[:2])


def _annotated_frame(image: Path, truth: Path, date: Path, camera: str) -> Imported:
    rgb = read_colour(image)
    depth = read_depth_file(truth, _KITTI_UNIT)
    same_size(str(image), rgb, depth)
    _, _, numbers = _kitti_calibration(date, camera[-2:])
    return Imported(rgb, depth, Intrinsics(*numbers, rgb.shape[1], rgb.shape[0]))


@lru_cache(maxsize=16)
def _kitti_calibration(
    date: Path, camera: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float, float, float]]:
    """Return projection times rectification [3, 4], Velodyne to camera [4, 4], fx, fy, cx, cy."""
    cameras = _matrices(date / 'calib_cam_to_cam.txt', (f'P_rect_{camera}', 'R_rect_00'))
    velodyne = _matrices(date / 'calib_velo_to_cam.txt', ('R', 'T'))
    projection = cameras[f'P_rect_{camera}'].reshape(3, 4)
    rectification, motion = np.eye(4), np.eye(4)
    rectification[:3, :3] = cameras['R_rect_00'].reshape(3, 3)
    motion[:3, :3], motion[:3, 3] = velodyne['R'].reshape(3, 3), velodyne['T']
    numbers = projection[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()
    return projection @ rectification, motion, tuple(numbers)


def _matrices(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Return the named rows of a file of KITTI's calibration."""
    try:
        rows = dict(line.split(':', 1) for line in path.read_text().splitlines() if ':' in line)
        return {name: np.array(rows[name].split(), np.float64) for name in names}
    except OSError as error:
        raise DataError(f'{path} is missing; unpack the calibration of that day, too') from error
    except (KeyError, ValueError) as error:
        raise DataError(f'{path} is no calibration of KITTI: {error}') from error


# ---------------------------------------------------------------- any folder


def _rgbd(root: Path, options: Options) -> Iterator[SetFrame]:
    """Give the images in folders called rgb that have depth of the same name in depth beside it.

    What is beneath one folder of ``root`` is one scene.
    """
    alone: list[str] = []
    below = (folder for folder in all_folders(root) if folder != root)
    for colours in (folder for folder in below if folder.name == 'rgb'):
        truths = files(colours.with_name('depth'), '*')
        # A name may have dots of its own, as a stamp has. Of both, the .png is taken.
        depths = {p.stem: p for end in ('.npy', '.png') for p in truths if p.suffix.lower() == end}
        images = [p for p in files(colours, '*') if p.suffix.lower() in IMAGE_SUFFIXES]
        numbers = _folder_intrinsics(colours.parent, root) if images else {}
        scene = (*colours.parent.relative_to(root).parts, '')[0]
        for path in images:
            if path.stem in depths:
                scale = options.scale or 0.001
                read = partial(_rgbd_frame, path, depths[path.stem], numbers, scale)
                yield SetFrame(scene, str(path), read)
            else:
                alone.append(str(path))
    tell_left_out(alone, 'depth of their name')


def _folder_intrinsics(folder: Path, root: Path) -> dict[str, float]:
    """Return fx, fy, cx, cy of the nearest intrinsics.json above the images."""
    for place in (folder, *folder.parents):
        path = place / 'intrinsics.json'
        if path.is_file():
            try:
                content = read_json(path)
                return {name: float(content[name]) for name in _NUMBERS}
            except JsonError as error:
                raise DataError(f'{error}; give fx, fy, cx, cy in px') from error
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f'{path}: {error}; give fx, fy, cx, cy in px') from error
        if place == root:
            break
    raise DataError(f'{folder} has no intrinsics.json with fx, fy, cx, cy in px')


def _rgbd_frame(colour: Path, depth: Path, numbers: dict[str, float], scale: float) -> Imported:
    rgb = read_colour(colour)
    is_array = depth.suffix.lower() == '.npy'
    z = read_numpy(depth, scale) if is_array else read_depth_file(depth, scale)
    same_size(str(colour), rgb, z)
    camera = Intrinsics(**numbers, width=rgb.shape[1], height=rgb.shape[0])
    return Imported(rgb, z, camera)


KITTI_RAW = Importer(
    'driving',
    'unknown',
    'ROOT/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000000.png (or .jpg), '
    '.../velodyne_points/data/0000000000.bin, and ROOT/2011_09_26/calib_cam_to_cam.txt and '
    'calib_velo_to_cam.txt',
    _kitti_raw,
    uses=('list',),
)
KITTI_ANNOTATED = Importer(
    'driving',
    'unknown',
    'ROOT/train/2011_09_26_drive_0001_sync/proj_depth/groundtruth/image_02/0000000005.png beside '
    'the images of KITTI raw, ROOT/2011_09_26/...',
    _kitti_annotated,
    uses=('list',),
)
RGBD = Importer(
    'indoor',
    'unknown',
    'ROOT/PLACE/rgb/NAME.png (or .jpg), ROOT/PLACE/depth/NAME.png (16 bits, --scale m a unit, '
    '0.001 by default) or .npy (m, or whole numbers of --scale), and intrinsics.json in PLACE or '
    'above it with fx, fy, cx, cy in px; rgb and depth may lie deeper (PLACE/left, PLACE/right), '
    'all of PLACE is one scene',
    _rgbd,
    uses=('scale',),
)
