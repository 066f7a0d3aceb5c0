"""From a camera message to the messages that are made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Calibration, CalibrationError, CloudPacker, Rectifier
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import Prediction, View, check_view
from s2r_depth_ros.inference.finishing import DeviceCopy, Finish, cloud_rays
from s2r_depth_ros.inference.postprocess import depth_to_millimetres
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import calibration_from, camera_info_message
from s2r_depth_ros.node.conversions import compressed_to_rgb, image_to_rgb
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.node.parameters import Values


@dataclass
class Result:
    """What one frame gave.

    messages: topic name of the table -> message, in the order of publishing; valid until the next
    frame of the camera. camera_problem: why there are no intrinsics, '' if there are. rectified:
    whether the image was undistorted. inference: seconds in the network, of the whole batch, None
    if it did not run. batch: how many cameras' images the network saw at once.
    """

    messages: dict[str, Any] = field(default_factory=dict)
    camera_problem: str = ''
    rectified: bool = False
    focal_scale: float | None = None
    inference: float | None = None
    batch: int = 0


class _Calibrated:
    """Everything computed once per calibration."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.rectifier = Rectifier(calibration)
        self.packer = CloudPacker(self.rectifier.intrinsics)
        self.rays = cloud_rays(self.rectifier.intrinsics)
        self.valid = DeviceCopy(self.rectifier.valid)


@dataclass
class Prepared:
    """A frame that waits for its prediction.

    wanted: names of topics.OUTPUTS. view: what the network is to see, None if no wanted output
    needs it.
    """

    header: Header
    wanted: Collection[str]
    view: View | None = None
    calibrated: _Calibrated | None = None
    result: Result = field(default_factory=Result)


class FramePipeline:
    """Makes output messages from the messages of one camera; one caller at a time.

    ``prepare`` comes before the network, which may see several cameras at once, ``finish`` after.
    """

    def __init__(self) -> None:
        self._calibrated: _Calibrated | None = None
        self._images: defaultdict[str, ImageBuffer] = defaultdict(ImageBuffer)
        self._cloud = CloudBuffer()

    def prepare(
        self,
        message: Image | CompressedImage,
        camera_info: CameraInfo | None,
        wanted: Collection[str],
        values: Values,
    ) -> Prepared:
        """Read a frame of which the messages ``wanted`` (names of topics.OUTPUTS) are to be made.

        Without usable intrinsics those that need them are left out and depth is not corrected for
        the focal length. Raises ConversionError or ImageError for an image that cannot be used.
        """
        rgb = compressed_to_rgb(message) if _is_compressed(message) else image_to_rgb(message)
        prepared = Prepared(message.header, wanted)
        if camera_info is not None:
            try:
                prepared.calibrated = self._calibrate(calibration_from(camera_info), rgb)
            except CalibrationError as error:
                prepared.result.camera_problem = str(error)
        calibrated = prepared.calibrated
        if calibrated and values.rectify == 'auto' and not calibrated.rectifier.is_identity:
            rgb = calibrated.rectifier.rectify(rgb)
            prepared.result.rectified = True
        if set(wanted) - {topics.DEPTH_INFO}:
            prepared.view = View(
                rgb,
                fx=calibrated.rectifier.intrinsics.fx if calibrated else None,
                maps=topics.STRUCTURE in wanted or topics.ATTENTION in wanted,
                finish=_finish(prepared, values),
            )
            check_view(prepared.view)
        return prepared

    def finish(self, frame: Prepared, prediction: Prediction | None, values: Values) -> Result:
        """Make the wanted messages; ``prediction`` is that of ``frame.view``."""
        if frame.calibrated and topics.DEPTH_INFO in frame.wanted:
            frame.result.messages[topics.DEPTH_INFO] = camera_info_message(
                frame.calibrated.rectifier.calibration, frame.header
            )
        if frame.view is not None and prediction is not None:
            frame.result.focal_scale = prediction.focal_scale
            self._add_depth(frame, frame.view.rgb, prediction, values)
        return frame.result

    def _calibrate(self, calibration: Calibration, rgb: NDArray[np.uint8]) -> _Calibrated:
        calibration.check_image_size(rgb.shape[1], rgb.shape[0])
        if self._calibrated is None or self._calibrated.calibration != calibration:
            self._calibrated = _Calibrated(calibration)
        return self._calibrated

    def _add_depth(
        self, frame: Prepared, rgb: NDArray[np.uint8], prediction: Prediction, values: Values
    ) -> None:
        """Add the wanted messages that show what the network gave."""
        header, wanted, messages = frame.header, frame.wanted, frame.result.messages
        depth = prediction.depth
        if topics.DEPTH in wanted:
            messages[topics.DEPTH] = self._depth_image(header, depth, values.depth_encoding)
        if frame.calibrated and topics.POINTS in wanted:
            packer, points = frame.calibrated.packer, prediction.cloud
            messages[topics.POINTS] = (
                self._cloud.fill(header, packer, depth, rgb)
                if points is None
                else self._cloud.fill_packed(header, depth.shape, points)
            )
        if topics.DEPTH_COLOR in wanted:
            colors = colorize_depth(depth, values.color_near or None, values.color_far or None)
            messages[topics.DEPTH_COLOR] = self._images[topics.DEPTH_COLOR].fill(
                header, 'rgb8', colors
            )
        for name, levels in (
            (topics.STRUCTURE, prediction.structure),
            (topics.ATTENTION, prediction.attention),
        ):
            if name in wanted and levels is not None:
                pixels = np.rint(levels * 255).astype(np.uint8)
                messages[name] = self._images[name].fill(header, 'mono8', pixels)

    def _depth_image(self, header: Header, depth: NDArray[np.float32], encoding: str) -> Image:
        pixels = depth_to_millimetres(depth) if encoding == '16UC1' else depth
        return self._images[topics.DEPTH].fill(header, encoding, pixels)


def _finish(frame: Prepared, values: Values) -> Finish:
    """Return what is to be done to the depth of ``frame`` before it is published."""
    calibrated = frame.calibrated
    return Finish(
        values.depth_scale,
        calibrated.valid if calibrated and frame.result.rectified else None,
        values.min_depth,
        values.max_depth or np.inf,
        calibrated.rays if calibrated and topics.POINTS in frame.wanted else None,
    )


def _is_compressed(message: Image | CompressedImage) -> bool:
    return isinstance(message, CompressedImage)
