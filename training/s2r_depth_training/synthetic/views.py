"""Cameras for scenes: lenses, and which views are worth shading."""

from __future__ import annotations

import math
from random import Random

import numpy as np

from s2r_depth_training.synthetic.renderer import Renderer
from s2r_depth_training.synthetic.scene import Camera, Scene, rotation_from_angles

PRE_PASS = (64, 48)  # width, height


def sample_lens(
    random: Random, width: int, height: int, field: tuple[float, float]
) -> dict[str, float | int]:
    """Draw fx, fy, cx, cy, width, height of a Camera.

    field: range of the horizontal field of view, radians (drawn evenly). One lens in six has
    pixels that are not square; the principal point strays by some percent of the size.
    """
    angle = random.uniform(*field)
    fx = width / 2 / math.tan(angle / 2)
    stretch = math.exp(random.uniform(-0.22, 0.22)) if random.random() < 1 / 6 else 1.0
    return {
        'fx': fx,
        'fy': fx * stretch,
        'cx': (width - 1) / 2 + random.gauss(0, 0.015) * width,
        'cy': (height - 1) / 2 + random.gauss(0, 0.015) * height,
        'width': width,
        'height': height,
    }


def place_camera(
    position: tuple[float, float, float], yaw: float, pitch: float, roll: float, lens: dict
) -> Camera:
    """Put a lens at a place; angles as in rotation_from_angles."""
    return Camera(np.array(position, float), rotation_from_angles(yaw, pitch, roll), **lens)


def reject_bad_view(depth: np.ndarray, nearest: float) -> str:
    """Say why a view is not worth shading, '' for a good one.

    depth: float32 [h, w] of a small pre-pass, 0 = nothing hit. nearest: m, closer things may
    cover a seventh of the upper two thirds.
    """
    hit = depth > 0
    if hit.mean() < 0.35:
        return 'empty'
    values = depth[hit]
    upper = depth[: 2 * len(depth) // 3]  # below them a low camera may see the floor close by
    if ((upper > 0) & (upper < nearest)).mean() > 0.15:
        return 'blocked'
    if np.percentile(values, 95) < 1.25 * np.percentile(values, 5):
        return 'flat'
    if _plane_share(depth, hit) > 0.93:
        return 'one plane'
    return ''


def _plane_share(depth: np.ndarray, hit: np.ndarray) -> float:
    """Share of the hit pixels on the plane that fits most of them (a bare wall or floor)."""
    v, u = np.nonzero(hit)
    inverse = 1.0 / depth[hit]
    rows = np.c_[u, v, np.ones_like(u)].astype(np.float32)
    weights = np.ones(len(u), np.float32)
    error = np.zeros_like(inverse)
    for _ in range(4):
        weighted = rows * weights[:, None]
        plane = np.linalg.lstsq(weighted.T @ rows, weighted.T @ inverse, rcond=None)[0]
        error = np.abs(rows @ plane - inverse) / inverse
        weights = 1.0 / (1.0 + (error / 0.02) ** 2)
    return float((error < 0.03).mean())


def find_view(
    renderer: Renderer, scene: Scene, source, rng: np.random.Generator, size: tuple[int, int],
    tries: int = 12,
) -> Camera | None:  # fmt: skip
    """Sample cameras until the pre-pass likes one; None if none of `tries` is any good.

    size: width, height of the camera to return, px.
    """
    for _ in range(tries):
        camera = source.sample_camera(scene, rng, *size)
        depth = renderer.depth(scene, camera.resized(*PRE_PASS))
        if not reject_bad_view(depth, source.nearest):
            return camera
    return None
