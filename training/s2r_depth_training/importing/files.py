"""Colour and depth out of the files of data sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.depth_files import read_array
from s2r_depth_ros.media.pixels import decoded_to_rgb
from s2r_depth_ros.media.sources import read_picture
from s2r_depth_training.dataset.bags import warn
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Depth

T = TypeVar('T')


def read_colour(path: Path) -> NDArray[np.uint8]:
    """Return an image as uint8 [H, W, 3] RGB, as the camera took it. Raises SourceError."""
    return decoded_to_rgb(read_picture(path))


def read_numpy(path: Path, unit: float = 0.0) -> Depth:
    """Return the depth in a .npy file: floating point m, or whole numbers of ``unit`` m if given.

    Raises UserError.
    """
    values = read_array(path)
    if values.dtype.kind in 'iu' and unit:
        values = values * np.float64(unit)
    if values.dtype.kind != 'f':
        raise DataError(f'{path} holds {values.dtype}; depth here is floating point metres')
    return known(path, values)


def read_hdf5(path: Path, name: str) -> NDArray[Any]:
    """Return an array of an HDF5 file. Raises DataError."""
    return _of_hdf5(path, name, np.asarray)


def count_in_hdf5(path: Path, name: str) -> int:
    """Return how long an array of an HDF5 file is, without reading it. Raises DataError."""
    return _of_hdf5(path, name, len)


def _of_hdf5(path: Path, name: str, look: Callable[[Any], T]) -> T:
    """Return what ``look`` sees in an array of an HDF5 file. Raises DataError."""
    try:
        import h5py

        with h5py.File(path) as file:
            return look(file[name])
    except (OSError, KeyError) as error:
        raise DataError(f'{path} has no array {name!r}: {error}') from error


def known(path: Path, depth: NDArray[Any]) -> Depth:
    """Return depth with 0 where it is not known. Raises DataError unless it is [H, W]."""
    if not isinstance(depth, np.ndarray) or depth.ndim != 2:
        raise DataError(f'{path} holds {np.shape(depth)}; depth is (height, width)')
    values = depth.astype(np.float32)
    return np.where(np.isfinite(values) & (values > 0), values, np.float32(0))


def read_lines(path: Path) -> list[str]:
    """Return the lines of a list of frames that are not empty, at least one. Raises DataError."""
    try:
        lines = [line for line in path.read_text('utf-8-sig').splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise DataError(f'{path} cannot be read as a list of frames: {error}') from error
    if not lines:
        raise DataError(f'{path} is a list of no frames; name some')
    return lines


def read_matlab(path: Path, name: str) -> NDArray[Any]:
    """Return an array of whole numbers of a MATLAB file before version 7.3. Raises DataError."""
    from scipy.io import loadmat

    try:
        return np.asarray(loadmat(path)[name]).astype(np.int64)
    except Exception as error:  # foreign bytes lead scipy to raise whatever there is
        raise DataError(f'{path} has no numbers {name!r} of a MATLAB file: {error}') from error


def files(root: Path, pattern: str) -> list[Path]:
    """Return what fits a pattern, sorted, but nothing hidden, such as macOS's ._NAME of files."""
    return sorted(
        path
        for path in root.glob(pattern)
        if not any(part.startswith('.') for part in path.relative_to(root).parts)
    )


def folders(root: Path, pattern: str) -> list[Path]:
    """Return the folders that fit a pattern, sorted, without hidden ones."""
    return [path for path in files(root, pattern) if path.is_dir()]


def all_folders(root: Path) -> Iterator[Path]:
    """Give ``root`` and the folders at any depth beneath, also by links, each once, in order."""
    seen: set[str] = set()
    for folder, below, _ in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        below[:] = [] if place in seen else sorted(name for name in below if name[0] != '.')
        if place not in seen:
            yield Path(folder)
        seen.add(place)


def tell_left_out(names: Sequence[str], missing: str) -> None:
    """Print how many images are left out, as ``missing`` is there of none of them."""
    if names:
        warn(f'images without {missing} are left out: {len(names)}, the first is {names[0]}')
