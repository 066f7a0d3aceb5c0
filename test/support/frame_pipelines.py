"""Pipelines of a camera's frames, without a node."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Set
from typing import Any, cast

import numpy as np
from builtin_interfaces.msg import Time
from fake_node import FakeNode
from floor_scenes import CAMERA
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.inference.estimator import Prediction
from s2r_depth_ros.inference.finishing import finish_on_host
from s2r_depth_ros.inference.sharing import Inference
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.pipeline import FramePipeline
from s2r_depth_ros.node.transforms import Transforms

OVER_FLOOR = 'base_footprint camera 0 0 0.5 -1.5707963 0 -1.5707963'
"""Pose of a level camera, of which the optical frame is ``camera``, as the parameter has it."""


def model_of(scene: str = 'indoor', max_depth: float = 10.0) -> ModelMetadata:
    """Return what a model file says of itself, without weights."""
    return ModelMetadata(
        name='made_up', width=0.25, input_height=96, input_width=128, max_depth=max_depth,
        focal_length=100.0, scene=scene, licence='MIT',
    )  # fmt: skip


def pipeline_of(model: ModelMetadata | None = None, *transforms: str) -> FramePipeline:
    """Return a pipeline with these fixed transforms, as the parameter ``transforms`` has them."""
    return pipeline_over(FixedTransforms(transforms), model)


def pipeline_over(transforms: Transforms, model: ModelMetadata | None = None) -> FramePipeline:
    """Return a pipeline with these transforms."""
    gravity = Gravity(cast(Any, FakeNode()), transforms, Values)
    return FramePipeline(model or model_of(), transforms, gravity)


def info_of(camera: Intrinsics) -> CameraInfo:
    """Return the camera_info of an ideal camera."""
    k = camera.matrix.ravel().tolist()
    return CameraInfo(
        width=camera.width,
        height=camera.height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=k,
        r=np.eye(3).ravel().tolist(),
        p=[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0],
    )


class Frames:
    """Frames of one camera through a pipeline, of which the depth is given in the network's place.

    camera: intrinsics, None for no camera_info. frame_id: of its images.
    """

    def __init__(
        self,
        pipeline: FramePipeline,
        values: Values,
        camera: Intrinsics | None = CAMERA,
        frame_id: str = 'camera',
    ) -> None:
        self.pipeline, self.values, self.camera = pipeline, values, camera
        self.frame_id = frame_id
        self._stamp = 100.0

    def result(
        self,
        depth: NDArray[np.float32],
        wanted: Set[str],
        *,
        rgb: NDArray[np.uint8] | None = None,
        stamp: float | None = None,
    ) -> Result:
        """Return what is made of the next frame: of this depth before limits, and this image."""
        self._stamp = stamp if stamp is not None else self._stamp + 0.1
        if rgb is None:
            shades = np.linspace(120, 136, depth.shape[1], dtype=np.uint8)  # no blank image
            rgb = np.broadcast_to(shades[:, None], (*depth.shape, 3)).copy()
        second, rest = divmod(self._stamp, 1.0)
        header = Header(
            stamp=Time(sec=int(second), nanosec=round(rest * 1e9) % 10**9), frame_id=self.frame_id
        )
        image = Image(
            header=header, height=depth.shape[0], width=depth.shape[1], encoding='rgb8',
            step=3 * depth.shape[1], data=array('B', rgb.tobytes()),
        )  # fmt: skip
        info = None if self.camera is None else info_of(self.camera)
        why = '' if info else 'no camera_info'
        frame = self.pipeline.prepare(image, lambda *_: (info, why), wanted, self.values)
        if frame.view is None:
            return self.pipeline.finish(frame, None, self.values)
        finished = finish_on_host(depth.copy(), frame.view.finish)
        flat = np.zeros_like(depth)
        prediction = Prediction(finished, flat, flat, 1.0)
        return self.pipeline.finish(frame, Inference(prediction, 0.1, 1), self.values)

    def messages(self, depth: NDArray[np.float32], *wanted: str, **more: Any) -> Mapping[str, Any]:
        """Return the messages made of the next frame."""
        return self.result(depth, set(wanted), **more).messages


def content(message: Any) -> dict[str, Any]:
    """Return the fields of a message, arrays as bytes: NaN is not equal to itself."""
    fields = {name: getattr(message, name) for name in message.get_fields_and_field_types()}
    return {n: v.tobytes() if isinstance(v, array) else v for n, v in fields.items()}
