"""Procedural streets: curved and sloped roads between houses, fences and vegetation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import Instance, Light, Mesh, Scene
from s2r_depth_training.synthetic.looks.daylight import set_daylight
from s2r_depth_training.synthetic.randomness import random_from
from s2r_depth_training.synthetic.sources import vehicles
from s2r_depth_training.synthetic.sources.builder import Builder
from s2r_depth_training.synthetic.sources.lens import aim_camera, sample_lens
from s2r_depth_training.synthetic.sources.poses import USUAL, PoseSpread
from s2r_depth_training.synthetic.sources.road import Road
from s2r_depth_training.synthetic.sources.roadside import line_side

_IDENTITY = (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0)
_GREEN_DISTRICTS = ('country', 'park', 'suburb')


@dataclass
class StreetScene(Scene):
    """A street. cars: where they stand, x and y, m."""

    road: Road = field(kw_only=True)
    cars: list[tuple[float, float]] = field(kw_only=True)


class StreetSource:
    """Streets in towns, suburbs, parks and the country, drawn from a seed."""

    nearest = 1.8

    def __init__(self, poses: PoseSpread = USUAL) -> None:
        self._poses = poses

    def build(self, rng: np.random.Generator) -> StreetScene:
        """Build a street with its surroundings and daylight."""
        r = random_from(rng)
        b, road = Builder(r), Road(r)
        district = r.choices(['town', 'suburb', 'country', 'park', 'yard'], [3.5, 3, 2, 1.5, 1])[0]
        meshes = _lay_ground(b, road, district)
        for side in (-1, 1):
            line_side(b, road, district, side)
        _traffic(b, road)
        scene = StreetScene(
            b.instances,
            b.materials,
            [Light((1, 1, 1))],
            b.roles,
            meshes,
            occlusion=r.uniform(0.4, 0.8),
            far=200.0,
            exposure=r.uniform(0.8, 1.3),
            road=road,
            cars=b.cars,
        )
        set_daylight(r, scene)
        return scene

    def sample_camera(
        self, scene: StreetScene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera: on a car, carried on the sidewalk, or low on a robot; any heading."""
        r, road, poses = random_from(rng), scene.road, self._poses
        way = r.choices(['car', 'walk', 'robot'], [5, 2, 2])[0]
        lens = sample_lens(r, width, height, (math.radians(38), math.radians(95)))
        for _ in range(8):
            along, across = r.uniform(-10, 45), _sample_across(r, road, way)
            x, y, ground, heading = road.at(along, across)
            if all(math.hypot(x - a, y - b) > 3.0 for a, b in scene.cars):
                break
        spans = {'car': (1.2, 2.3), 'walk': (1.3, 1.8), 'robot': (0.2, 0.8)}
        z = {name: r.uniform(*poses.span(*span)) for name, span in spans.items()}
        pitch = r.gauss(-0.04, (0.06 if way == 'car' else 0.12) * poses.pitch)
        turn = _sample_turn(r)
        # a car pitches with the hill it stands on
        rise = (road.at(along + 4, across)[2] - road.at(along - 4, across)[2]) / 8.0
        pitch += math.atan(rise) * math.cos(turn)
        roll = r.gauss(0, (0.03 if way == 'car' else 0.06) * poses.roll)
        return aim_camera((x, y, ground + z[way]), heading + turn, pitch, roll, lens)


def _sample_across(r: Random, road: Road, way: str) -> float:
    """Draw how far from the middle of the road a camera is, m to the right."""
    if way == 'car':
        return r.uniform(-0.7, 0.7) * road.half_width
    reach = road.half_width + max(road.sidewalk, 1.0)
    return r.choice([-1, 1]) * r.uniform(road.half_width * 0.5, reach)


def _sample_turn(r: Random) -> float:
    """Draw the angle to the road, rad: mostly along it, sometimes to a side or backward."""
    along, askew = r.gauss(0, 0.1), r.gauss(0, 0.6)
    aside, back = r.choice([-1, 1]) * r.gauss(1.3, 0.3), math.pi + r.gauss(0, 0.2)
    return r.choices([along, askew, aside, back], [6, 2, 1.3, 0.7])[0]


def _lay_ground(b: Builder, road: Road, district: str) -> dict[str, Mesh]:
    """Lay carriageway, sidewalks, kerbs and the land on both sides; return their meshes."""
    r = b.random
    meshes: dict[str, Mesh] = {}

    def lay(name: str, mesh: Mesh, material: int) -> None:
        meshes[name] = mesh
        b.instances.append(Instance(name, _IDENTITY, material))

    asphalt = b.material('asphalt')
    lanes = float(road.lanes) if r.random() < 0.8 and district != 'park' else 0.0
    b.materials[asphalt] = replace(b.materials[asphalt], extra=(road.half_width, lanes))
    lay('carriageway', road.ribbon(-road.half_width, road.half_width), asphalt)
    inner, outer = road.half_width, road.half_width + road.sidewalk
    pavement = b.material('pavement')
    land = b.material('grass' if district in _GREEN_DISTRICTS else 'pavement')
    for side, name in ((-1, 'left'), (1, 'right')):
        if road.sidewalk:
            left, right = sorted((side * inner, side * outer))
            lay(f'{name} sidewalk', road.ribbon(left, right, road.kerb), pavement)
            _lay_kerb(b, road, side)
        left, right = sorted((side * outer, side * 90))
        lay(f'{name} land', road.ribbon(left, right, -0.03), land)
    return meshes


def _lay_kerb(b: Builder, road: Road, side: int) -> None:
    stone, f = b.material('stone'), b.frame()
    for along in np.arange(-20, 90, 4.0).tolist():
        x, y, z, _ = road.at(along - 2, side * road.half_width)
        u, v, w, _ = road.at(along + 2, side * road.half_width)
        lift = road.kerb / 2 - 0.05
        f.board((x, y, z + lift), (u, v, w + lift), 0.16, road.kerb + 0.1, stone)


def _traffic(b: Builder, road: Road) -> None:
    """Put cars on the road, and sometimes wires over it."""
    r = b.random
    for _ in range(r.randint(0, 4)):
        across = r.uniform(-0.6, 0.6) * road.half_width
        turn = (0 if across > 0 else math.pi) + r.gauss(0, 0.04)
        vehicles.car(road.frame(b, r.uniform(14, 90), across, turn))
    if r.random() < 0.2:
        for k in range(r.randint(1, 3)):
            start, end = road.at(-30, k - 1.0), road.at(120, k - 1.0)
            low, high = (start[0], start[1], start[2] + 7), (end[0], end[1], end[2] + 7.5)
            b.frame().rod(low, high, 0.03, 'dark')
