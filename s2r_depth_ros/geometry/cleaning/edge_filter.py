"""Removes flying pixels: depths that hang between a near surface and a far one behind it.

A network's output is smooth, so that an edge becomes a steep slope. In the cloud it is a surface
that the camera sees almost from its side, and its depth changes much from pixel to pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import check_shape, ray_slopes
from s2r_depth_ros.geometry.settings import check_between

_BLOCK = 75_000  # pixels that are worked on at a time


@dataclass(frozen=True)
class EdgeSettings:
    """max_incidence: of a surface that stays, rad between its normal and the ray, below pi / 2.

    A floor is kept up to a distance of tan(max_incidence) times the height of the camera.
    max_step: change of depth from one pixel to the next, as a share of the depth, > 0.
    Raises FilterError.
    """

    max_incidence: float = 1.4835
    max_step: float = 0.1

    def __post_init__(self) -> None:
        check_between('edge_filter.max_incidence', self.max_incidence, 0.01, math.radians(89.9))
        check_between('edge_filter.max_step', self.max_step, 1e-4)


class EdgeFilter:
    """Removes the flying pixels of one camera's depth images.

    Keeps its scratch images between frames: one caller at a time.
    """

    def __init__(self, intrinsics: Intrinsics, settings: EdgeSettings) -> None:
        columns, rows = ray_slopes(intrinsics)
        length = np.sqrt(1 + columns**2 + rows**2)
        # Both limits as the change across two pixels.
        steepest = np.float32(2 * math.tan(settings.max_incidence) / intrinsics.fx) / length
        self._steepest = np.minimum(steepest, np.float32(2 * settings.max_step))
        self._aspect = np.float32(intrinsics.fy / intrinsics.fx)
        self._unknown = np.full(length.shape, np.nan, np.float32)
        self._steep = np.empty(length.shape, np.uint8)
        # Image after image of that size would not stay in the cache from one step to the next.
        self._rows = max(1, _BLOCK // length.shape[1])
        self._across, self._down = (np.empty_like(length[: self._rows]) for _ in range(2))

    def apply(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Set flying pixels of ``depth`` (float32 [H, W], m) to NaN in place, and return it.

        The incidence is exact at the centre of the image and for slopes around it. Towards a
        corner 37 degrees off the axis a surface that slopes along the radius stays up to 1.3
        degrees above a max_incidence of 85. Beside NaN and infinity nothing is removed, and
        infinity stays. Raises ValueError for another shape or dtype, or a view that is not
        contiguous.
        """
        check_shape('depth', depth, self._unknown.shape)
        if depth.dtype != np.float32 or not depth.flags.c_contiguous:
            raise ValueError(
                f'depth is {depth.dtype} with strides {depth.strides}; it must be float32 and '
                f'contiguous: OpenCV would write to a copy'
            )
        infinite = np.isinf(depth)
        if not infinite.any():
            self._remove(depth)
            return depth
        # OpenCV makes NaN of some infinities, by where they are in memory.
        finite = np.where(infinite, np.float32(np.nan), depth)
        self._remove(finite)
        np.copyto(depth, finite, where=~infinite)
        return depth

    def _remove(self, depth: NDArray[np.float32]) -> None:
        """Set flying pixels of ``depth``, without infinities, to NaN in place."""
        for first in range(0, len(depth), self._rows):
            self._find_steep(depth, first, min(first + self._rows, len(depth)))
        cv2.copyTo(self._unknown, self._steep, depth)

    def _find_steep(self, depth: NDArray[np.float32], first: int, end: int) -> None:
        """Write to ``_steep`` where depth changes too much, for the rows from ``first`` to end."""
        across, down = self._across[: end - first], self._down[: end - first]
        rows = depth[first:end]
        _change_across(rows, across)
        _change_down(depth, first, down)
        if self._aspect != 1:
            down *= self._aspect
        slope = cv2.magnitude(across, down, across)
        most = cv2.multiply(rows, self._steepest[first:end], dst=down)
        cv2.compare(slope, most, cv2.CMP_GT, dst=self._steep[first:end])


def _change_across(depth: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the change of depth across two columns to ``out``; at the border from the next one."""
    if depth.shape[1] == 1:
        out[:] = 0
        return
    # As one row, faster; what goes from one row to the next is overwritten.
    flat, flat_out = depth.reshape(-1), out.reshape(-1)
    np.subtract(flat[2:], flat[:-2], out=flat_out[1:-1])
    out[:, 0], out[:, -1] = 2 * (depth[:, 1] - depth[:, 0]), 2 * (depth[:, -1] - depth[:, -2])


def _change_down(depth: NDArray[np.float32], first: int, out: NDArray[np.float32]) -> None:
    """Write the change of depth across two rows to ``out``, the rows from ``first`` on."""
    height, end = len(depth), first + len(out)
    if height == 1:
        out[:] = 0
        return
    low, high = max(first, 1), min(end, height - 1)
    np.subtract(
        depth[low + 1 : high + 1], depth[low - 1 : high - 1], out=out[low - first : high - first]
    )
    if first == 0:
        out[0] = 2 * (depth[1] - depth[0])
    if end == height:
        out[-1] = 2 * (depth[-1] - depth[-2])
