"""A Gazebo world as a source: its own meshes, cameras in its free space, varied light."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

import numpy as np

from s2r_depth_training.synthetic.free_space import map_free_space
from s2r_depth_training.synthetic.gazebo_world import WorldError, read_world
from s2r_depth_training.synthetic.looks import linear, random_from
from s2r_depth_training.synthetic.scene import Camera, Instance, Light, Scene, Sky
from s2r_depth_training.synthetic.street import set_daylight
from s2r_depth_training.synthetic.views import place_camera, sample_lens

MARGIN = 2.0  # m around the instances' origins that still belongs to the world
REACH = 9.0  # m, cameras of one scene stay together so that its lights serve them


class GazeboSource:
    """One world. Every scene is a place in it with a light of its own.

    path: a .world or .sdf file, or a JSON list of models. Raises WorldError.
    """

    kind = 'gazebo'
    nearest = 0.4

    def __init__(self, path: str | Path) -> None:
        self.world = read_world(path)
        self.name = Path(path).stem
        low, high = self._bounds()
        if self.world.ceiling is not None:
            self._add_ceiling(low, high, self.world.ceiling)
            high[2] = max(high[2], self.world.ceiling + 0.5)
        self.space = map_free_space(self.world.instances, self.world.meshes, low, high)
        self.stands = self.space.stands()
        if not len(self.stands):
            raise WorldError(f'{path}: no floor with room for a camera was found')
        roofed = [self.space.is_roofed(self.space.position(c)) for c in self.stands[::17]]
        self.is_indoor = float(np.mean(roofed)) > 0.5

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Box of the instances' places, wider where small meshes reach beyond, m."""
        places = np.array([[i.matrix[3], i.matrix[7], i.matrix[11]] for i in self.world.instances])
        low, high = places.min(0) - MARGIN, places.max(0) + MARGIN
        if (high - low)[:2].max() < 30.0:  # a building modelled as one mesh has one origin
            low, high = self._reach(low, high)
        low[2], high[2] = low[2] + MARGIN - 0.5, high[2] + 3.0
        return low, high

    def _reach(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        for instance in self.world.instances:
            mesh = self.world.meshes.get(instance.mesh)
            if mesh is None:
                continue
            matrix = np.array(instance.matrix).reshape(3, 4)
            points = mesh.positions @ matrix[:, :3].T + matrix[:, 3]
            if np.ptp(points, axis=0)[:2].max() < 80.0:
                low, high = np.minimum(low, points.min(0)), np.maximum(high, points.max(0))
        return low, high

    def _add_ceiling(self, low: np.ndarray, high: np.ndarray, z: float) -> None:
        size, middle = high - low, (low + high) / 2
        matrix = (size[0], 0, 0, middle[0], 0, size[1], 0, middle[1], 0, 0, 0.1, z + 0.05)
        material = self.world.add_material((0.75, 0.75, 0.73), False)
        self.world.roles[material] = 'ceiling'
        self.world.instances.append(Instance('box', matrix, material))

    def build(self, rng: np.random.Generator) -> Scene:
        """Choose a place in the world and light it."""
        centre = self.space.position(self.stands[rng.integers(len(self.stands))])
        scene = Scene(
            self.world.instances, list(self.world.materials), [], self.kind,
            list(self.world.roles), self.world.meshes, far=60.0 if self.is_indoor else 200.0,
            occlusion=float(rng.uniform(0.3, 0.6)), exposure=float(rng.uniform(0.75, 1.3)),
            geometry={'centre': centre},
        )  # fmt: skip
        if self.is_indoor:
            _hang_lamps(random_from(rng), scene)
        else:
            set_daylight(random_from(rng), scene)
        return scene

    def sample_camera(
        self, scene: Scene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera over a floor near the scene's centre, clear of every surface."""
        r = random_from(rng)
        lens = sample_lens(r, width, height, (math.radians(45), math.radians(95)))
        centre = scene.geometry['centre']
        places = self.space.position(self.stands)
        near = self.stands[np.linalg.norm(places - centre, axis=1) < REACH]
        for _ in range(20):
            point = self.space.position(near[r.randrange(len(near))])
            point[2] += r.choice([r.uniform(0.0, 0.5), r.uniform(0.8, 1.7), r.uniform(0.8, 1.7)])
            if self.space.is_clear(point):
                break
        pitch, roll = r.gauss(-0.08, 0.18), r.gauss(0, 0.05)
        return place_camera(tuple(point), r.uniform(-math.pi, math.pi), pitch, roll, lens)


def _hang_lamps(r: Random, scene: Scene) -> None:
    """Light the surroundings of the scene's centre with lamps under the ceiling."""
    level, centre = r.uniform(0.15, 0.5), scene.geometry['centre']
    for _ in range(r.randint(2, 6)):
        angle, away = r.uniform(0, 6.28), r.uniform(0.3, REACH)
        x, y, z = away * math.cos(angle), away * math.sin(angle), r.uniform(1.6, 2.3)
        power, tint = r.uniform(1, 5), r.choice([(1, 1, 1), (1, 0.88, 0.7), (0.9, 0.95, 1)])
        at = (centre[0] + x, centre[1] + y, centre[2] + z)
        scene.lights.append(Light(tuple(power * c for c in tint), (0.1, 0.05, -1.0), at))
    scene.ambient_up, scene.ambient_down = (level,) * 3, (level * 0.7,) * 3
    scene.sky = Sky(linear(0.6, 0.75, 0.95), linear(0.9, 0.93, 0.95))
