"""Organised coloured point clouds in the byte layout of sensor_msgs/PointCloud2."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import check_shape, ray_slopes

# One point, little-endian: x, y, z in metres; rgb are the bits 0x00RRGGBB, which PCL and rviz
# read from a field declared as float32.
POINT_DTYPE = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4')])
FIELD_OFFSETS = {'x': 0, 'y': 4, 'z': 8, 'rgb': 12}
POINT_STEP = 16


class CloudPacker:
    """Packs depth and colour images of one camera into XYZRGB points, row by row.

    Keeps the rays and scratch images between frames: one caller at a time. Little-endian hosts.
    """

    def __init__(self, intrinsics: Intrinsics) -> None:
        self.intrinsics = intrinsics
        shape = (intrinsics.height, intrinsics.width)
        columns, rows = ray_slopes(intrinsics)
        # Full tables: cv2.multiply streams them faster than numpy broadcasts a row or column.
        self._x_slopes = np.ascontiguousarray(np.broadcast_to(columns, shape))
        self._y_slopes = np.ascontiguousarray(np.broadcast_to(rows, shape))
        self._x = np.empty(shape, np.float32)
        self._y = np.empty(shape, np.float32)
        self._bgra = np.empty((*shape, 4), np.uint8)

    @property
    def size(self) -> int:
        """Bytes of one cloud."""
        return self.intrinsics.height * self.intrinsics.width * POINT_STEP

    def pack(
        self,
        depth: NDArray[np.float32],
        rgb: NDArray[np.uint8],
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return the points as uint8 [H * W * 16], POINT_DTYPE each; NaN depth gives NaN x, y, z.

        ``depth``: float32 HxW, metres along z. ``rgb``: uint8 HxWx3. ``out``: written and returned
        if given: uint8 [H * W * 16], contiguous and writeable. The colour of NaN points is kept.
        Raises ValueError for another shape or dtype.
        """
        self._check(depth, rgb)
        if out is None:
            out = np.empty(self.size, np.uint8)
        elif not _is_buffer(out, self.size):
            raise ValueError(
                f'out is {out.dtype} {out.shape}; it must be a contiguous, writeable uint8 array '
                f'of {self.size} bytes'
            )
        cv2.multiply(depth, self._x_slopes, dst=self._x)
        cv2.multiply(depth, self._y_slopes, dst=self._y)
        colour = colour_bits(rgb, self._bgra)
        points = out.view(np.float32).reshape(*depth.shape, 4)
        cv2.merge([self._x, self._y, depth, colour.view(np.float32)], dst=points)
        return out

    def _check(self, depth: NDArray[np.float32], rgb: NDArray[np.uint8]) -> None:
        shape = (self.intrinsics.height, self.intrinsics.width)
        check_shape('depth', depth, shape)
        check_shape('rgb', rgb, (*shape, 3))
        if depth.dtype != np.float32 or rgb.dtype != np.uint8:
            raise ValueError(
                f'depth is {depth.dtype} and rgb is {rgb.dtype}; they must be float32 and uint8'
            )


def colour_bits(
    rgb: NDArray[np.uint8], scratch: NDArray[np.uint8] | None = None
) -> NDArray[np.uint32]:
    """Return the colours (uint8 [H, W, 3]) as uint32 [H, W], 0x00RRGGBB as in POINT_DTYPE.

    scratch: written and returned, uint8 [H, W, 4], if given. Little-endian hosts.
    """
    bgra = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA, dst=scratch), np.uint8)
    colour: NDArray[np.uint32] = bgra.view(np.uint32)[..., 0]
    # Alpha 255 would make a NaN of the float32 that carries the colour.
    return np.bitwise_and(colour, 0x00FFFFFF, out=colour)


def pack_points(
    points: NDArray[np.float32], colours: NDArray[np.uint32], out: NDArray[np.uint8]
) -> None:
    """Write points (float32 [N, 3], m) and colours (uint32 [N]) to ``out``, uint8 [N * 16]."""
    packed = out.view(POINT_DTYPE)
    for axis, name in enumerate('xyz'):
        packed[name] = points[:, axis]
    packed['rgb'] = colours


def _is_buffer(out: NDArray[np.uint8], size: int) -> bool:
    """Return whether ``out`` can take the points in place."""
    fits = out.dtype == np.uint8 and out.shape == (size,)
    return fits and out.flags.c_contiguous and out.flags.writeable
