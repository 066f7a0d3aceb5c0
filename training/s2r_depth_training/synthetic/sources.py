"""The kinds of scenes behind one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from .indoor import IndoorSource
from .scene import Camera, Scene
from .street import StreetSource


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


KINDS = ('indoor', 'street')


def make_source(kind: str, world: str | Path | None = None) -> SceneSource:
    """Make the source of a kind."""
    return {'indoor': IndoorSource, 'street': StreetSource}[kind]()
