"""Rendered data sets: Virtual KITTI 1.3.1 and 2, Hypersim, TartanAir, SUNCG as T2Net has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.projection import ray_slopes
from s2r_depth_ros.media.depth_files import read_depth_file
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
    folders,
    known,
    read_colour,
    read_hdf5,
    read_lines,
    read_numpy,
)

_Numbers = tuple[float, float, float, float]

_CENTIMETRE, _VKITTI_SKY = 0.01, 65535
# Of sets without files of intrinsics: as their documentation has it, for images of that size.
_VKITTI = Intrinsics(725.0, 725.0, 620.5, 187.0, 1242, 375)
_HYPERSIM_FX, _HYPERSIM_SIZE = 886.81, (1024, 768)
_TARTAN = Intrinsics(320.0, 320.0, 320.0, 240.0, 640, 480)
_SUNCG_METRES = 8.0
_SUNCG_NAME = r'(.+)_\d+(?:_[a-z]+)?'  # HOUSE_NUMBER, or HOUSE_NUMBER_mlt as it was rendered


def _vkitti_frame(colour: Path, depth: Path, numbers: _Numbers | None) -> Imported:
    """Read a frame; numbers: fx, fy, cx, cy, None of 1.3.1."""
    rgb = read_colour(colour)
    z = read_depth_file(depth, _CENTIMETRE, sky=_VKITTI_SKY)
    same_size(str(colour), rgb, z)
    height, width = z.shape
    camera = Intrinsics(*numbers, width, height) if numbers else _VKITTI.resized(width, height)
    return Imported(rgb, z, camera)


def _vkitti1(root: Path, options: Options) -> Iterator[SetFrame]:
    colours = [p for name in ('rgb', 'vkitti_1.3.1_rgb') for p in folders(root, name)]
    depths = [p for name in ('depth', 'vkitti_1.3.1_depthgt') for p in folders(root, name)]
    for colour, depth in zip(colours[:1], depths[:1]):
        found = files(colour, '*/*/*.png')
        for path in found if options.list is None else _listed(colour, options.list):
            inner = path.relative_to(colour)
            yield SetFrame(
                inner.parts[0], str(path), partial(_vkitti_frame, path, depth / inner, None)
            )


def _listed(colour: Path, path: Path) -> Iterator[Path]:
    """Give the images of a list, rgb/SCENE/VARIATION/NUMBER.png first in each line."""
    for line in read_lines(path):
        inner = Path(*Path(line.split()[0]).parts[-3:])
        if len(inner.parts) != 3 or not (colour / inner).is_file():
            raise DataError(f'{colour / inner}, of the list {path}, is missing')
        yield colour / inner


def _vkitti2(root: Path, options: Options) -> Iterator[SetFrame]:
    for variation in folders(root, 'Scene*/*'):
        found = files(variation, 'frames/rgb/Camera_*/rgb_*.jpg')
        table = _vkitti2_intrinsics(variation / 'intrinsic.txt') if found else {}
        for path in found:
            number, camera = path.stem.removeprefix('rgb_'), path.parent.name
            depth = variation / 'frames' / 'depth' / camera / f'depth_{number}.png'
            key = (int(number), int(camera.removeprefix('Camera_')))
            if key not in table:
                raise DataError(f'{variation / "intrinsic.txt"} has no frame {key[0]} of {camera}')
            scene = variation.parent.name
            yield SetFrame(scene, str(path), partial(_vkitti_frame, path, depth, table[key]))


def _vkitti2_intrinsics(path: Path) -> dict[tuple[int, int], _Numbers]:
    """Return (frame, camera) -> fx, fy, cx, cy."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()[1:] if line.strip()]
        return {
            (int(frame), int(camera)): (float(fx), float(fy), float(cx), float(cy))
            for frame, camera, fx, fy, cx, cy in lines
        }
    except OSError as error:
        raise DataError(f'{path} is missing; unpack vkitti_2.0.3_textgt, too') from error
    except ValueError as error:
        raise DataError(f'{path}: {error}; a line is frame, camera, fx, fy, cx, cy') from error


def _hypersim(root: Path, options: Options) -> Iterator[SetFrame]:
    for final in folders(root, '*/images/scene_cam_*_final_preview'):
        geometry = final.with_name(final.name.replace('final_preview', 'geometry_hdf5'))
        for path in files(final, 'frame.*.tonemap.jpg'):
            number = path.name.split('.')[1]
            depth = geometry / f'frame.{number}.depth_meters.hdf5'
            scene = final.parent.parent.name
            yield SetFrame(scene, str(path), partial(_hypersim_frame, path, depth))


def _hypersim_frame(colour: Path, depth: Path) -> Imported:
    rgb = read_colour(colour)
    lengths = known(depth, read_hdf5(depth, 'dataset'))
    same_size(str(colour), rgb, lengths)
    height, width = lengths.shape
    fx = _HYPERSIM_FX * width / _HYPERSIM_SIZE[0]
    camera = Intrinsics(fx, fx, (width - 1) / 2, (height - 1) / 2, width, height)
    return Imported(rgb, z_of_lengths(lengths, camera), camera)


def z_of_lengths(lengths: Depth, camera: Intrinsics) -> Depth:
    """Return depth along the optical axis for the lengths of the rays, both [H, W], m."""
    x, y = ray_slopes(camera)
    return np.asarray(lengths / np.sqrt(1 + x**2 + y**2), np.float32)


def _tartanair(root: Path, options: Options) -> Iterator[SetFrame]:
    for left in (folder for folder in all_folders(root) if folder.name == 'image_left'):
        for path in files(left, '*_left.png'):
            depth = left.with_name('depth_left') / f'{path.stem}_depth.npy'
            # Of ENVIRONMENT/Easy/P000, wherever ROOT lies: all trajectories go through one place.
            scene = (root.resolve() / left.relative_to(root)).parents[2].name
            yield SetFrame(scene, str(path), partial(_tartanair_frame, path, depth))


def _tartanair_frame(colour: Path, depth: Path) -> Imported:
    rgb, z = read_colour(colour), read_numpy(depth)
    same_size(str(colour), rgb, z)
    return Imported(rgb, z, _TARTAN.resized(rgb.shape[1], rgb.shape[0]))


def _suncg(root: Path, options: Options) -> Iterator[SetFrame]:
    if not options.fx:
        raise DataError('SUNCG in this layout has no intrinsics: say --fx PX of its images')
    colours = root / 'trainA_SYN10' / 'trainA_SYN10'
    for path in files(colours, '*.png'):
        depth = root / 'trainC_SYN10' / 'trainC_SYN10' / path.name
        # Names that tell no house might all be of one.
        house = re.fullmatch(_SUNCG_NAME, path.stem)
        scene = house[1] if house else ''
        yield SetFrame(scene, str(path), partial(_suncg_frame, path, depth, options.fx))


def _suncg_frame(colour: Path, depth: Path, fx: float) -> Imported:
    rgb = read_colour(colour)
    z = read_depth_file(depth, _SUNCG_METRES / 255, numbers=np.uint8)
    same_size(str(colour), rgb, z)
    height, width = z.shape
    return Imported(rgb, z, Intrinsics(fx, fx, (width - 1) / 2, (height - 1) / 2, width, height))


VKITTI1 = Importer(
    'street',
    'sky',
    'ROOT/vkitti_1.3.1_rgb/SCENE/VARIATION/00000.png and '
    'ROOT/vkitti_1.3.1_depthgt/SCENE/VARIATION/00000.png (or rgb/ and depth/)',
    _vkitti1,
    uses=('list',),
)
VKITTI2 = Importer(
    'street',
    'sky',
    'ROOT/Scene01/VARIATION/frames/rgb/Camera_0/rgb_00000.jpg, '
    '.../frames/depth/Camera_0/depth_00000.png and ROOT/Scene01/VARIATION/intrinsic.txt',
    _vkitti2,
)
HYPERSIM = Importer(
    'indoor',
    'unknown',
    'ROOT/ai_001_001/images/scene_cam_00_final_preview/frame.0000.tonemap.jpg and '
    '.../scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5',
    _hypersim,
)
TARTANAIR = Importer(
    'outdoor',
    'unknown',
    'ROOT/ENVIRONMENT/Easy/P000/image_left/000000_left.png and '
    '.../depth_left/000000_left_depth.npy',
    _tartanair,
)
SUNCG = Importer(
    'indoor',
    'unknown',
    'ROOT/trainA_SYN10/trainA_SYN10/NAME.png and ROOT/trainC_SYN10/trainC_SYN10/NAME.png; names '
    'like HOUSE_NUMBER tell the scenes, others are one',
    _suncg,
    uses=('fx',),
)
