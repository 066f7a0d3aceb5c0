"""Clouds of one camera's frames, as small as the parameters ask."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.geometry.depth_bounds import DepthBounds
from s2r_depth_ros.geometry.point_cloud import colour_bits
from s2r_depth_ros.geometry.projection import back_project_pixels
from s2r_depth_ros.geometry.reduction import (
    Box,
    ColouredPoints,
    keep_region,
    region_bounds,
    strided_image,
    strided_intrinsics,
    voxel_grid,
)
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.kept import Kept, KeptPose
from s2r_depth_ros.node.messages import CloudBuffer
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.transforms import Transforms

Depth = NDArray[np.float32]


class CloudImage(NamedTuple):
    """What clouds are made of: depth (float32 [h, w], metres, NaN for no point), colours, rays.

    rgb: uint8 [h, w, 3]. intrinsics: of these images.
    """

    depth: Depth
    rgb: NDArray[np.uint8]
    intrinsics: Intrinsics


def is_reduced(values: Values) -> bool:
    """Return whether the cloud is not one of all pixels."""
    cloud = values.cloud
    return cloud.stride > 1 or cloud.voxel_size > 0 or len(cloud.region) > 0


class FrameClouds:
    """Makes the clouds of one camera; one caller at a time."""

    def __init__(self, transforms: Transforms) -> None:
        self._transforms = transforms
        self._pose = KeptPose()
        self._region: Kept[DepthBounds] = Kept()
        self._packer: Kept[CloudPacker] = Kept()
        self._buffers: defaultdict[str, CloudBuffer] = defaultdict(CloudBuffer)

    def image(self, header: Header, image: CloudImage, values: Values) -> CloudImage:
        """Return the pixels that clouds have a point of, by cloud.stride and cloud.region.

        Raises NoTransform for a region in a frame that is not known.
        """
        stride = values.cloud.stride
        depth, rgb = strided_image(image.depth, stride), strided_image(image.rgb, stride)
        intrinsics = strided_intrinsics(image.intrinsics, stride)
        if (box := values.cloud.box()) is not None:
            bounds = self._region_bounds(header, intrinsics, box, values.cloud.region_frame)
            # At a stride of 1 it is the depth that other outputs show, too.
            depth = keep_region(depth.copy() if stride == 1 else depth, bounds)
        return CloudImage(depth, rgb, intrinsics)

    def points(self, header: Header, image: CloudImage, values: Values) -> PointCloud2:
        """Return the cloud of all, organised unless cloud.voxel_size is set.

        Raises FilterError for a voxel_size that is too fine.
        """
        if values.cloud.voxel_size > 0:
            return self.some_points(topics.POINTS, header, image, values)
        packer = self._packer.get(image.intrinsics, lambda: CloudPacker(image.intrinsics))
        return self._buffers[topics.POINTS].fill(header, packer, image.depth, image.rgb)

    def some_points(
        self,
        name: str,
        header: Header,
        image: CloudImage,
        values: Values,
        *,
        mask: NDArray[np.uint8] | None = None,
    ) -> PointCloud2:
        """Return a cloud, not organised, where ``mask`` (uint8 [h, w]) is not 0, or of all depths.

        name: in topics.OUTPUTS, whose message it is until the next frame. Raises as ``points``.
        """
        chosen = np.isfinite(image.depth) if mask is None else mask > 0
        found = _points_at(image, chosen)
        if values.cloud.voxel_size > 0:
            found = voxel_grid(found.points, found.colours, values.cloud.voxel_size)
        return self._buffers[name].fill_points(header, found)

    def marks(self, name: str, header: Header, points: Depth) -> PointCloud2:
        """Return a cloud of white points (float32 [N, 3], metres), as ``some_points``."""
        colours = np.full(len(points), 0xFFFFFF, np.uint32)
        return self._buffers[name].fill_points(header, ColouredPoints(points, colours))

    def _region_bounds(
        self, header: Header, intrinsics: Intrinsics, box: Box, frame: str
    ) -> DepthBounds:
        pose = np.eye(4)
        if frame:
            pose = self._transforms.find(frame, header.frame_id, seconds(header.stamp))
        pose = self._pose.near(pose)
        return self._region.get(
            (intrinsics, box, pose.tobytes()),
            lambda: region_bounds(intrinsics, box, pose[:3, :3], pose[:3, 3]),
        )


def _points_at(image: CloudImage, chosen: NDArray[np.bool_]) -> ColouredPoints:
    """Return the points of the pixels that are chosen (bool [h, w])."""
    rows, columns = np.nonzero(chosen)
    points = back_project_pixels(rows, columns, image.depth[rows, columns], image.intrinsics)
    return ColouredPoints(points, colour_bits(image.rgb)[rows, columns])
