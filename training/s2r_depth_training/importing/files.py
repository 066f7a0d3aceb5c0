"""Colour and depth out of the files of data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Depth

T = TypeVar('T')


def read_colour(path: Path) -> NDArray[np.uint8]:
    """Return an image as uint8 [H, W, 3] RGB. Raises DataError."""
    return np.ascontiguousarray(
        _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[..., ::-1]
    )


def read_integers(path: Path, dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Return a picture of one channel, [H, W] of ``dtype``. Raises DataError for another one."""
    pixels = _decoded(path, cv2.IMREAD_UNCHANGED)
    # Some write the same number into three channels.
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim != 2 or pixels.dtype != dtype:
        raise DataError(
            f'{path} holds {pixels.dtype} {pixels.shape}; depth is {np.dtype(dtype)} of one channel'
        )
    return np.ascontiguousarray(pixels)


def metres(pixels: NDArray[Any], unit: float, sky: int | None = None) -> Depth:
    """Return depth of whole numbers of ``unit`` m; ``sky``: the number that stands for none."""
    depth = pixels.astype(np.float32) * np.float32(unit)
    if sky is not None:
        depth[pixels >= sky] = 0
    return depth


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


def _decoded(path: Path, how: int) -> NDArray[Any]:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f'{path} cannot be read: {error.strerror}') from error
    pixels = cv2.imdecode(data, how) if len(data) else None
    if pixels is None:
        raise DataError(f'{path} is no picture')
    return np.asarray(pixels)
