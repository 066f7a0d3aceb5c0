"""Checks of the numbers of a calibration.

Each raises CalibrationError. K, R and P are matrices row by row, lengths in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from s2r_depth_ros.errors import UserError

ROTATION_TOLERANCE = 1e-3
FORM_TOLERANCE = 1e-6
LARGEST_SKEW = 0.1  # of the focal length; the angle between rows and columns is 6 degrees off then

# How a user says that images are rectified, whatever reads their calibration.
SAY_RECTIFIED = 'say so (parameter rectify: never; bag_to_dataset --rectified)'


class CalibrationError(UserError, ValueError):
    """A camera calibration cannot be used; the text names the field and the remedy."""


class ImplausibleError(CalibrationError):
    """Numbers that no camera has, or that contradict each other: a placeholder or a mistake."""


def check_not_empty(width: int, height: int) -> None:
    """Refuse an image size without pixels."""
    if width <= 0 or height <= 0:
        raise CalibrationError(
            f'the image size {width}x{height} (width x height) is empty; set width and height of '
            f'camera_info to the resolution that was calibrated, in pixels'
        )


def check_length(name: str, values: Sequence[float], length: int) -> None:
    """Refuse another number of ``values`` than ``length``."""
    if len(values) != length:
        raise CalibrationError(
            f'{name} of camera_info has {len(values)} numbers; it needs {length}, row by row'
        )


def check_finite(name: str, values: Sequence[float]) -> None:
    """Refuse NaN and infinity."""
    bad = [value for value in values if not math.isfinite(value)]
    if bad:
        raise ImplausibleError(
            f'{name} contains {bad[0]}; the calibration is broken: calibrate the camera again, or '
            f'publish zeros where it is uncalibrated'
        )


def check_focal_lengths(name: str, fx: float, fy: float) -> None:
    """Refuse focal lengths that are not positive."""
    if fx <= 0 or fy <= 0:
        raise ImplausibleError(
            f'{name} has the focal lengths fx={fx:g}, fy={fy:g}; both must be positive (pixels)'
        )


def check_camera_matrix(k: Sequence[float]) -> None:
    """Refuse a K that says by its zeros that it is none, or is not [fx s cx; 0 fy cy; 0 0 1]."""
    if k[0] == 0:
        zeros = 'begins with 0' if any(k) else 'is all zero'
        raise CalibrationError(
            f'K of camera_info {zeros}: the camera is uncalibrated; calibrate it (package '
            'camera_calibration) and have its driver publish the result. If its images are '
            f'rectified already and P is good, {SAY_RECTIFIED}'
        )
    check_focal_lengths('K of camera_info', k[0], k[4])
    scale = FORM_TOLERANCE * max(k[0], k[4])
    if any(abs(k[i]) > scale for i in (3, 6, 7)) or abs(k[8] - 1) > FORM_TOLERANCE:
        raise CalibrationError(
            'K of camera_info is not [fx skew cx; 0 fy cy; 0 0 1] row by row; correct the '
            'calibration file'
        )
    _check_skew('K', k[0], k[1])


def check_projection_matrix(p: Sequence[float]) -> None:
    """Refuse a P that is not [fx' s' cx' Tx; 0 fy' cy' Ty; 0 0 1 0]."""
    check_focal_lengths('P of camera_info', p[0], p[5])
    scale = FORM_TOLERANCE * max(p[0], p[5])
    if any(abs(p[i]) > scale for i in (4, 8, 9)) or abs(p[10] - 1) > FORM_TOLERANCE:
        raise CalibrationError(
            "P of camera_info is not [fx' 0 cx' Tx; 0 fy' cy' Ty; 0 0 1 0] row by row; correct it, "
            'or leave it all zero to use K'
        )
    _check_skew('P', p[0], p[1])


def _check_skew(name: str, fx: float, skew: float) -> None:
    if abs(skew) > LARGEST_SKEW * fx:
        raise ImplausibleError(
            f'{name} of camera_info has a skew of {skew:g} pixels at fx={fx:g}, as no camera has; '
            f'correct the calibration file (it has {name} row by row), or calibrate again'
        )


def check_rotation(r: Sequence[float]) -> None:
    """Refuse an R that is neither a rotation nor all zero."""
    if not any(r):
        return
    matrix = np.array(r).reshape(3, 3)
    # First by the numbers alone: products of large ones have no end, and compare with nothing.
    is_rotation = np.abs(matrix).max() <= 1 + ROTATION_TOLERANCE and (
        np.abs(matrix @ matrix.T - np.eye(3)).max() <= ROTATION_TOLERANCE
        and np.linalg.det(matrix) > 0
    )
    if not is_rotation:
        raise CalibrationError(
            'R of camera_info is not a rotation matrix; correct it, or use the identity for a '
            'camera that is not part of a stereo pair'
        )
