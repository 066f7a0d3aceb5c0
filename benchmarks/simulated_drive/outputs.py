"""What the node makes of a frame: its own code for frames, without DDS."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from sensor_msgs.msg import LaserScan

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.inference.estimator import Prediction, View
from s2r_depth_ros.inference.sharing import Inference
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.frame_references import FrameReferences
from s2r_depth_ros.node.frame_scale import FrameScale
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.parameters.values import with_changes
from s2r_depth_ros.node.pipeline import FramePipeline
from simulated_drive.frames import DriveFrame
from simulated_drive.messages import (
    BASE,
    LASER,
    LASER_HEIGHT,
    camera_info_of,
    cloud_points,
    image_of,
    scan_of,
    scan_points,
    transforms_of,
)
from simulated_drive.setups import Setup
from simulated_drive.truth import in_world
from simulated_drive.voxel_layer import Observation

STRIDE = 2
"""cloud.stride: the images are half as large as those that config/navigation.yaml is for."""

Predict = Callable[[View], Prediction]


class MissingOutputError(UserError):
    """The node did not make what the costmap needs."""


class Outputs:
    """The frames of one camera on their way through the node. scale: the last one."""

    def __init__(self, setup: Setup, model: ModelMetadata, height: float) -> None:
        self.setup = setup
        self.scale = 1.0
        # True depth is of the image as it is.
        level = 'never' if setup.true_depth else Values().level
        self._values = with_changes(
            Values(), {'level': level, **setup.parameters, 'cloud.stride': STRIDE}
        )
        fixed = FixedTransforms(transforms_of(height))
        # Of the node, only an Imu needs more than that it has a clock.
        node = cast(Any, SimpleNamespace(get_clock=lambda: None))
        gravity = Gravity(node, fixed, lambda: self._values)
        sources = self._values.scale.names
        self._references = FrameReferences(sources, lambda topic: f'nothing on {topic}')
        scale = FrameScale(self._references, fixed, gravity) if sources else None
        self._pipeline = FramePipeline(model, fixed, gravity, scale)

    def of(self, frame: DriveFrame, predict: Predict) -> list[Observation]:
        """Return what the costmap sees of a frame. Raises MissingOutputError."""
        if 'lidar' in self._values.scale.names:
            self._references.take(topics.REFERENCE_SCAN, scan_of(frame))
        wanted, info = set(self.setup.sources), camera_info_of(frame)
        prepared = self._pipeline.prepare(
            image_of(frame), lambda *_: (info, ''), wanted, self._values
        )
        assert prepared.view is not None
        prediction = (
            Prediction(frame.depth.copy(), None, None, 1.0)
            if self.setup.true_depth
            else predict(prepared.view)
        )
        result = self._pipeline.finish(prepared, Inference(prediction, 0.0, 1), self._values)
        missing = wanted - set(result.messages)
        if missing:
            raise MissingOutputError(f'no {", ".join(missing)}: {result.navigation_problem}')
        if result.scale is not None:
            self.scale = result.scale.state.scale
        return [
            Observation(source, *_placed(result.messages[topic], frame))
            for topic, source in self.setup.sources.items()
        ]


def _placed(message: Any, frame: DriveFrame) -> tuple[Any, Any]:
    """Return points of a message in the world, and where the sensor is."""
    if not isinstance(message, LaserScan):
        return in_world(cloud_points(message), frame.camera), frame.camera.position
    height = {BASE: 0.0, LASER: LASER_HEIGHT}[message.header.frame_id]
    forward = frame.camera.rotation[:2, 2] / np.linalg.norm(frame.camera.rotation[:2, 2])
    turned = np.array([[forward[0], -forward[1]], [forward[1], forward[0]]])
    origin = np.array([*frame.camera.position[:2], height])
    points = scan_points(message).astype(np.float64)
    points[:, :2] = points[:, :2] @ turned.T
    return points + origin, origin
