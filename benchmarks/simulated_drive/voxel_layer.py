"""A costmap as the voxel layer of Nav2 fills it: marking, and clearing along rays.

After nav2_costmap_2d (voxel_layer.cpp, obstacle_layer.cpp, observation_buffer.cpp) and
nav2_voxel_grid: in each cycle all rays clear first, then all points mark, then the footprint is
freed. Points outside a source's heights, NaN among them, neither mark nor clear; a ray ends two
cells before its point, and at the grid's top and floor. The map does not roll, and
raytrace_min_range is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulated_drive.grid import CELL, Grid, Mask

Floats = NDArray[np.float64]
Voxels = NDArray[np.intp]


@dataclass(frozen=True)
class Source:
    """One of ``observation_sources``, named as Nav2 names its parameters; metres."""

    marking: bool
    clearing: bool
    min_obstacle_height: float
    max_obstacle_height: float
    obstacle_max_range: float = 2.5
    obstacle_min_range: float = 0.0
    raytrace_max_range: float = 3.0


@dataclass(frozen=True)
class LayerSettings:
    """Parameters of the layer, named as Nav2 names them and with its defaults; metres."""

    min_obstacle_height: float = 0.0
    max_obstacle_height: float = 2.0
    origin_z: float = 0.0
    z_resolution: float = 0.2
    z_voxels: int = 10
    mark_threshold: int = 0
    robot_radius: float = 0.2


@dataclass(frozen=True)
class Observation:
    """One cloud. points: [N, 3] in the world, m. origin: [3], of the sensor."""

    source: Source
    points: Floats
    origin: Floats


class VoxelLayer:
    """lethal: cells [X, Y] with a lethal cost."""

    def __init__(self, grid: Grid, settings: LayerSettings) -> None:
        self.grid, self.settings = grid, settings
        self.lethal: Mask = np.zeros(grid.shape, bool)
        self._marked = np.zeros((*grid.shape, settings.z_voxels), bool)
        self._corner = np.array([grid.x, grid.y, settings.origin_z])
        self._size = np.array([CELL, CELL, settings.z_resolution])

    def update(self, observations: Sequence[Observation], robot: Floats) -> None:
        """Run one cycle. robot: its place [2], m."""
        for seen in observations:
            if seen.source.clearing:
                self._clear(_within_heights(seen), seen)
        for seen in observations:
            if seen.source.marking:
                self._mark(_within_heights(seen), seen)
        self._free_footprint(robot)

    def _mark(self, points: Floats, seen: Observation) -> None:
        layer = self.settings
        distance = np.linalg.norm(points - seen.origin, axis=1)
        marks = distance < seen.source.obstacle_max_range
        marks &= distance >= seen.source.obstacle_min_range
        marks &= points[:, 2] >= layer.min_obstacle_height
        marks &= points[:, 2] <= layer.max_obstacle_height
        raised = np.maximum(points[marks], [-np.inf, -np.inf, layer.origin_z])
        voxels = self._voxels(raised)
        x, y, z = voxels[self._inside(voxels)].T
        self._marked[x, y, z] = True
        enough = self._marked[x, y].sum(1) > self.settings.mark_threshold
        self.lethal[x[enough], y[enough]] = True

    def _clear(self, points: Floats, seen: Observation) -> None:
        start = (seen.origin - self._corner) / self._size
        if not self._inside(self._voxels(seen.origin)):
            return  # Nav2 says: the costmap cannot raytrace for it
        ends = (self._ray_ends(points, seen.origin) - self._corner) / self._size
        most = np.ceil(seen.source.raytrace_max_range / CELL)
        passed = np.zeros(self._marked.shape, bool)
        _walk(start, ends[self._inside(np.floor(ends))], most, passed)
        self._marked &= ~passed
        changed = np.any(passed, axis=2)
        # What the footprint has freed stays so until it is marked again.
        self.lethal[changed] &= self._marked[changed].sum(1) > self.settings.mark_threshold

    def _ray_ends(self, points: Floats, origin: Floats) -> Floats:
        """Return where the rays to points [N, 3] end: two cells short, and within the grid."""
        ray = points - origin
        length = np.linalg.norm(ray, axis=1, keepdims=True)
        ray *= np.clip((length - 2 * CELL) / np.maximum(length, 1e-9), 0.0, 1.0)
        # Nav2's sizes are of the middles of the cells.
        high = self._corner + (np.array(self._marked.shape) - 0.5) * self._size
        high[2] -= 0.01
        outside = ((origin + ray > high) | (origin + ray < self._corner)).any(1)
        cut = ray[outside]
        with np.errstate(divide='ignore'):
            share = np.maximum((high - origin) / cut, (self._corner - origin) / cut).min(1)
        ray[outside] *= np.maximum(share - 1e-5, 0.0)[:, None]
        return origin + ray

    def _free_footprint(self, robot: Floats) -> None:
        reach = int(np.ceil(self.settings.robot_radius / CELL))
        middle = np.floor(self.grid.positions(robot)).astype(np.intp)
        side = np.arange(-reach, reach + 1)
        around = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
        cells = middle + around
        near = (
            np.linalg.norm(self.grid.centres(cells) - robot, axis=1) <= self.settings.robot_radius
        )
        near &= ((cells >= 0) & (cells < self.grid.shape)).all(1)
        self.lethal[tuple(cells[near].T)] = False

    def _voxels(self, points: Floats) -> Voxels:
        """Return the voxels that hold points [..., 3], m; outside the grid, too."""
        return np.floor((points - self._corner) / self._size).astype(np.intp)

    def _inside(self, voxels: NDArray[Any]) -> Mask:
        return np.all((voxels >= 0) & (voxels < self._marked.shape), axis=-1)


@njit(cache=True)
def _walk(start: Floats, ends: Floats, most: float, passed: NDArray[np.bool_]) -> None:
    """Set what lines from start [3] to ends [N, 3] pass in ``passed``, as raytraceLine walks them.

    start, ends: in voxels from the grid's corner, inside. most: of a line's length, in voxels.
    """
    first = start.astype(np.int64)
    at, delta, error, sign = np.zeros((4, 3), np.int64)
    for end in ends:
        for axis in range(3):
            step = np.int64(end[axis]) - first[axis]
            at[axis], delta[axis], sign[axis] = first[axis], abs(step), 1 if step > 0 else -1
        longest = delta.max()
        error[:] = longest // 2
        length = math.sqrt(((end - start) ** 2).sum())
        steps = np.int64(min(1.0, most / length) * longest) if length > 0 else 0
        passed[at[0], at[1], at[2]] = True
        for _ in range(steps):
            for axis in range(3):
                error[axis] += delta[axis]
                if error[axis] >= longest:  # always so of the longest
                    at[axis] += sign[axis]
                    error[axis] -= longest
            passed[at[0], at[1], at[2]] = True


def _within_heights(seen: Observation) -> Floats:
    """Return the points that the observation buffer keeps."""
    source, height = seen.source, seen.points[:, 2]
    with np.errstate(invalid='ignore'):
        kept = (height >= source.min_obstacle_height) & (height <= source.max_obstacle_height)
    return seen.points[kept & np.isfinite(seen.points).all(1)]
