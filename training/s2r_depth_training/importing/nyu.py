"""NYUv2: the labelled frames, and the Kinect's raw recordings as the authors' toolbox has them.

In these colour and depth are of two cameras that nothing synchronised, and depth is a disparity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import nearest_depth, on_image
from s2r_depth_ros.media.depth_files import read_depth_file, read_numbers
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
    count_in_hdf5,
    files,
    known,
    read_colour,
    read_lines,
    read_matlab,
    tell_left_out,
)

Floats = NDArray[np.float64]

# Of the toolbox (camera_params): both cameras, and their lenses as k1, k2, p1, p2, k3.
_COLOUR = Intrinsics(
    518.85790117450188, 519.46961112127485, 325.58244941119034, 253.73616633400465, 640, 480
)
_COLOUR_LENS = np.array([0.20796615318809061, -0.58613825163911781, 7.2231363135888329e-4,
                         1.0479627195765181e-3, 0.49856986684705107])  # fmt: skip
_DEPTH = Intrinsics(
    582.62448167737955, 582.69103270988637, 313.04475870804731, 238.44389626620386, 640, 480
)
_DEPTH_LENS = np.array([-0.099897236553084481, 0.39065324602765344, 1.9290592870229277e-3,
                        -1.9422022475975055e-3, -0.51031725053400578])  # fmt: skip
# A point p of the depth camera is ``_ROTATION @ p - _PLACE`` in the colour camera, m.
_ROTATION = np.array([
    [0.99997798940829263, -5.0359919480810989e-3, -4.3196624923060242e-3],
    [5.0518419386157446e-3, 0.99998051861143999, 3.6662365748484798e-3],
    [4.3011152014118693e-3, -3.6879781309514218e-3, 0.99998394948385538],
])  # fmt: skip
_PLACE = np.array([2.5031875059141302e-2, -2.9342312935846411e-4, 6.6238747008330102e-4])
# depth = _A / (_B - raw), m; the Kinect's numbers have 11 bits, of which the largest is none.
_A, _B, _LARGEST, _LEAST_RAW = 351.3, 1092.5, 2047, 600
_FARTHEST = 10.0  # m
_WIDTH, _HEIGHT = 640, 480
_MILLIMETRE = 0.001  # m; of depth in pictures
_APART = 0.05  # s between colour and depth, at most; both came 20 to 30 times a second


# ---------------------------------------------------------------- labelled


def _labelled(root: Path, options: Options) -> Iterator[SetFrame]:
    if options.list and options.list.suffix.lower() == '.csv':
        yield from _pictures(root, options.list)
        return
    wanted = _numbers(options.list) if options.list else None
    # Beside it people have splits.mat, which holds no frames.
    for path in files(root, '*label*.mat') if root.is_dir() else [root]:
        count = count_in_hdf5(path, 'depths')
        if wanted and max(wanted) >= count:
            raise DataError(
                f'{path} has {count} frames, but {options.list} names {max(wanted) + 1}'
            )
        scenes = _labelled_scenes(path, count)
        for number in range(count) if wanted is None else wanted:
            read = partial(_labelled_frame, path, number)
            yield SetFrame(scenes[number], f'{path}[{number}]', read)


def _numbers(path: Path) -> list[int]:
    """Return which frames a list names, counted from 0; it counts from 1.

    path: splits.mat of the data set, of which the test frames are taken, or a number a line.
    """
    if path.suffix.lower() == '.mat':
        numbers = [int(n) for n in read_matlab(path, 'testNdxs').ravel()]
    else:
        lines = read_lines(path)
        if wrong := [line for line in lines if not line.strip().isdecimal()]:
            raise DataError(
                f'{path}: {wrong[0]!r} is no number of a frame; give splits.mat of NYUv2, a number '
                'from 1 up a line, or a .csv whose lines are COLOUR.png,DEPTH.png'
            )
        numbers = [int(line) for line in lines]
    if not numbers or min(numbers) < 1:
        raise DataError(f'{path} names the frames {numbers[:3]}; give some, counted from 1')
    return [number - 1 for number in numbers]


def _labelled_scenes(path: Path, count: int) -> list[str]:
    """Return the name of each frame's room; one for all where the file has none."""
    import h5py

    with h5py.File(path) as file:
        if 'scenes' not in file:
            return [path.stem] * count
        refs = np.asarray(file['scenes']).ravel()
        return [_room(''.join(map(chr, np.asarray(file[ref]).ravel()))) for ref in refs]


def _room(name: str) -> str:
    """Return the room of a recording: living_room_0001a, ..b and ..c are pieces of one.

    _out ends the names of recordings that others have turned into pictures.
    """
    return re.sub(r'(?<=\d)[a-z]?(_out)?$', '', name)


def _labelled_frame(path: Path, number: int) -> Imported:
    import h5py

    with h5py.File(path) as file:
        # MATLAB has the first axis last.
        rgb = np.ascontiguousarray(np.asarray(file['images'][number]).T, np.uint8)
        depth = known(path, np.asarray(file['depths'][number]).T)
    same_size(f'{path}[{number}]', rgb, depth)
    return Imported(rgb, depth, _COLOUR.resized(rgb.shape[1], rgb.shape[0]))


def _pictures(root: Path, path: Path) -> Iterator[SetFrame]:
    """Give the frames of a list of pictures, COLOUR,DEPTH, beneath ``root``; a folder is a room."""
    for line in read_lines(path):
        names = [name.strip() for name in line.split(',')]
        if len(names) != 2:
            raise DataError(f'{path}: {line!r} is not COLOUR.png,DEPTH.png')
        colour, depth = (root / name for name in names)
        scene = _room(colour.parent.name)
        yield SetFrame(scene, str(colour), partial(_picture_frame, colour, depth))


def _picture_frame(colour: Path, depth: Path) -> Imported:
    rgb, z = read_colour(colour), read_depth_file(depth, _MILLIMETRE)
    same_size(str(colour), rgb, z)
    return Imported(rgb, z, _COLOUR.resized(rgb.shape[1], rgb.shape[0]))


# ---------------------------------------------------------------- raw


def _raw(root: Path, options: Options) -> Iterator[SetFrame]:
    """Give every depth image with the colour image nearest in time."""
    alone: list[str] = []
    for folder in all_folders(root):
        depths, colours = (
            _whole_dumps(folder, pattern, least)
            for pattern, least in (('d-*.pgm', 2), ('r-*.ppm', 3))
        )
        times = np.array([time for time, _ in colours])
        for time, depth in depths:
            nearest = int(np.abs(times - time).argmin()) if colours else -1
            if nearest >= 0 and abs(times[nearest] - time) <= _APART:
                read = partial(_raw_frame, colours[nearest][1], depth)
                yield SetFrame(_room(folder.name), str(depth), read)
            else:
                alone.append(str(depth))
    tell_left_out(alone, f'colour within {_APART:g} s')


def _whole_dumps(folder: Path, pattern: str, pixel_bytes: int) -> list[tuple[float, Path]]:
    """Return stamp (s) and file of the dumps, in the order of time.

    The recordings have some that are cut short; these are left out.
    """
    found = []
    for path in files(folder, pattern):
        stamp = re.match(r'[rd]-(\d+\.\d+)-', path.name)
        if stamp and path.is_file() and path.stat().st_size >= _WIDTH * _HEIGHT * pixel_bytes:
            found.append((float(stamp[1]), path))
    return sorted(found)


def _raw_frame(colour: Path, depth: Path) -> Imported:
    rgb, raw = read_colour(colour), raw_disparity(depth)
    for path, shape in ((colour, rgb.shape[:2]), (depth, raw.shape)):
        if shape != (_HEIGHT, _WIDTH):
            raise DataError(f'{path} is {shape} (height, width); the Kinect had (480, 640)')
    z = seen_by_colour(depth_of_disparity(raw), _COLOUR)
    straight, inside = (
        cv2.undistort(image, _COLOUR.matrix, _COLOUR_LENS).astype(np.uint8)
        for image in (rgb, np.ones_like(rgb[..., 0]))
    )
    return Imported(straight, np.where(inside, z, np.float32(0)), _COLOUR)


def raw_disparity(path: Path) -> NDArray[np.uint16]:
    """Return the Kinect's numbers [H, W], 11 bits. Raises UserError.

    A PGM has the high byte first; the recorder wrote the low one first, so they are swapped. Files
    that somebody has written anew are not.
    """
    written = read_numbers(path)
    for numbers in (written.byteswap(), written):
        if (numbers <= _LARGEST).all():
            return numbers
    raise DataError(f'{path} holds numbers above {_LARGEST}; is it a raw depth image of a Kinect?')


def depth_of_disparity(raw: NDArray[np.uint16]) -> Depth:
    """Return depth, m, 0 unknown, of the Kinect's numbers."""
    depth = np.float32(_A) / (np.float32(_B) - raw.astype(np.float32))
    use = (raw >= _LEAST_RAW) & (depth > 0) & (depth < _FARTHEST)
    return np.where(use, depth, np.float32(0))


def seen_by_colour(depth: Depth, camera: Intrinsics) -> Depth:
    """Return depth [H, W] of the depth camera as the colour camera, freed of its lens, sees it."""
    z = depth.ravel()[depth.ravel() > 0].astype(np.float64)
    points = np.column_stack([_depth_rays()[depth.ravel() > 0] * z[:, None], z])
    column, row, seen = on_image(points @ _ROTATION.T - _PLACE, camera)
    return nearest_depth(column, row, seen, depth.shape)


@lru_cache(maxsize=1)
def _depth_rays() -> Floats:
    """Return x/z and y/z of every pixel of the depth camera, [H * W, 2]."""
    pixels = np.indices((_HEIGHT, _WIDTH), np.float64)[::-1].reshape(2, -1).T
    return np.asarray(cv2.undistortPoints(pixels[:, None], _DEPTH.matrix, _DEPTH_LENS)[:, 0])


NYU = Importer(
    'indoor',
    'unknown',
    'ROOT/nyu_depth_v2_labeled.mat (--list splits.mat: its test frames), or by --list FILE.csv '
    'ROOT/COLOUR.png,DEPTH.png (16 bits, mm) a line; a folder of these is one scene',
    _labelled,
    uses=('list',),
)
NYU_RAW = Importer(
    'indoor',
    'unknown',
    'ROOT/living_room_0001a/d-1294886362.665769-3143255701.pgm and '
    'ROOT/living_room_0001a/r-1294886362.238178-3118787619.ppm, at any depth of folders',
    _raw,
)
