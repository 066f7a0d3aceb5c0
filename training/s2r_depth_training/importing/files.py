"""Colour and depth out of the files of data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.pixels import decoded_to_rgb
from s2r_depth_ros.media.sources import read_picture
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Depth

T = TypeVar('T')


def read_colour(path: Path) -> NDArray[np.uint8]:
    """Return an image as uint8 [H, W, 3] RGB, as the camera took it. Raises SourceError."""
    return decoded_to_rgb(read_picture(path))


def read_numpy(path: Path) -> Depth:
    """Return the depth in a .npy file, m. Raises DataError."""
    try:
        depth = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f'{path} is no depth in an npy file: {error}') from error
    return known(path, depth)


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
    """Return the lines of a list of frames that are not empty. Raises DataError."""
    try:
        return [line for line in path.read_text('utf-8-sig').splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise DataError(f'{path} cannot be read as a list of frames: {error}') from error


def read_matlab(path: Path, name: str) -> NDArray[Any]:
    """Return an array of whole numbers of a MATLAB file before version 7.3. Raises DataError."""
    from scipy.io import loadmat

    try:
        return np.asarray(loadmat(path)[name]).astype(np.int64)
    except Exception as error:  # foreign bytes lead scipy to raise whatever there is
        raise DataError(f'{path} has no numbers {name!r} of a MATLAB file: {error}') from error


def folders(root: Path, pattern: str) -> list[Path]:
    """Return the folders that fit a pattern, sorted."""
    return sorted(path for path in root.glob(pattern) if path.is_dir())
