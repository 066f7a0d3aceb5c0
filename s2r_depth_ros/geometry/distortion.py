"""Lens distortion models of sensor_msgs/distortion_models.hpp, computed by OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.checks import CalibrationError

# Coefficients in OpenCV's order: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2 s3 s4 [tau_x tau_y]]]],
# and k1 k2 k3 k4 for equidistant. Drivers of cameras without distortion leave the name empty.
COEFFICIENT_COUNTS = {
    '': (0, 4, 5),
    'plumb_bob': (0, 4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}
FOLD_SAMPLES = 4096


def check_distortion(model: str, coefficients: Sequence[float]) -> None:
    """Raise CalibrationError unless the model is known and has this number of coefficients."""
    if model not in COEFFICIENT_COUNTS:
        known = ', '.join(name for name in COEFFICIENT_COUNTS if name)
        raise CalibrationError(
            f"distortion_model '{model}' of camera_info is unknown; use one of {known}, or feed "
            f'rectified images with an all-zero d'
        )
    if not model and any(coefficients):
        raise CalibrationError(
            f'camera_info has distortion coefficients but an empty distortion_model; name it '
            f"('plumb_bob' for most lenses), {len(coefficients)} coefficients were given"
        )
    counts = COEFFICIENT_COUNTS[model]
    if len(coefficients) not in counts:
        raise CalibrationError(
            f"d of camera_info has {len(coefficients)} coefficients; '{model or 'plumb_bob'}' "
            f'needs {" or ".join(map(str, counts))}: correct d or distortion_model'
        )


def is_distorted(model: str, coefficients: Sequence[float]) -> bool:
    """Return whether the raw image differs from a pinhole image.

    An equidistant lens with all-zero coefficients still maps the angle, not its tangent.
    """
    return model == 'equidistant' or any(coefficients)


def rectification_maps(
    model: str,
    coefficients: Sequence[float],
    camera_matrix: NDArray[np.float64],
    rotation: NDArray[np.float64],
    new_matrix: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the raw x and y (pixels, float32 HxW) of every rectified pixel; size (width, height).

    NaN where the rectified pixel looks backwards or past the angle up to which the distortion
    polynomial grows: there it folds back and would repeat parts of the image.
    """
    d = np.array(coefficients, dtype=np.float64)
    build = cv2.fisheye if model == 'equidistant' else cv2
    x, y = build.initUndistortRectifyMap(camera_matrix, d, rotation, new_matrix, size, cv2.CV_32FC1)
    radius = _radius(rotation, new_matrix, size)
    folded = ~(radius <= _fold_radius(model, d, float(np.nanmax(radius, initial=0.0))))
    x[folded] = np.nan
    y[folded] = np.nan
    return x, y


def _radius(
    rotation: NDArray[np.float64], new_matrix: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return tan of the angle between each rectified pixel's ray and the lens axis, NaN behind."""
    u, v = np.meshgrid(np.arange(size[0], dtype=np.float64), np.arange(size[1], dtype=np.float64))
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    rays = pixels @ (np.linalg.inv(new_matrix @ rotation)).T
    z = np.where(rays[..., 2] > 0, rays[..., 2], np.nan)
    return np.hypot(rays[..., 0], rays[..., 1]) / z


def _fold_radius(model: str, d: NDArray[np.float64], largest: float) -> float:
    """Return the first radius <= ``largest`` where the distorted radius stops growing, else inf."""
    radius = np.linspace(0.0, largest, FOLD_SAMPLES)
    if model == 'equidistant':
        theta = np.arctan(radius)
        distorted = theta * np.polynomial.polynomial.polyval(theta**2, [1.0, *d])
    else:
        k = np.zeros(8)
        k[: min(8, len(d))] = d[:8]
        numerator = np.polynomial.polynomial.polyval(radius**2, [1.0, k[0], k[1], k[4]])
        denominator = np.polynomial.polynomial.polyval(radius**2, [1.0, k[5], k[6], k[7]])
        distorted = np.where(denominator > 0, radius * numerator / denominator, -np.inf)
    falling = np.flatnonzero(~(np.diff(distorted) > 0))
    return float(radius[falling[0]]) if len(falling) else float('inf')
