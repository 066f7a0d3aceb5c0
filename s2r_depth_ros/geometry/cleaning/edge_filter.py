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


@dataclass(frozen=True)
class EdgeSettings:
    """max_incidence: of a surface that stays, rad between its normal and the ray, below pi / 2.

    A floor is kept up to a distance of tan(max_incidence) times the height of the camera.
    max_step: change of depth from one pixel to the next, as a share of the depth, > 0.
    Raises FilterError.
    """

    max_incidence: float = math.radians(85)
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
        self._across, self._down, self._most = (np.empty_like(length) for _ in range(3))
        self._steep = np.empty(length.shape, np.uint8)

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
        _change(depth.T, self._across.T)
        _change(depth, self._down)
        if self._aspect != 1:
            self._down *= self._aspect
        slope = cv2.magnitude(self._across, self._down, self._across)
        cv2.multiply(depth, self._steepest, dst=self._most)
        cv2.compare(slope, self._most, cv2.CMP_GT, dst=self._steep)
        cv2.copyTo(self._unknown, self._steep, depth)


def _change(depth: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the change of depth across two rows to ``out``; from the next one at the border."""
    np.subtract(depth[2:], depth[:-2], out=out[1:-1])
    if len(depth) > 1:
        out[0], out[-1] = 2 * (depth[1] - depth[0]), 2 * (depth[-1] - depth[-2])
    else:
        out[:] = 0
