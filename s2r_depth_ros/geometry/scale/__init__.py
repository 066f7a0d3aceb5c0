"""The scale of depth from what a robot knows: numpy alone, no ROS, no torch, no clock."""

from __future__ import annotations

from s2r_depth_ros.geometry.scale.camera_height import CameraHeight
from s2r_depth_ros.geometry.scale.choice import ScaleChoice, choose_scale
from s2r_depth_ros.geometry.scale.correction import Correction
from s2r_depth_ros.geometry.scale.estimate import (
    NoScale,
    Reason,
    ScaleEstimate,
    ScaleSource,
    UnscaledView,
)
from s2r_depth_ros.geometry.scale.filter import (
    FilterSettings,
    FilterState,
    Freshness,
    Jump,
    rescaled,
    update,
)
from s2r_depth_ros.geometry.scale.fixed import FixedScale, KnownDistance
from s2r_depth_ros.geometry.scale.range_cone import RangeCone, RangeReading
from s2r_depth_ros.geometry.scale.reference_points import ReferencePoints
from s2r_depth_ros.geometry.scale.references import (
    ScanError,
    cloud_points,
    depth_image_points,
    scan_points,
    thinned,
    transformed,
)

__all__ = [
    'CameraHeight',
    'Correction',
    'FilterSettings',
    'FilterState',
    'FixedScale',
    'Freshness',
    'Jump',
    'KnownDistance',
    'NoScale',
    'RangeCone',
    'RangeReading',
    'Reason',
    'ReferencePoints',
    'ScaleChoice',
    'ScaleEstimate',
    'ScaleSource',
    'ScanError',
    'UnscaledView',
    'choose_scale',
    'cloud_points',
    'depth_image_points',
    'rescaled',
    'scan_points',
    'thinned',
    'transformed',
    'update',
]
