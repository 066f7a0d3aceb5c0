"""The kinds of scenes behind one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from s2r_depth_training.synthetic.indoor import IndoorSource
from s2r_depth_training.synthetic.scene import Camera, Scene
from s2r_depth_training.synthetic.street import StreetSource


class SceneSource(Protocol):
    """Builds scenes and places cameras in them; the same generator state, the same result.

    kind: name in manifests. nearest: m, what a camera must keep clear of.
    """

    kind: str
    nearest: float

    def build(self, rng: np.random.Generator) -> Scene:
        """Build a scene."""

    def sample_camera(
        self, scene: Scene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera with the given image size, px."""


KINDS = ('indoor', 'street', 'gazebo')


def make_source(kind: str, world: str | Path | None = None) -> SceneSource:
    """Make the source of a kind. world: the file that 'gazebo' reads, unused by the others.

    Raises ValueError for an unknown kind or a missing world.
    """
    if kind == 'indoor':
        return IndoorSource()
    if kind == 'street':
        return StreetSource()
    if kind != 'gazebo':
        raise ValueError(f'unknown kind of scene {kind!r}: choose from {", ".join(KINDS)}')
    if world is None:
        raise ValueError('kind gazebo needs a world: give a .world, .sdf or .json file')
    from s2r_depth_training.synthetic.gazebo import (
        GazeboSource,  # here, so that the others need neither trimesh nor scipy
    )

    return GazeboSource(world)
