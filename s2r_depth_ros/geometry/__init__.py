"""Camera models, rectification, projection and point clouds: numpy and OpenCV, no ROS, no torch.

The scale of depth is in ``scale``, imported by that name.
"""

from __future__ import annotations

from s2r_depth_ros.geometry.calibration import Calibration, RegionOfInterest
from s2r_depth_ros.geometry.camera_info import calibration_from, image_size_of
from s2r_depth_ros.geometry.checks import CalibrationError, ImplausibleError
from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.plausibility import check_focal_length, check_plausible
from s2r_depth_ros.geometry.point_cloud import CloudPacker
from s2r_depth_ros.geometry.projection import back_project, project
from s2r_depth_ros.geometry.rectify import Rectifier

__all__ = [
    'Calibration',
    'CalibrationError',
    'CloudPacker',
    'ImplausibleError',
    'Intrinsics',
    'Rectifier',
    'RegionOfInterest',
    'back_project',
    'calibration_from',
    'check_focal_length',
    'check_plausible',
    'image_size_of',
    'project',
]
