"""The kinds of scenes behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import AnyScene
from s2r_depth_training.synthetic.sources.indoor import IndoorSource
from s2r_depth_training.synthetic.sources.poses import USUAL, PoseSpread
from s2r_depth_training.synthetic.sources.street import StreetSource


class SceneSource(Protocol[AnyScene]):
    """Builds scenes of its own kind and puts cameras in them.

    The same generator state gives the same result. nearest: m, what a camera must keep clear of.
    """

    nearest: float

    def build(self, rng: np.random.Generator) -> AnyScene:
        """Build a scene."""

    def sample_camera(
        self, scene: AnyScene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera with the given image size, px, in a scene that this source built."""


# The kinds that need no world from outside.
PROCEDURAL: dict[str, Callable[[PoseSpread], SceneSource[Any]]] = {
    'indoor': IndoorSource,
    'street': StreetSource,
}
KINDS = (*PROCEDURAL, 'gazebo')


def make_source(
    kind: str, world: str | Path | None = None, poses: PoseSpread = USUAL
) -> SceneSource[Any]:
    """Make the source of a kind, whose cameras have the given poses.

    world: the file that 'gazebo' reads, unused by the others.

    Raises ValueError for an unknown kind or a missing world.
    """
    if kind in PROCEDURAL:
        return PROCEDURAL[kind](poses)
    if kind not in KINDS:
        raise ValueError(f'unknown kind of scene {kind!r}: choose from {", ".join(KINDS)}')
    if world is None:
        raise ValueError('kind gazebo needs a world: give a .world, .sdf or .json file')
    # imported here, so that the others need neither trimesh nor scipy
    from s2r_depth_training.synthetic.sources.gazebo import GazeboSource

    return GazeboSource(world, poses)
