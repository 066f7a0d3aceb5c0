"""What is compared: parameters of the node, and the sources that the costmap has of it.

Both begin with the files that the package ships for navigation. Of what these call yours, the
robot is BAND[1] high.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from s2r_depth_ros.node import topics
from s2r_depth_ros.parameter_files import ParameterFile
from simulated_drive.truth import BAND
from simulated_drive.voxel_layer import LayerSettings, Source

_CONFIG = Path(__file__).parents[2] / 'config'
_LAYER = 'voxel_layer.'


def _set_in(file: str, node: str) -> dict[str, Any]:
    return ParameterFile(str(_CONFIG / file)).for_node(node) or {}


NAVIGATION = _set_in('navigation.yaml', '/depth')
"""Parameters of the node."""
COSTMAP = _set_in('nav2_costmap.yaml', '/local_costmap/local_costmap')
"""Parameters of Nav2."""


def _named(kind: type, prefix: str) -> dict[str, Any]:
    """Return what the costmap's file sets of a dataclass."""
    return {f.name: COSTMAP[prefix + f.name] for f in fields(kind) if prefix + f.name in COSTMAP}


LAYER = LayerSettings(**_named(LayerSettings, _LAYER))
SPLIT = {
    COSTMAP[f'{_LAYER}{name}.topic'].lstrip('/'): Source(**_named(Source, f'{_LAYER}{name}.'))
    for name in COSTMAP[f'{_LAYER}observation_sources'].split()
}
"""Topic -> source, as shipped: obstacles mark; they, the floor and what is free clear."""
REACH = SPLIT[topics.OBSTACLES].obstacle_max_range
"""How far from the camera an obstacle is marked, m."""

# The whole cloud marks, and clears up to each of its points; the layer's heights part the floor.
_ANY_HEIGHT = replace(SPLIT[topics.OBSTACLES], min_obstacle_height=-10.0, max_obstacle_height=10.0)
CLOUD = {topics.POINTS: _ANY_HEIGHT}
CLOUD_AND_CLEARING = {**CLOUD, topics.CLEARING: SPLIT[topics.CLEARING]}
SCAN = {topics.SCAN: _ANY_HEIGHT}

_ALIKE = {name: NAVIGATION[name] for name in ('base_frame', 'cloud.voxel_size')}
_UNSCALED: dict[str, Any] = {'scale.source': ()}
_HEIGHT = {'scale.source': ('camera_height',)}
_LIDAR = {'scale.source': ('lidar',)}
_CONFIDENCE = {'confidence.enable': True}


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

    @property
    def layer(self) -> LayerSettings:
        """Parameters of the voxel layer: where nothing else parts the floor, its heights do."""
        least = BAND[0] if topics.POINTS in self.sources else LAYER.min_obstacle_height
        return replace(LAYER, min_obstacle_height=least, max_obstacle_height=BAND[1])


BEFORE = 'whole cloud, unscaled (before)'
AFTER = 'scale by height, filters, split'
WITH_LIDAR = 'scale by lidar, filters, split'
TRUE = 'true depth, filters, split'

SETUPS = (
    Setup('true depth, whole cloud', _ALIKE, CLOUD, true_depth=True),
    Setup(TRUE, NAVIGATION | _UNSCALED, SPLIT, true_depth=True),
    Setup('true depth, filters, whole cloud alone', NAVIGATION | _UNSCALED, CLOUD, true_depth=True),
    Setup(BEFORE, _ALIKE, CLOUD),
    Setup('filters, split, unscaled', NAVIGATION | _UNSCALED, SPLIT),
    Setup('scale by height', _ALIKE | _HEIGHT, CLOUD),
    Setup('scale by height, filters', NAVIGATION | _HEIGHT, CLOUD_AND_CLEARING),
    Setup(AFTER, NAVIGATION | _HEIGHT, SPLIT),
    Setup('scale by height, filters, confidence, split', NAVIGATION | _HEIGHT | _CONFIDENCE, SPLIT),
    Setup('scale by height, filters, scan', NAVIGATION | _HEIGHT, SCAN),
    Setup('scale by lidar', _ALIKE | _LIDAR, CLOUD),
    Setup(WITH_LIDAR, NAVIGATION | _LIDAR, SPLIT),
    Setup('scale by lidar, filters, scan', NAVIGATION | _LIDAR, SCAN),
)
BRIEF = tuple(row for row in SETUPS if row.name in (TRUE, BEFORE, AFTER, WITH_LIDAR))
"""The rows that tell most."""
