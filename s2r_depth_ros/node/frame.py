"""A frame on its way through the node: read, inferred, made into messages."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Calibration, CloudPacker, Rectifier
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.inference.estimator import View
from s2r_depth_ros.inference.finishing import DeviceCopy, Finish, cloud_rays
from s2r_depth_ros.node.frame_level import NOT_LEVELED, Leveled
from s2r_depth_ros.node.scale_report import ScaleReport


class Calibrated:
    """Everything computed once per calibration."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.rectifier = Rectifier(calibration)
        self.rectifier.check_something_is_left()
        self.packer = CloudPacker(self.rectifier.intrinsics)
        self.rays = cloud_rays(self.rectifier.intrinsics)
        self.valid = DeviceCopy(self.rectifier.valid)


@dataclass(frozen=True)
class Prepared:
    """A frame that was read and waits for the network.

    wanted: names in topics.OUTPUTS. calibrated: None without usable intrinsics.
    camera_problem: why there are none, '' if there are. rectified: whether the image was
    undistorted. rgb: the image as it is shown. view: what the network is to see, None
    if no wanted output needs it. level: how that was levelled. finish: what is left to be done to
    depth once it is turned back, None if it is not turned.
    """

    header: Header
    wanted: Set[str]
    calibrated: Calibrated | None
    camera_problem: str
    rectified: bool
    rgb: NDArray[np.uint8]
    view: View | None
    level: Leveled
    finish: Finish | None


@dataclass(frozen=True)
class Result:
    """What became of one frame.

    messages: name in topics.OUTPUTS -> message, in the order of publishing; valid until the next
    frame of the camera. camera_problem, rectified: as in ``Prepared``. focal_scale: the factor on
    depth for the focal length, inference: seconds in the network, of the whole batch; both None
    if it did not run. batch: how many images the network saw at once, 0 if it did not run.
    navigation_problem: why wanted clouds or the scan are missing, '' if none is. scale: by what
    depth was scaled, None if by depth_scale alone. unscaled: depth as depth_scale alone makes it,
    if topics.SCALE was wanted and there are intrinsics. level: as in ``Prepared``.
    """

    header: Header
    messages: Mapping[str, Any]
    camera_problem: str
    rectified: bool
    focal_scale: float | None
    inference: float | None
    batch: int
    navigation_problem: str = ''
    scale: ScaleReport | None = None
    unscaled: UnscaledView | None = None
    level: Leveled = NOT_LEVELED
