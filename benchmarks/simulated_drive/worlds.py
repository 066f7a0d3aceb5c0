"""A drive through a building that a Gazebo world has, and places that it has not been to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

from s2r_depth_training.synthetic.sources.gazebo import GazeboSource, WorldScene
from s2r_depth_training.synthetic.sources.gazebo_world import WorldError
from simulated_drive.frames import RATE
from simulated_drive.grid import CELL, Grid, Mask, widened
from simulated_drive.paths import CLEARANCE, STEP, clearances, evenly, headings, leading, passages
from simulated_drive.truth import surfaces

Floats = NDArray[np.float64]

_CLOSED = 0.25  # share of the building's length, at one end, that the drive does not enter
_BORDER = 0.5  # m of that which are not judged by, as the drive comes as near
_SHORTEST = 2.0  # m to the next place that it drives to
_TURN = 1.0 / RATE  # rad from one pose to the next; for more the robot stands and turns
_APART = 0.6  # m between two places
_NEW, _NEW_YAW = 0.5, math.radians(30)  # m, rad; no pose of the drive is as near in both


@dataclass(frozen=True)
class Poses:
    """points: [N, 2], m. yaw: [N], rad."""

    points: Floats
    yaw: Floats

    def __getitem__(self, chosen: slice) -> Poses:
        return Poses(self.points[chosen], self.yaw[chosen])

    def __len__(self) -> int:
        return len(self.yaw)

    def are_near(self, point: Floats, yaw: float) -> bool:
        """Return whether one of them is where, and looks whither, a pose does."""
        turned = np.abs((self.yaw - yaw + math.pi) % math.tau - math.pi)
        near = np.linalg.norm(self.points - point, axis=1) < _NEW
        return bool((near & (turned < _NEW_YAW)).any())


class Building:
    """A world as a robot knows it: one light, floor that it can drive over, a part closed to it.

    file: the world; its floor is at 0. seed: of the light and of all ways. Raises WorldError.
    """

    def __init__(self, file: Path, seed: int) -> None:
        source = GazeboSource(file)
        self._rng = np.random.default_rng(seed)
        self.scene: WorldScene = source.build(self._rng)
        floor = _floor(source)
        self.grid = Grid.over(floor.min(0), floor.max(0))
        inside = widened(self.grid.mask(floor), source.space.cell)
        touched = self.grid.mask(surfaces(self.scene.instances, self.grid, self.scene.meshes))
        occupied = touched | ~inside
        along = int(np.argmax(self.grid.shape))  # the axis that the building is longer in
        size = self.grid.shape[along]
        at = np.indices(self.grid.shape)[along]
        closed = at >= (1 - _CLOSED) * size
        self.open = clearances(occupied | closed)
        everywhere = _connected(clearances(occupied))
        # What is reached without passing the closed part is open.
        self.driven = _connected(self.open)
        border = at >= (1 - _CLOSED) * size + _BORDER / CELL
        self.closed: Mask = everywhere & border

    def drive(self, seconds: float) -> Poses:
        """Return the poses, RATE a second, of a drive to one place of the open part after another.

        Raises WorldError for a world without a way that is long enough.
        """
        graph, reached = passages(self.open), np.flatnonzero(self.driven)
        here = int(self._rng.choice(reached))
        points, yaw = np.empty((0, 2)), np.empty(0)
        for goal in self._rng.permutation(reached).tolist():
            before = dijkstra(graph, indices=here, return_predecessors=True)[1]
            cells = np.stack(np.unravel_index(leading(before, here, goal), self.open.shape), 1)
            way = evenly(self.grid.centres(cells))
            at = np.floor(self.grid.positions(way)).astype(int)
            if len(way) * STEP < _SHORTEST or self.open[tuple(at.T)].min() < CLEARANCE - CELL:
                continue  # as in plan: a corner that is cut may touch
            points, yaw, here = np.r_[points, way], np.r_[yaw, headings(way)], goal
            poses = _turning(points, yaw)
            if len(poses) >= seconds * RATE:
                return poses[: round(seconds * RATE)]
        raise WorldError(f'a robot has nowhere to drive for {seconds:.0f} s in this world')

    def places(self, cells: Mask, count: int) -> list[Floats]:
        """Return ``count`` points [2], m, apart from each other, fewer where there is no room."""
        free = self.grid.centres(self._rng.permutation(np.argwhere(cells)))
        chosen: list[Floats] = []
        for point in free:
            if all(np.linalg.norm(point - other) >= _APART for other in chosen):
                chosen.append(point)
            if len(chosen) == count:
                break
        return chosen

    def looks(self, count: int) -> Floats:
        """Return ``count`` directions, rad, evenly around."""
        return self._rng.uniform(0, math.tau) + np.arange(count) * math.tau / count


def _floor(source: GazeboSource) -> Floats:
    """Return the middles [N, 2], m, of the cells that have the commonest floor in them."""
    level = int(np.bincount(source.stands[:, 2]).argmax()) - 1
    columns = np.argwhere(source.space.occupied[:, :, level])
    return source.space.position(np.c_[columns, np.full(len(columns), level)])[:, :2]


def _connected(clear: NDArray[np.float32]) -> Mask:
    """Return the cells that a robot gets to from the widest place."""
    costs = dijkstra(passages(clear), indices=int(np.argmax(clear)))
    return np.isfinite(costs).reshape(clear.shape) & (clear >= CLEARANCE)


def _turning(points: Floats, yaw: Floats) -> Poses:
    """Return the poses with stops to turn, where the next looks too far aside."""
    turns = (np.diff(yaw) + math.pi) % math.tau - math.pi
    stops = np.r_[np.maximum(1, np.ceil(np.abs(turns) / _TURN)).astype(int), 1]
    share = np.concatenate([np.arange(n) / n for n in stops])
    at = np.repeat(np.arange(len(yaw)), stops)
    return Poses(points[at], yaw[at] + share * np.r_[turns, 0.0][at])
