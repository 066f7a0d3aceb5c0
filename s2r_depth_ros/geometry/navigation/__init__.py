"""What a robot plans with: floor and obstacles, a laser scan, points that clear a costmap.

All of it takes the floor as a ``Plane``; who knows it, computes it elsewhere.
"""

from __future__ import annotations

from s2r_depth_ros.geometry.navigation.clearing import clearing_points
from s2r_depth_ros.geometry.navigation.floor_view import FloorView
from s2r_depth_ros.geometry.navigation.ground_split import (
    GroundBounds,
    GroundSettings,
    GroundSplit,
    ground_bounds,
    split_ground,
)
from s2r_depth_ros.geometry.navigation.moved_scan import MovedScan
from s2r_depth_ros.geometry.navigation.scan import ScanBeams, Scanner, ScanSettings, level_beams

__all__ = [
    'FloorView',
    'GroundBounds',
    'GroundSettings',
    'GroundSplit',
    'MovedScan',
    'ScanBeams',
    'ScanSettings',
    'Scanner',
    'clearing_points',
    'ground_bounds',
    'level_beams',
    'split_ground',
]
