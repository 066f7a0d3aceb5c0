"""Pipelines of a camera's frames, without a node."""

from __future__ import annotations

from typing import Any, cast

from fake_node import FakeNode

from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.pipeline import FramePipeline

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
    fixed = FixedTransforms(transforms)
    gravity = Gravity(cast(Any, FakeNode()), fixed, Values)
    return FramePipeline(model or model_of(), fixed, gravity)
