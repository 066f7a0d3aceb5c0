"""The messages that are made of one camera's frames."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import Prediction
from s2r_depth_ros.inference.postprocess import depth_to_millimetres
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import camera_info_message
from s2r_depth_ros.node.compressed_depth import compressed_depth
from s2r_depth_ros.node.frame import Prepared
from s2r_depth_ros.node.frame_cleaning import Cleaned
from s2r_depth_ros.node.frame_clouds import CloudImage, FrameClouds, is_reduced
from s2r_depth_ros.node.frame_navigation import FrameNavigator, NavigationFrame
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.transforms import Transforms


class FrameMessages:
    """Makes the wanted messages of a frame, by their names in topics.OUTPUTS.

    They are valid until the next frame; one caller at a time.
    """

    def __init__(self, transforms: Transforms, gravity: Gravity) -> None:
        self._images: defaultdict[str, ImageBuffer] = defaultdict(ImageBuffer)
        self._cloud = CloudBuffer()
        self._clouds = FrameClouds(transforms)
        self._navigator = FrameNavigator(transforms, gravity, self._clouds)

    def of_camera(self, frame: Prepared) -> dict[str, Any]:
        """Return the wanted messages that need a calibration and no network."""
        if frame.calibrated is None:
            return {}
        messages: dict[str, Any] = {}
        for name in (topics.DEPTH_INFO, topics.RECT_INFO):
            if name in frame.wanted:
                messages[name] = camera_info_message(
                    frame.calibrated.rectifier.calibration, frame.header
                )
        if topics.RECT_COLOR in frame.wanted:
            messages[topics.RECT_COLOR] = self._images[topics.RECT_COLOR].fill(
                frame.header, 'rgb8', frame.rgb
            )
        return messages

    def of_depth(
        self, frame: Prepared, prediction: Prediction, cleaned: Cleaned, values: Values
    ) -> dict[str, Any]:
        """Return the wanted images that show what the network gave."""
        header, wanted = frame.header, frame.wanted
        messages: dict[str, Any] = {}
        if wanted & {topics.DEPTH, topics.DEPTH_COMPRESSED}:
            encoding = values.depth_encoding
            depth = cleaned.depth if values.out_of_range == 'infinite' else cleaned.finite
            pixels: NDArray[Any] = depth_to_millimetres(depth) if encoding == '16UC1' else depth
            if topics.DEPTH in wanted:
                messages[topics.DEPTH] = self._images[topics.DEPTH].fill(header, encoding, pixels)
            if topics.DEPTH_COMPRESSED in wanted:
                messages[topics.DEPTH_COMPRESSED] = compressed_depth(header, pixels)
        if topics.CONFIDENCE in wanted and cleaned.confidence is not None:
            messages[topics.CONFIDENCE] = self._images[topics.CONFIDENCE].fill(
                header, '32FC1', cleaned.confidence
            )
        if topics.DEPTH_COLOR in wanted:
            near, far = values.color_near or None, values.color_far or None
            colors = colorize_depth(cleaned.finite, near, far)
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
        return messages

    def of_points(
        self, frame: Prepared, prediction: Prediction, cleaned: Cleaned, values: Values
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the wanted messages that need intrinsics, and why others of them are missing."""
        if frame.calibrated is None:
            return {}, []
        header, wanted = frame.header, frame.wanted
        messages: dict[str, Any] = {}
        problems: list[str] = []
        intrinsics = frame.calibrated.rectifier.intrinsics
        if topics.POINTS in wanted and is_reduced(values):
            whole = CloudImage(cleaned.finite, frame.rgb, intrinsics)
            try:
                image = self._clouds.image(header, whole, values)
                messages[topics.POINTS] = self._clouds.points(header, image, values)
            except UserError as error:
                problems.append(f'no {topics.POINTS}: {error}')
        elif topics.POINTS in wanted:
            packer, points, depth = frame.calibrated.packer, prediction.cloud, cleaned.finite
            messages[topics.POINTS] = (
                self._cloud.fill(header, packer, depth, frame.rgb)
                if points is None
                else self._cloud.fill_packed(header, (depth.shape[0], depth.shape[1]), points)
            )
        if wanted & topics.OF_NAVIGATION:
            seen = NavigationFrame(header, cleaned.depth, frame.rgb, intrinsics)
            made, missing = self._navigator.messages(seen, wanted, values)
            messages |= made
            problems += missing
        return messages, problems
