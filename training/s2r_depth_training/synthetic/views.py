"""Which views of a scene are worth shading."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import AnyScene
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.kinds import SceneSource

PRE_PASS = (64, 48)  # width, height


def find_view(
    renderer: Renderer,
    scene: AnyScene,
    source: SceneSource[AnyScene],
    rng: np.random.Generator,
    size: tuple[int, int],
    tries: int = 12,
    is_wanted: Callable[[NDArray[np.float32], Camera], bool] | None = None,
) -> Camera | None:
    """Sample cameras until the pre-pass likes one; None if none of ``tries`` is any good.

    size: width, height of the camera to return, px. is_wanted: says so of the pre-pass's depth,
    [h, w], m, 0 = nothing hit, and the camera.
    """
    for _ in range(tries):
        camera = source.sample_camera(scene, rng, *size)
        depth = renderer.depth(scene, camera.resized(*PRE_PASS))
        is_good = not reject_bad_view(depth, source.nearest)
        if is_good and (is_wanted is None or is_wanted(depth, camera)):
            return camera
    return None


def reject_bad_view(depth: NDArray[np.float32], nearest: float) -> str:
    """Say why a view is not worth shading, '' for a good one.

    depth: [h, w] of a small pre-pass, m, 0 = nothing hit. nearest: m, closer things may cover a
    seventh of the upper two thirds.
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


def _plane_share(depth: NDArray[np.float32], hit: NDArray[np.bool_]) -> float:
    """Return the share of the hit pixels on the plane that fits most (a bare wall or floor)."""
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
