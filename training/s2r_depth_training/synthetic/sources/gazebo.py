"""A Gazebo world as a source: its own meshes, cameras in its free space, varied light."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.free_space import FreeSpace, map_free_space
from s2r_depth_training.synthetic.geometry.scene import (
    Colour,
    Instance,
    Light,
    Scene,
    Sky,
    colour_of,
)
from s2r_depth_training.synthetic.looks.daylight import set_daylight
from s2r_depth_training.synthetic.looks.palette import linear
from s2r_depth_training.synthetic.randomness import random_from
from s2r_depth_training.synthetic.sources.gazebo_world import World, WorldError, read_world
from s2r_depth_training.synthetic.sources.lens import aim_camera, sample_lens
from s2r_depth_training.synthetic.sources.poses import USUAL, PoseSpread

MARGIN = 2.0  # m around the instances' origins that still belongs to the world
REACH = 9.0  # m, cameras of one scene stay together so that its lights serve them
_LOW_LAMP = 0.8  # m, over a floor with air above it
_TRIES_OF_LAMP = 8
_TINTS: tuple[Colour, ...] = ((1, 1, 1), (1, 0.88, 0.7), (0.9, 0.95, 1))


@dataclass
class WorldScene(Scene):
    """A part of a world. centre: [3], m, where its cameras are."""

    centre: NDArray[np.float64] = field(kw_only=True)


class GazeboSource:
    """One world. Every scene is a part of it with a light of its own.

    path: a .world or .sdf file, or a JSON list of models. Raises WorldError.
    """

    nearest = 0.4

    def __init__(self, path: str | Path, poses: PoseSpread = USUAL) -> None:
        self._poses = poses
        self.world = read_world(path)
        low, high = _bounds(self.world)
        if self.world.ceiling is not None:
            _add_ceiling(self.world, low, high, self.world.ceiling)
            high[2] = max(high[2], self.world.ceiling + 0.5)
        self.space = map_free_space(self.world.instances, self.world.meshes, low, high)
        self.stands = self.space.stands()
        if not len(self.stands):
            raise WorldError(f'{path}: no floor with room for a camera was found')
        roofed = [self.space.is_roofed(self.space.position(c)) for c in self.stands[::17]]
        self.is_indoor = float(np.mean(roofed)) > 0.5

    def build(self, rng: np.random.Generator) -> WorldScene:
        """Choose a part of the world and light it."""
        centre = self.space.position(self.stands[rng.integers(len(self.stands))])
        scene = WorldScene(
            self.world.instances,
            list(self.world.materials),
            [],
            list(self.world.roles),
            self.world.meshes,
            far=60.0 if self.is_indoor else 200.0,
            occlusion=float(rng.uniform(0.3, 0.6)),
            exposure=float(rng.uniform(0.75, 1.3)),
            centre=centre,
        )
        if self.is_indoor:
            _hang_lamps(random_from(rng), scene, self.space)
        else:
            set_daylight(random_from(rng), scene)
        return scene

    def sample_camera(
        self, scene: WorldScene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera over a floor near the scene's centre, clear of every surface."""
        r, poses = random_from(rng), self._poses
        lens = sample_lens(r, width, height, (math.radians(45), math.radians(95)))
        positions = self.space.position(self.stands)
        near = self.stands[np.linalg.norm(positions - scene.centre, axis=1) < REACH]
        for _ in range(20):
            point = self.space.position(near[r.randrange(len(near))])
            low, eye = poses.span(0.0, 0.5), poses.span(0.8, 1.7)
            point[2] += r.choice([r.uniform(*low), r.uniform(*eye), r.uniform(*eye)])
            if self.space.is_clear(point):
                break
        pitch, roll = r.gauss(-0.08, 0.18 * poses.pitch), r.gauss(0, 0.05 * poses.roll)
        x, y, z = point
        return aim_camera((x, y, z), r.uniform(-math.pi, math.pi), pitch, roll, lens)


def _spot_of_lamp(r: Random, centre: NDArray[np.float64], space: FreeSpace) -> list[float]:
    """Draw where a lamp hangs, m: clear of every surface if a few tries find such a spot.

    From within a fine mesh each of its triangles covers the whole shadow map: minutes on a CPU.
    """
    for _ in range(_TRIES_OF_LAMP):
        angle, away = r.uniform(0, 6.28), r.uniform(0.3, REACH)
        x, y, z = away * math.cos(angle), away * math.sin(angle), r.uniform(1.6, 2.3)
        spot = np.add(centre, (x, y, z))
        if space.is_clear(spot):
            break
    else:
        spot = np.add(centre, (0, 0, _LOW_LAMP))
    return [float(value) for value in spot]


_Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


def _bounds(world: World) -> _Bounds:
    """Return the corners of a box around the instances, wider where small meshes reach beyond."""
    origins = np.array([[i.matrix[3], i.matrix[7], i.matrix[11]] for i in world.instances])
    low, high = origins.min(0) - MARGIN, origins.max(0) + MARGIN
    if (high - low)[:2].max() < 30.0:  # a building modelled as one mesh has one origin
        low, high = _around_meshes(world, low, high)
    low[2], high[2] = low[2] + MARGIN - 0.5, high[2] + 3.0
    return low, high


def _around_meshes(world: World, low: NDArray[np.float64], high: NDArray[np.float64]) -> _Bounds:
    """Widen a box to hold all meshes but the largest, such as a ground."""
    for instance in world.instances:
        mesh = world.meshes.get(instance.mesh)
        if mesh is None:
            continue
        points = instance.in_world(mesh.positions)
        if np.ptp(points, axis=0)[:2].max() < 80.0:
            low, high = np.minimum(low, points.min(0)), np.maximum(high, points.max(0))
    return low, high


def _add_ceiling(
    world: World, low: NDArray[np.float64], high: NDArray[np.float64], z: float
) -> None:
    size, middle = high - low, (low + high) / 2
    matrix = (size[0], 0, 0, middle[0], 0, size[1], 0, middle[1], 0, 0, 0.1, z + 0.05)
    material = world.add_material((0.75, 0.75, 0.73), is_textured=False)
    world.roles[material] = 'ceiling'
    world.instances.append(Instance('box', matrix, material))


def _hang_lamps(r: Random, scene: WorldScene, space: FreeSpace) -> None:
    """Light the surroundings of the scene's centre with lamps under the ceiling."""
    level = r.uniform(0.15, 0.5)
    for _ in range(r.randint(2, 6)):
        x, y, z = _spot_of_lamp(r, scene.centre, space)
        power, tint = r.uniform(1, 5), r.choice(_TINTS)
        scene.lights.append(Light(colour_of(power * c for c in tint), (0.1, 0.05, -1.0), (x, y, z)))
    low = level * 0.7
    scene.ambient_up, scene.ambient_down = (level, level, level), (low, low, low)
    scene.sky = Sky(linear(0.6, 0.75, 0.95), linear(0.9, 0.93, 0.95))
