"""Rooms that no training has seen, a way through each, and somebody who stands in it at first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.sources.builder import Builder
from s2r_depth_training.synthetic.sources.furniture import crates, person
from s2r_depth_training.synthetic.sources.indoor import IndoorSource, RoomScene
from simulated_drive.grid import Grid, Mask
from simulated_drive.paths import STEP, headings, plan
from simulated_drive.truth import obstacles, surfaces

FIRST_SEED = 7_000_000
"""Rooms from here on are held out: models are trained on seeds from 0 and from 1,000,000."""
SHORTEST = 3.0  # m; rooms with no longer way are left out
AWAY = 1.6  # m along the way to what is moved away
_AROUND = 4.2  # m of the grid around the way; the costmap sees no farther
_STANDING = (person, crates)  # by turns


@dataclass(frozen=True)
class Room:
    """A room to drive through.

    scene, blocked: without and with what stands in the way at first. obstacles,
    blocked_obstacles: their cells with an obstacle. way: points [N, 2], m, STEP apart. yaw: where
    the robot looks at each, rad.
    """

    seed: int
    scene: RoomScene
    blocked: RoomScene
    grid: Grid
    obstacles: Mask
    blocked_obstacles: Mask
    way: NDArray[np.float64]
    yaw: NDArray[np.float64]

    @property
    def moved(self) -> Mask:
        """The cells of what is moved away."""
        return self.blocked_obstacles & ~self.obstacles


def rooms(count: int, first: int = FIRST_SEED) -> Iterator[Room]:
    """Yield the first ``count`` rooms, by seed, that have a way long enough."""
    seed = first
    while count:
        room = make_room(seed)
        if room is not None:
            count -= 1
            yield room
        seed += 1


def make_room(seed: int) -> Room | None:
    """Return the room of a seed, None if a robot cannot drive SHORTEST metres through it."""
    scene = IndoorSource().build(np.random.default_rng(seed))
    half = np.array([scene.shape.width, scene.shape.depth]) / 2
    whole = Grid.over(-half, half)
    way = plan(whole.mask(surfaces(scene.instances, whole)), whole)
    if way is None or len(way) < round(SHORTEST / STEP):
        return None
    yaw = headings(way)
    at = way[round(AWAY / STEP)]
    yaw[0] = math.atan2(*(at - way[0])[::-1])
    blocked = _with_somebody(scene, seed, at)
    grid = Grid.over(way.min(0) - _AROUND, way.max(0) + _AROUND)
    there = obstacles(surfaces(scene.instances, grid), grid)
    added = obstacles(surfaces(blocked.instances[len(scene.instances) :], grid), grid)
    return Room(seed, scene, blocked, grid, there, there | added, way, yaw)


def _with_somebody(scene: RoomScene, seed: int, at: NDArray[np.float64]) -> RoomScene:
    """Return the scene with somebody, or a stack of boxes, at a point [2], m."""
    builder = Builder(Random(seed))
    _STANDING[seed % len(_STANDING)](
        builder.frame(float(at[0]), float(at[1]), 0.0, builder.random.uniform(0, math.tau))
    )
    first = len(scene.materials)
    added = [item._replace(material=item.material + first) for item in builder.instances]
    return replace(
        scene,
        instances=scene.instances + added,
        materials=scene.materials + builder.materials,
        roles=scene.roles + builder.roles,
    )
