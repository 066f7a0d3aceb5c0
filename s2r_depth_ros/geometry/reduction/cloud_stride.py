"""Every n-th pixel of an image, as an organised cloud takes it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.settings import check_between

_Pixel = TypeVar('_Pixel', bound=np.generic)


def strided_image(image: NDArray[_Pixel], stride: int) -> NDArray[_Pixel]:
    """Return every ``stride``-th row and column of ``image`` [H, W, ...], from the first on.

    The pixels are picked, not mixed: a mean over an edge would be a flying pixel. Contiguous; the
    image itself for a stride of 1. Raises FilterError for a stride < 1.
    """
    check_between('cloud.stride', stride, 1)
    return np.ascontiguousarray(image[::stride, ::stride])


def strided_intrinsics(intrinsics: Intrinsics, stride: int) -> Intrinsics:
    """Return the intrinsics of ``strided_image``: each picked pixel keeps its ray.

    Not Intrinsics.resized, whose pixels are the means of several. Raises FilterError as above.
    """
    check_between('cloud.stride', stride, 1)
    return Intrinsics(
        fx=intrinsics.fx / stride,
        fy=intrinsics.fy / stride,
        cx=intrinsics.cx / stride,
        cy=intrinsics.cy / stride,
        width=-(-intrinsics.width // stride),
        height=-(-intrinsics.height // stride),
    )
