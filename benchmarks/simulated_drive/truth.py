"""What is really there: the cells that hold an obstacle, and what the camera sees of a room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.free_space import surface_points
from s2r_depth_training.synthetic.geometry.scene import Instance, Mesh
from simulated_drive.grid import CELL, Grid, Mask, widened

BAND = (0.1, 1.0)
"""Heights over the floor between which a surface is an obstacle, m."""
TOUCHED = (0.03, 1.4)
"""Heights between which the robot must not touch anything, m."""
_SPACING = 0.03  # m between points on a surface


class Seen(NamedTuple):
    """What one camera sees within a range: cells of obstacles, and cells of free floor.

    A cell is free if the camera sees its floor and it holds no obstacle.
    """

    obstacles: Mask
    free: Mask


def surfaces(
    instances: Iterable[Instance], grid: Grid, meshes: Mapping[str, Mesh] = MappingProxyType({})
) -> NDArray[np.float32]:
    """Return points [N, 3], m, on all surfaces over the grid at the heights TOUCHED.

    meshes: those that instances name beside the primitives.
    """
    low = np.array([grid.x, grid.y, TOUCHED[0]])
    high = np.array([*(low[:2] + np.array(grid.shape) * CELL), TOUCHED[1]])
    parts = [np.empty((0, 3), np.float32)]
    for points in surface_points(instances, dict(meshes), low, high, _SPACING):
        inside = (points[:, 2] >= low[2]) & (points[:, 2] <= high[2])
        parts.append(points[inside].astype(np.float32))
    return np.concatenate(parts)


def obstacles(surface: NDArray[np.float32], grid: Grid) -> Mask:
    """Return the cells with a surface (points [N, 3], m) at a height in BAND."""
    return grid.mask(surface[(surface[:, 2] >= BAND[0]) & (surface[:, 2] <= BAND[1])])


def intrinsics_of(camera: Camera) -> Intrinsics:
    """Return the intrinsics of a rendering camera."""
    return Intrinsics(camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)


def in_world(points: NDArray[np.float32], camera: Camera) -> NDArray[np.float64]:
    """Return points [..., 3] of the optical frame in the world, m; not finite if they are not."""
    with np.errstate(invalid='ignore'):
        return points.astype(np.float64) @ camera.rotation.T + camera.position


def seen_within(
    reach: float, depth: NDArray[np.float32], camera: Camera, there: Mask, grid: Grid
) -> Seen:
    """Return what of the room a camera sees no farther from it than ``reach`` metres.

    depth: true, [H, W], m. there: the cells that hold an obstacle.
    """
    points = back_project(depth, intrinsics_of(camera)).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) < reach]
    world = in_world(points, camera)
    height = world[:, 2]
    hit = grid.mask(world[(height >= BAND[0]) & (height <= BAND[1])])
    low = grid.mask(world[height < BAND[0]])
    return Seen(there & widened(hit, CELL), low & ~there)
