"""Points that clear a costmap: NaN and infinity never do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import back_project_pixels, check_shape
from s2r_depth_ros.geometry.settings import check_between, check_positive


def clearing_points(
    depth: NDArray[np.float32], intrinsics: Intrinsics, maximum: float, *, stride: int = 4
) -> NDArray[np.float32]:
    """Return points (float32 [N, 3], m, optical frame) at depth ``maximum`` where the view is free.

    depth: float32 [H, W], m; free are depths beyond ``maximum``, +inf among them (REP-117: nothing
    within range), not NaN or -inf. maximum: max_depth, m. stride: of so many pixels, along and
    across, one is looked at. Raises FilterError for an infinite or non-positive maximum or a
    stride < 1, ValueError for a depth of another size than ``intrinsics``.
    """
    check_positive('max_depth', maximum, 'm')
    check_between('stride', stride, 1)
    check_shape('depth', depth, (intrinsics.height, intrinsics.width))
    rows, columns = np.nonzero(depth[::stride, ::stride] > maximum)
    return back_project_pixels(rows * stride, columns * stride, np.float32(maximum), intrinsics)
