"""From a camera message to the messages that are made of it."""

from __future__ import annotations

import time
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
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.postprocess import depth_to_millimetres, mask_range
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera import calibration_from, camera_info_message
from s2r_depth_ros.node.conversions import compressed_to_rgb, image_to_rgb
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.node.parameters import Values


@dataclass
class Result:
    """What one frame gave.

    messages: topic name of the table -> message, in the order of publishing; valid until the next
    frame. camera_problem: why there are no intrinsics, '' if there are. rectified: whether the
    image was undistorted. inference: seconds in the network, None if it did not run.
    """

    messages: dict[str, Any] = field(default_factory=dict)
    camera_problem: str = ''
    rectified: bool = False
    focal_scale: float | None = None
    inference: float | None = None


class _Camera:
    """Everything computed once per calibration."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.rectifier = Rectifier(calibration)
        self.packer = CloudPacker(self.rectifier.intrinsics)


class FramePipeline:
    """Makes output messages from camera messages with one model; one caller at a time."""

    def __init__(self, estimator: DepthEstimator) -> None:
        self.estimator = estimator
        self._camera: _Camera | None = None
        self._images: defaultdict[str, ImageBuffer] = defaultdict(ImageBuffer)
        self._cloud = CloudBuffer()

    def process(
        self,
        message: Image | CompressedImage,
        camera_info: CameraInfo | None,
        wanted: Collection[str],
        values: Values,
    ) -> Result:
        """Make the ``wanted`` messages (names of topics.OUTPUTS) of one frame.

        Without usable intrinsics those that need them are left out and depth is not corrected for
        the focal length. Raises ConversionError or ImageError for an image that cannot be used.
        """
        rgb = compressed_to_rgb(message) if _is_compressed(message) else image_to_rgb(message)
        result = Result()
        camera = None
        if camera_info is not None:
            try:
                camera = self._camera_for(calibration_from(camera_info), rgb)
            except CalibrationError as error:
                result.camera_problem = str(error)
        valid = None
        if camera and values.rectify == 'auto' and not camera.rectifier.is_identity:
            rgb = camera.rectifier.rectify(rgb)
            valid = camera.rectifier.valid
            result.rectified = True
        if camera and topics.DEPTH_INFO in wanted:
            result.messages[topics.DEPTH_INFO] = camera_info_message(
                camera.rectifier.calibration, message.header
            )
        if set(wanted) - {topics.DEPTH_INFO}:
            self._add_depth(result, message.header, rgb, valid, camera, wanted, values)
        return result

    def _camera_for(self, calibration: Calibration, rgb: NDArray[np.uint8]) -> _Camera:
        calibration.check_image_size(rgb.shape[1], rgb.shape[0])
        if self._camera is None or self._camera.calibration != calibration:
            self._camera = _Camera(calibration)
        return self._camera

    def _add_depth(
        self,
        result: Result,
        header: Header,
        rgb: NDArray[np.uint8],
        valid: NDArray[np.bool_] | None,
        camera: _Camera | None,
        wanted: Collection[str],
        values: Values,
    ) -> None:
        """Run the network and add the wanted messages that show its output."""
        start = time.perf_counter()
        prediction = self.estimator.predict(
            rgb,
            fx=camera.rectifier.intrinsics.fx if camera else None,
            maps=topics.STRUCTURE in wanted or topics.ATTENTION in wanted,
        )
        result.inference = time.perf_counter() - start
        result.focal_scale = prediction.focal_scale
        depth = prediction.depth
        if values.depth_scale != 1:
            depth *= np.float32(values.depth_scale)
        if valid is not None:
            depth[~valid] = np.nan
        if values.min_depth or values.max_depth:
            depth = mask_range(depth, values.min_depth, values.max_depth or np.inf)
        if topics.DEPTH in wanted:
            result.messages[topics.DEPTH] = self._depth_image(header, depth, values.depth_encoding)
        if camera and topics.POINTS in wanted:
            result.messages[topics.POINTS] = self._cloud.fill(header, camera.packer, depth, rgb)
        if topics.DEPTH_COLOR in wanted:
            colors = colorize_depth(depth, values.color_near or None, values.color_far or None)
            result.messages[topics.DEPTH_COLOR] = self._images[topics.DEPTH_COLOR].fill(
                header, 'rgb8', colors
            )
        for name, levels in (
            (topics.STRUCTURE, prediction.structure),
            (topics.ATTENTION, prediction.attention),
        ):
            if name in wanted and levels is not None:
                pixels = np.rint(levels * 255).astype(np.uint8)
                result.messages[name] = self._images[name].fill(header, 'mono8', pixels)

    def _depth_image(self, header: Header, depth: NDArray[np.float32], encoding: str) -> Image:
        pixels = depth_to_millimetres(depth) if encoding == '16UC1' else depth
        return self._images[topics.DEPTH].fill(header, encoding, pixels)


def _is_compressed(message: Image | CompressedImage) -> bool:
    return isinstance(message, CompressedImage)
