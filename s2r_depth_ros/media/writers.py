"""Result files: 16-bit depth PNG, colour pictures, NPY and PLY, each whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import back_project
from s2r_depth_ros.inference.postprocess import depth_to_millimetres

PICTURE_SUFFIXES = ('.png', '.jpg', '.jpeg')

_PLY_VERTEX = np.dtype([('point', '<f4', 3), ('colour', 'u1', 3)])
_PLY_HEADER = """ply
format binary_little_endian 1.0
comment optical frame: x right, y down, z forward, metres
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""


class UniqueNames:
    """Gives each output its own name where inputs from several places share one."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return ``name``, or with _2, _3 ... appended if it was given out before."""
        candidate, count = name, 1
        # Some file systems do not tell upper from lower case.
        while candidate.casefold() in self._used:
            count += 1
            candidate = f'{name}_{count}'
        self._used.add(candidate.casefold())
        return candidate


def write_depth_png(path: str | Path, depth: NDArray[np.float32]) -> None:
    """Write ``depth`` (float32 [H, W] metres) as a 16-bit PNG of millimetres, 0 = invalid."""
    write_numbers_png(path, depth_to_millimetres(depth))


def write_numbers_png(path: str | Path, numbers: NDArray[np.uint16]) -> None:
    """Write ``numbers``, uint16 [H, W], as a PNG of 16 bits, as ``read_numbers`` reads it."""
    write_atomically(path, cv2.imencode('.png', numbers)[1].tobytes())


def write_color_picture(
    path: str | Path, rgb: NDArray[np.uint8], settings: Sequence[int] = ()
) -> None:
    """Write ``rgb``, uint8 [H, W, 3], with 8 bits in the format of the file's suffix.

    path: with one of PICTURE_SUFFIXES. settings: of OpenCV's encoder, such as the JPEG quality.
    """
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    write_atomically(path, cv2.imencode(Path(path).suffix, bgr, list(settings))[1].tobytes())


def write_depth_npy(path: str | Path, depth: NDArray[np.float32]) -> None:
    """Write ``depth`` (float32 [H, W] metres, NaN = invalid) as a NumPy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(depth, np.float32))
    write_atomically(path, buffer.getbuffer())


def write_ply(
    path: str | Path,
    depth: NDArray[np.float32],
    rgb: NDArray[np.uint8],
    intrinsics: Intrinsics,
) -> None:
    """Write the valid pixels of ``depth`` ([H, W] metres) as a binary PLY of coloured points.

    rgb: uint8 [H, W, 3] of the same size. Points are in the optical frame, metres. Raises
    ValueError if the sizes of depth, rgb and intrinsics differ.
    """
    if rgb.shape != (*depth.shape, 3):
        raise ValueError(f'depth has shape {depth.shape}, but the colours {rgb.shape}')
    points = back_project(depth, intrinsics)
    valid = np.isfinite(depth)
    vertices = np.empty(int(valid.sum()), _PLY_VERTEX)
    vertices['point'], vertices['colour'] = points[valid], rgb[valid]
    header = _PLY_HEADER.format(count=len(vertices)).encode('ascii')
    write_atomically(path, header + vertices.tobytes())
