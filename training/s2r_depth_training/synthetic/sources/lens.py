"""Lenses for the cameras that the sources put into their scenes."""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

import numpy as np

from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
from s2r_depth_training.synthetic.geometry.scene import Vector


class Lens(NamedTuple):
    """Intrinsics of a Camera and its image size, px."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


def sample_lens(random: Random, width: int, height: int, field: tuple[float, float]) -> Lens:
    """Draw a lens.

    field: range of the horizontal field of view, radians (drawn evenly). One lens in six has
    pixels that are not square; the principal point strays by some percent of the size.
    """
    angle = random.uniform(*field)
    fx = width / 2 / math.tan(angle / 2)
    stretch = math.exp(random.uniform(-0.22, 0.22)) if random.random() < 1 / 6 else 1.0
    cx = (width - 1) / 2 + random.gauss(0, 0.015) * width
    cy = (height - 1) / 2 + random.gauss(0, 0.015) * height
    return Lens(fx, fx * stretch, cx, cy, width, height)


def aim_camera(position: Vector, yaw: float, pitch: float, roll: float, lens: Lens) -> Camera:
    """Put a lens at a position, m; angles as in ``rotation_from_angles``."""
    return Camera(np.array(position, float), rotation_from_angles(yaw, pitch, roll), *lens)
