"""Lens distortion, computed by OpenCV, and where its formula can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

from s2r_depth_ros.geometry.lens_names import EQUIDISTANT

_SAMPLES = 5000
# How far beyond the image the formula is looked at: a pole there may bend what is in the image.
_BEYOND = 1.25
# A formula that is one-to-one again after a ring is believed beyond it, unless the ring's outer
# radius is more than this times its inner one: then it is a fold.
_WIDEST_RING = 1.25


def is_distorted(model: str, coefficients: Sequence[float]) -> bool:
    """Return whether the raw image differs from a pinhole image.

    An equidistant lens with all-zero coefficients still maps the angle, not its tangent.
    """
    return model == EQUIDISTANT or any(coefficients)


# Coefficients may be of any size: what overflows is not finite, and so invalid.
@np.errstate(over='ignore', invalid='ignore')
def rectification_maps(
    model: str,
    coefficients: Sequence[float],
    camera_matrix: NDArray[np.float64],
    rotation: NDArray[np.float64],
    new_matrix: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the raw x and y (pixels, float32 HxW) of every rectified pixel; size (width, height).

    model, coefficients: as lens_names.normalised gives them. NaN where the rectified pixel looks
    backwards, or to where the distortion folds back and would repeat parts of the image.
    """
    d = np.array(coefficients, dtype=np.float64)
    build = cv2.fisheye if model == EQUIDISTANT else cv2
    x, y = build.initUndistortRectifyMap(camera_matrix, d, rotation, new_matrix, size, cv2.CV_32FC1)
    if skew := camera_matrix[0, 1] / camera_matrix[1, 1]:  # OpenCV leaves it out
        x += (skew * (y - camera_matrix[1, 2])).astype(np.float32)
    # No pixel is farther from the lens axis than the farthest corner.
    corners = _radius(rotation, new_matrix, np.array([0, size[0] - 1]), np.array([0, size[1] - 1]))
    if not _only_grows(model, d, corners):
        radius = _radius(rotation, new_matrix, np.arange(size[0]), np.arange(size[1]))
        folded = ~is_one_to_one(model, d, radius)
        x[folded] = np.nan
        y[folded] = np.nan
    return x, y


def _only_grows(model: str, d: NDArray[np.float64], radius: NDArray[np.float64]) -> bool:
    """Return whether ``is_one_to_one`` is true up to the largest radius, by a look at few radii.

    False also where that is not sure. So it is for most lenses, and pixels need not be looked at:
    that took thirty times as long as OpenCV takes for the maps.
    """
    if not np.isfinite(radius).all():
        return False
    samples = np.linspace(0.0, _BEYOND * radius.max(), _SAMPLES)
    if model != EQUIDISTANT and d[5:8].any():
        divisor = polyval(samples**2, [1.0, *d[5:8]])
        if not divisor.min() > np.abs(np.diff(divisor)).max():
            return False  # a pole, perhaps between two samples
    return bool((np.diff(_distorted(model, d, samples)) > 0).all())


@np.errstate(over='ignore', invalid='ignore')
def is_one_to_one(
    model: str, d: NDArray[np.float64], radius: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Return where an image that is distorted at ``radius`` shows nothing else at the same place.

    radius: tan of the angle to the lens axis, any shape; NaN gives false.

    A polynomial that stops growing folds the image back: all beyond is false. A rational one may
    have a pole beside a zero, as of a fit with terms to spare (OAK-D cameras have it): both cancel
    except in a ring, where the formula runs to infinity. Only the ring is false: OpenCV and
    image_geometry evaluate the formula everywhere, and beyond the ring it goes on as before.
    """
    largest = float(np.nanmax(radius, initial=0.0))
    if largest <= 0:
        return np.isfinite(radius)
    samples = np.linspace(0.0, _BEYOND * largest, _SAMPLES)
    distorted = _distorted(model, d, samples)
    kept = np.zeros(_SAMPLES, bool)
    kept[_growing(samples, distorted)] = True
    below = np.clip(np.nan_to_num(radius / samples[1]).astype(int), 0, _SAMPLES - 2)
    own = _distorted(model, d, radius)
    # Each radius by itself, too: a pole may be narrower than the samples' distance.
    between = (own >= distorted[below] - 1e-9) & (own <= distorted[below + 1] + 1e-9)
    return kept[below] & kept[below + 1] & between


def _growing(
    samples: NDArray[np.floating[Any]], distorted: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the indices of most samples, from the first on, among which ``distorted`` grows."""
    rising = (np.diff(distorted) > 0) & (distorted[:-1] >= 0)
    edges = np.flatnonzero(np.diff(rising, prepend=False, append=False))
    runs = [np.arange(start, end + 1) for start, end in zip(edges[::2], edges[1::2])]
    if not runs or runs[0][0] != 0:
        return np.arange(1)
    kept = runs[0]
    for run in runs[1:]:
        # The two overlap where one of them belongs to a pole. The cut that keeps most samples
        # leaves the pole out, as it runs through the same values in fewer of them.
        skipped = np.searchsorted(distorted[run], distorted[kept], side='right')
        last = int(np.argmax(np.arange(len(kept)) - skipped))
        outer = run[skipped[last] :]
        if not len(outer) or samples[outer[0]] > _WIDEST_RING * samples[kept[last]]:
            break
        kept = np.concatenate([kept[: last + 1], outer])
    return kept


def _distorted(
    model: str, d: NDArray[np.float64], radius: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the radius after the radial part of the distortion; infinite or NaN at a pole."""
    if model == EQUIDISTANT:
        theta = np.arctan(radius)
        return np.asarray(theta * polyval(theta**2, [1.0, *d]))
    k = np.zeros(8)
    k[: min(8, len(d))] = d[:8]
    with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
        square = radius**2
        numerator = polyval(square, [1.0, k[0], k[1], k[4]])
        return np.asarray(radius * numerator / polyval(square, [1.0, k[5], k[6], k[7]]))


def _radius(
    rotation: NDArray[np.float64],
    new_matrix: NDArray[np.float64],
    u: NDArray[np.integer[Any]],
    v: NDArray[np.integer[Any]],
) -> NDArray[np.float64]:
    """Return tan of the angle between the ray of each rectified pixel and the lens axis.

    u [W], v [H]: columns and rows. NaN behind the lens.
    """
    inverse = np.linalg.inv(new_matrix @ rotation)
    # Number by number, which is faster than a product with a vector for each pixel.
    x, y, z = (a * u + (b * v[:, None] + c) for a, b, c in inverse)
    return np.asarray(np.hypot(x, y) / np.where(z > 0, z, np.nan))
