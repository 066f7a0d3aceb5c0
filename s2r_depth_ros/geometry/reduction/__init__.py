"""Smaller clouds: every n-th pixel, one point for each voxel, points of a region."""

from __future__ import annotations

from s2r_depth_ros.geometry.reduction.cloud_region import Box, keep_region, region_bounds
from s2r_depth_ros.geometry.reduction.cloud_stride import strided_image, strided_intrinsics
from s2r_depth_ros.geometry.reduction.voxel_grid import ColouredPoints, voxel_grid

__all__ = [
    'Box',
    'ColouredPoints',
    'keep_region',
    'region_bounds',
    'strided_image',
    'strided_intrinsics',
    'voxel_grid',
]
