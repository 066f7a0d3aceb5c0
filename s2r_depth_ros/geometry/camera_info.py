"""The calibration in a sensor_msgs/CameraInfo of any origin; needs no ROS."""

from __future__ import annotations

from typing import Any

from s2r_depth_ros.geometry.calibration import Calibration, RegionOfInterest


def calibration_from(message: Any) -> Calibration:
    """Return a CameraInfo's numbers; raises CalibrationError where they cannot be used."""
    roi = message.roi
    return Calibration(
        width=message.width,
        height=message.height,
        distortion_model=message.distortion_model,
        d=message.d,
        k=message.k,
        r=message.r,
        p=message.p,
        binning_x=message.binning_x,
        binning_y=message.binning_y,
        roi=RegionOfInterest(roi.x_offset, roi.y_offset, roi.width, roi.height),
    )
