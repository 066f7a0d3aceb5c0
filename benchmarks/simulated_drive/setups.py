"""What is compared: parameters of the node, and the sources that the costmap has of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from s2r_depth_ros.node import topics
from simulated_drive.messages import LASER
from simulated_drive.voxel_layer import Source

_BOTH = Source(marking=True, clearing=True)
_CLEARS = Source(marking=False, clearing=True)

CLOUD = {topics.POINTS: _BOTH}
"""The whole cloud marks, and clears up to each of its points."""
CLOUD_AND_CLEARING = {**CLOUD, topics.CLEARING: _CLEARS}
SPLIT = {topics.OBSTACLES: _BOTH, topics.GROUND: _CLEARS, topics.CLEARING: _CLEARS}
SCAN = {topics.SCAN: _BOTH}

_HEIGHT = {'scale.source': ('camera_height',)}
_LIDAR = {'scale.source': ('lidar',)}
_FILTERS = {
    'edge_filter.enable': True,
    'temporal_filter.enable': True,
    'max_depth': 4.0,
}
_CONFIDENCE = {'confidence.enable': True}
_SCAN = {'scan.frame': LASER}


@dataclass(frozen=True)
class Setup:
    """One row of the table.

    parameters: of the node, beside its defaults. sources: topic -> source of the costmap.
    true_depth: whether the node gets true depth in the place of the network's.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=lambda: CLOUD)
    true_depth: bool = False


BEFORE = 'as before: whole cloud, unscaled'
AFTER = 'scale, filters, ground split'

SETUPS = (
    Setup('true depth, whole cloud', true_depth=True),
    Setup('true depth, filters, ground split', _FILTERS, SPLIT, true_depth=True),
    Setup(BEFORE),
    Setup('scale by camera height', _HEIGHT),
    Setup('scale, filters', _HEIGHT | _FILTERS, CLOUD_AND_CLEARING),
    Setup(AFTER, _HEIGHT | _FILTERS, SPLIT),
    Setup('the same, and confidence', _HEIGHT | _FILTERS | _CONFIDENCE, SPLIT),
    Setup('the same as `scan`, without confidence', _HEIGHT | _FILTERS | _SCAN, SCAN),
    Setup('scale by lidar', _LIDAR),
    Setup('scale by lidar, filters, ground split', _LIDAR | _FILTERS, SPLIT),
    Setup('filters, ground split, unscaled', _FILTERS, SPLIT),
)
