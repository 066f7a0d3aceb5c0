"""The fields of a CameraInfo message as a calibration, whatever has read the message.

rclpy, and rosbags for recordings of ROS 2 (k) and ROS 1 (K), each have a class of their own for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from s2r_depth_ros.geometry.calibration import Calibration, RegionOfInterest, captured_size
from s2r_depth_ros.geometry.checks import CalibrationError, check_length
from s2r_depth_ros.geometry.plausibility import check_agreement, check_plausible


def calibration_from(
    info: Any, *, rectified: bool = False, size: tuple[int, int] | None = None
) -> Calibration:
    """Return a CameraInfo's numbers, which have been found plausible.

    size: (width, height) in pixels of the image that they are to be for. rectified: the images are
    rectified already. Then they are those of the ideal camera P, or of K where P is all zero; D and
    R are not looked at, nor is a K that cannot be one beside a good P.
    Raises CalibrationError where the numbers cannot be used, ImplausibleError where no camera has
    them.
    """
    calibration = _ideal_camera(info) if rectified else _as_it_says(info)
    if size is not None:
        calibration.check_image_size(*size)
    check_plausible(calibration)
    return calibration


def image_size_of(info: Any) -> tuple[int, int]:
    """Return (width, height) in pixels of the images that a CameraInfo is for, however broken."""
    return captured_size(info.width, info.height, _roi(info), info.binning_x, info.binning_y)


def _as_it_says(info: Any, **changes: Any) -> Calibration:
    fields = {
        'width': info.width,
        'height': info.height,
        'distortion_model': info.distortion_model,
        **{name: _numbers(info, name) for name in ('d', 'k', 'r', 'p')},
        'binning_x': info.binning_x,
        'binning_y': info.binning_y,
        'roi': _roi(info),
    }
    return Calibration(**{**fields, **changes})


def _ideal_camera(info: Any) -> Calibration:
    """Return the calibration of images that are rectified already."""
    no_lens = {'distortion_model': '', 'd': (), 'r': (0.0,) * 9}
    p = _numbers(info, 'p')
    if any(p[:8]):
        check_length('p', p, 12)
        calibration = _as_it_says(info, **no_lens, k=np.reshape(p, (3, 4))[:, :3].ravel())
        try:
            raw = _as_it_says(info, **no_lens, p=(0.0,) * 12)
            check_plausible(raw)
        except CalibrationError:
            pass  # Of the raw images, which are not there.
        else:
            check_agreement(raw.camera_matrix, calibration.projection)
    else:
        calibration = _as_it_says(info, **no_lens)
    calibration.check_no_skew()
    return replace(calibration, k=tuple(calibration.projection[:, :3].ravel()))


def _numbers(info: Any, name: str) -> Any:
    return getattr(info, name) if hasattr(info, name) else getattr(info, name.upper())


def _roi(info: Any) -> RegionOfInterest:
    roi = info.roi
    return RegionOfInterest(roi.x_offset, roi.y_offset, roi.width, roi.height)
