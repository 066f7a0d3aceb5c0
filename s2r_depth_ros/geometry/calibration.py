"""Calibration of one camera, as in sensor_msgs/CameraInfo (REP-104).

Pixel coordinates are those of ``intrinsics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.checks import (
    CalibrationError,
    check_camera_matrix,
    check_finite,
    check_length,
    check_not_empty,
    check_projection_matrix,
    check_rotation,
)
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.lens_names import NO_DISTORTION, PLUMB_BOB, normalised

# Pixels by which a skew may move what the intrinsics say, at the image's upper and lower edge.
SKEW_TOLERANCE = 1.0


@dataclass(frozen=True)
class RegionOfInterest:
    """Window of the sensor in full-resolution pixels; all zero means the whole sensor.

    ``do_rectify`` of the message is left out: it concerns the region of the rectified image,
    and here the rectified image always has the size of the raw one.
    """

    x_offset: int = 0
    y_offset: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Calibration:
    """The fields of sensor_msgs/CameraInfo as plain numbers, checked on construction.

    ``width``, ``height``: the full resolution that was calibrated, pixels. ``d``: distortion
    coefficients of ``distortion_model``; both are kept as ``lens_names.normalised`` has them.
    ``k`` (9), ``r`` (9), ``p`` (12): row-major matrices at full resolution; any sequence of numbers
    is accepted and kept as a tuple, so that equal calibrations compare and hash equal. As the
    message allows: an all-zero ``r`` is the identity, a ``p`` of which the first two rows are zero
    is [k | 0], a binning of 0 is 1, an all-zero ``roi`` is the whole sensor.

    Raises CalibrationError naming the field and the remedy.
    """

    width: int
    height: int
    distortion_model: str
    d: Sequence[float]
    k: Sequence[float]
    r: Sequence[float] = (0.0,) * 9
    p: Sequence[float] = (0.0,) * 12
    binning_x: int = 0
    binning_y: int = 0
    roi: RegionOfInterest = RegionOfInterest()

    def __post_init__(self) -> None:
        for name in ('d', 'k', 'r', 'p'):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        check_not_empty(self.width, self.height)
        for name, length in (('k', 9), ('r', 9), ('p', 12)):
            check_length(name, getattr(self, name), length)
        for name in ('d', 'k', 'r', 'p'):
            check_finite(name, getattr(self, name))
        check_camera_matrix(self.k)
        check_rotation(self.r)
        if any(self.p[:8]):
            check_projection_matrix(self.p)
        else:
            object.__setattr__(self, 'p', (0.0,) * 12)
        model, d = normalised(self.distortion_model, self.d)
        object.__setattr__(self, 'distortion_model', model)
        object.__setattr__(self, 'd', d)
        self._check_window()

    @property
    def camera_matrix(self) -> NDArray[np.float64]:
        """K, 3x3 float64: intrinsics of the raw image at full resolution."""
        return np.array(self.k).reshape(3, 3)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """R, 3x3 float64: from the camera's axes to those of the rectified camera."""
        return np.array(self.r).reshape(3, 3) if any(self.r) else np.eye(3)

    @property
    def projection(self) -> NDArray[np.float64]:
        """P, 3x4 float64 at full resolution; [K | 0] where the message leaves it zero.

        Without skew: the rectified camera is ideal, and nobody who uses P looks for one.
        """
        projection = np.array(self.p).reshape(3, 4)
        if not any(self.p):
            projection[:, :3] = self.camera_matrix
        projection[0, 1] = 0.0
        return projection

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels of the images that come with this message."""
        return captured_size(self.width, self.height, self.roi, self.binning_x, self.binning_y)

    def check_image_size(self, width: int, height: int) -> None:
        """Raise CalibrationError unless images of width x height pixels belong to this message."""
        if (width, height) != self.image_size:
            expected = self.image_size
            raise CalibrationError(
                f'the image is {width}x{height} (width x height) but its camera_info describes '
                f'{expected[0]}x{expected[1]} ({self._size_source()}); publish the camera_info of '
                f'this image size, or calibrate the camera at it'
            )

    def captured(self) -> Calibration:
        """Return the calibration of the images as they arrive: roi and binning applied to K and P.

        The window moves the principal point, then binning scales about the pixel corner
        (REP-104; image_geometry scales ``c`` itself, which is up to half a pixel away).
        """
        roi, (width, height) = self._window(), self.image_size
        x_scale, y_scale = 1 / max(1, self.binning_x), 1 / max(1, self.binning_y)
        shift = np.array([[1.0, 0.0, -roi.x_offset], [0.0, 1.0, -roi.y_offset], [0.0, 0.0, 1.0]])
        return self._transformed(_scaling(x_scale, y_scale) @ shift, width, height)

    def resized(self, width: int, height: int) -> Calibration:
        """Return the calibration of captured raw images resized to width x height pixels.

        K and P scale, Tx and Ty with them; the distortion coefficients have no unit and R is a
        rotation, so both stay.
        """
        check_not_empty(width, height)
        captured = self.captured()
        scaling = _scaling(width / captured.width, height / captured.height)
        return captured._transformed(scaling, width, height)

    def rectified(self) -> Calibration:
        """Return the calibration of the captured images after rectification.

        D is zero, R the identity, K the left 3x3 of P (K itself where P is all zero); Tx and Ty
        stay in P, since they say where the second camera of a stereo pair is.
        """
        captured = self.captured()
        projection = captured.projection
        return replace(
            captured,
            distortion_model=PLUMB_BOB,
            d=NO_DISTORTION,
            k=tuple(projection[:, :3].ravel()),
            r=tuple(np.eye(3).ravel()),
            p=tuple(projection.ravel()),
        )

    @property
    def intrinsics(self) -> Intrinsics:
        """Pinhole intrinsics of the captured image after rectification: from P, Tx ignored."""
        return _intrinsics(self.captured().projection, self.image_size)

    @property
    def raw_intrinsics(self) -> Intrinsics:
        """Pinhole intrinsics of the captured raw image: from K, distortion ignored.

        Raises CalibrationError if K has a skew, which they cannot express.
        """
        self.check_no_skew()
        return _intrinsics(self.captured().camera_matrix, self.image_size)

    def check_no_skew(self) -> None:
        """Raise CalibrationError if K has a skew that shows in images that are not rectified."""
        if abs(self.k[1]) * self.height / 2 / self.k[4] > SKEW_TOLERANCE:
            raise CalibrationError(
                f'camera_info has a skew of {self.k[1]:g} pixels, which images without '
                f'rectification cannot be used with: rectify the raw images here (parameter '
                f'rectify: auto), or calibrate without skew (cameracalibrator --fisheye-fix-skew)'
            )

    def _window(self) -> RegionOfInterest:
        return _window(self.width, self.height, self.roi)

    def _check_window(self) -> None:
        roi = self._window()
        inside = (
            min(roi.x_offset, roi.y_offset) >= 0
            and roi.x_offset + roi.width <= self.width
            and roi.y_offset + roi.height <= self.height
        )
        if not inside or min(self.image_size) <= 0:
            raise CalibrationError(
                f'roi {roi.width}x{roi.height} at ({roi.x_offset}, {roi.y_offset}) with binning '
                f'{self.binning_x}x{self.binning_y} of camera_info leaves no image '
                f'inside {self.width}x{self.height}; give roi in full-resolution '
                f'pixels, or all zero for the whole sensor'
            )

    def _size_source(self) -> str:
        roi = self._window()
        return (
            f'width x height {self.width}x{self.height}, roi {roi.width}x{roi.height}, '
            f'binning {max(1, self.binning_x)}x{max(1, self.binning_y)}'
        )

    def _transformed(self, pixels: NDArray[np.float64], width: int, height: int) -> Calibration:
        """Return this calibration after a 3x3 map of pixel coordinates, without window."""
        projection = np.array(self.p).reshape(3, 4)
        return replace(
            self,
            width=width,
            height=height,
            k=tuple((pixels @ self.camera_matrix).ravel()),
            p=tuple((pixels @ projection).ravel()),
            binning_x=1,
            binning_y=1,
            roi=RegionOfInterest(),
        )


def captured_size(
    width: int, height: int, roi: RegionOfInterest, binning_x: int, binning_y: int
) -> tuple[int, int]:
    """Return (width, height) of the images that come with these fields of camera_info, pixels."""
    window = _window(width, height, roi)
    return window.width // max(1, binning_x), window.height // max(1, binning_y)


def _window(width: int, height: int, roi: RegionOfInterest) -> RegionOfInterest:
    return RegionOfInterest(0, 0, width, height) if roi == RegionOfInterest() else roi


def _scaling(sx: float, sy: float) -> NDArray[np.float64]:
    """Return the 3x3 pixel map of a resize, pixel corners fixed: c -> (c + 0.5) * s - 0.5."""
    return np.array([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2], [0.0, 0.0, 1.0]])


def _intrinsics(matrix: NDArray[np.float64], size: tuple[int, int]) -> Intrinsics:
    """Return Intrinsics of a 3x3 or 3x4 camera matrix for images of size (width, height)."""
    (fx, _, cx), (_, fy, cy) = matrix[0, :3], matrix[1, :3]
    return Intrinsics(float(fx), float(fy), float(cx), float(cy), *size)
