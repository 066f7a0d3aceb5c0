"""Procedural streets: curved and sloped roads between houses, fences and vegetation."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.builder import Builder, Frame
from s2r_depth_training.synthetic.looks import linear, random_from
from s2r_depth_training.synthetic.scene import Camera, Instance, Light, Mesh, Relief, Scene, Sky
from s2r_depth_training.synthetic.views import place_camera, sample_lens

from . import furniture, vegetation, vehicles

BEHIND, AHEAD = -40.0, 150.0  # the road's stretch around the origin, m
STEP = 2.0


class Road:
    """The middle line of a road: heading and slope change smoothly along it.

    half_width: of the carriageway, m; lanes: their number; sidewalk: width, m, 0 for none;
    kerb: height, m.
    """

    def __init__(self, r: Random) -> None:
        self.lanes = r.choice([1, 2, 2, 2, 3, 4])
        self.half_width = self.lanes * r.uniform(2.6, 3.5) / 2 + r.uniform(0, 1.2)
        self.sidewalk = r.choice(
            [0.0, r.uniform(1.2, 4.5), r.uniform(1.2, 4.5), r.uniform(1.2, 4.5)]
        )
        self.kerb = r.uniform(0.06, 0.18) if self.sidewalk else 0.0
        self.stations = np.arange(BEHIND, AHEAD + STEP, STEP)
        bend, hill = r.choice([0, 1, 1]), r.choice([0, 1, 1])
        heading = self._wave(r, bend * r.uniform(0.05, 0.5), 60.0) + math.pi / 2
        slope = self._wave(r, hill * r.uniform(0.01, 0.09), 70.0)
        zero = round(-BEHIND / STEP)
        self.heading = heading - heading[zero] + math.pi / 2
        self.line = np.stack(
            [
                self._integrate(np.cos(self.heading), zero),
                self._integrate(np.sin(self.heading), zero),
                self._integrate(slope, zero),
            ],
            1,
        )
        self.cross_slope = r.gauss(0, 0.06) * r.choice([0, 1])

    def _wave(self, r: Random, size: float, length: float) -> np.ndarray:
        t = 2 * np.pi * self.stations / length
        return size * (
            np.sin(t * r.uniform(0.3, 1) + r.uniform(0, 6))
            + 0.4 * np.sin(t * 1.7 + r.uniform(0, 6))
        )

    @staticmethod
    def _integrate(values: np.ndarray, zero: int) -> np.ndarray:
        total = np.cumsum(values) * STEP
        return total - total[zero]

    def at(self, along: float, across: float) -> tuple[float, float, float, float]:
        """World x, y, z and heading at `along` the line and `across` to its right, m.

        The land beside the road rises or falls with the cross slope.
        """
        k = min(max((along - BEHIND) / STEP, 0.0), len(self.stations) - 1.001)
        i, t = int(k), k - int(k)
        x, y, z = self.line[i] * (1 - t) + self.line[i + 1] * t
        heading = self.heading[i] * (1 - t) + self.heading[i + 1] * t
        beyond = abs(across) - self.half_width - self.sidewalk
        z += math.copysign(max(beyond, 0.0), across) * self.cross_slope
        if beyond < 0 < abs(across) - self.half_width:
            z += self.kerb
        x += across * math.sin(heading)
        y -= across * math.cos(heading)
        return x, y, z, heading

    def frame(self, b: Builder, along: float, across: float, turn: float = 0.0) -> Frame:
        """Open a frame on the ground, +y along the road (turned by `turn`)."""
        x, y, z, heading = self.at(along, across)
        return b.frame(x, y, z, heading - math.pi / 2 + turn)

    def ribbon(self, left: float, right: float, lift: float = 0.0) -> Mesh:
        """Make a strip of ground from `left` to `right` of the line; uv: metres across, along."""
        side = np.stack(
            [np.sin(self.heading), -np.cos(self.heading), np.zeros_like(self.heading)], 1
        )
        edges = []
        for across in (left, right):
            beyond = max(abs(across) - self.half_width - self.sidewalk, 0.0)
            rise = lift + math.copysign(beyond, across) * self.cross_slope
            edges.append(self.line + side * across + (0.0, 0.0, rise))
        n = len(self.stations)
        positions = np.stack(edges, 1).reshape(-1, 3)
        uvs = np.stack([np.tile([left, right], n), np.repeat(self.stations, 2)], 1)
        first = 2 * np.arange(n - 1)[:, None]
        triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([1, 3, 2])])
        up = np.cross(side, np.gradient(self.line, axis=0))
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        normals = np.repeat(up * np.sign(up[:, 2:]), 2, axis=0)
        as_float = np.float32
        return Mesh(
            positions.astype(as_float),
            normals.astype(as_float),
            triangles.astype(np.int32),
            uvs.astype(as_float),
        )


IDENTITY = (1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0)


class StreetSource:
    """Streets in towns, suburbs, parks and the country, drawn from a seed."""

    kind = 'street'
    nearest = 1.8

    def build(self, rng: np.random.Generator) -> Scene:
        """Build a street with its surroundings and daylight."""
        r = random_from(rng)
        b, road = Builder(r), Road(r)
        place = r.choices(['town', 'suburb', 'country', 'park', 'yard'], [3.5, 3, 2, 1.5, 1])[0]
        meshes: dict[str, Mesh] = {}
        _lay_ground(b, road, place, meshes)
        for side in (-1, 1):
            _line_side(b, road, place, side)
        _traffic(b, road)
        scene = Scene(
            b.instances,
            b.materials,
            [Light((1, 1, 1))],
            self.kind,
            b.roles,
            meshes,
            occlusion=r.uniform(0.4, 0.8),
            far=200.0,
            exposure=r.uniform(0.8, 1.3),
            geometry={'road': road, 'cars': b.obstacles},
        )
        set_daylight(r, scene)
        return scene

    def sample_camera(
        self, scene: Scene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera: on a car, carried on the sidewalk, or low on a robot; any heading."""
        r, road = random_from(rng), scene.geometry['road']
        way = r.choices(['car', 'walk', 'robot'], [5, 2, 2])[0]
        lens = sample_lens(r, width, height, (math.radians(38), math.radians(95)))
        for _ in range(8):
            along, across = r.uniform(-10, 45), _sample_across(r, road, way)
            x, y, ground, heading = road.at(along, across)
            if all(math.hypot(x - a, y - b) > 3.0 for a, b in scene.geometry['cars']):
                break
        z = {'car': r.uniform(1.2, 2.3), 'walk': r.uniform(1.3, 1.8), 'robot': r.uniform(0.2, 0.8)}
        pitch = r.gauss(-0.04, 0.06 if way == 'car' else 0.12)
        turn = r.choices(
            [
                r.gauss(0, 0.1),
                r.gauss(0, 0.6),
                r.choice([-1, 1]) * r.gauss(1.3, 0.3),
                math.pi + r.gauss(0, 0.2),
            ],
            [6, 2, 1.3, 0.7],
        )[0]
        # a car pitches with the hill it stands on
        rise = (road.at(along + 4, across)[2] - road.at(along - 4, across)[2]) / 8.0
        pitch += math.atan(rise) * math.cos(turn)
        roll = r.gauss(0, 0.03 if way == 'car' else 0.06)
        return place_camera((x, y, ground + z[way]), heading + turn, pitch, roll, lens)


def _sample_across(r: Random, road: Road, way: str) -> float:
    """Draw how far from the middle of the road a camera is, m to the right."""
    if way == 'car':
        return r.uniform(-0.7, 0.7) * road.half_width
    reach = road.half_width + max(road.sidewalk, 1.0)
    return r.choice([-1, 1]) * r.uniform(road.half_width * 0.5, reach)


def _lay_ground(b: Builder, road: Road, place: str, meshes: dict[str, Mesh]) -> None:
    """Lay carriageway, sidewalks, kerbs and the land on both sides."""
    r = b.random

    def lay(name: str, mesh: Mesh, material: int) -> None:
        meshes[name] = mesh
        b.instances.append(Instance(name, IDENTITY, material))

    asphalt = b.material('asphalt')
    lanes = float(road.lanes) if r.random() < 0.8 and place != 'park' else 0.0
    b.materials[asphalt] = replace(b.materials[asphalt], extra=(road.half_width, lanes))
    lay('carriageway', road.ribbon(-road.half_width, road.half_width), asphalt)
    inner, outer = road.half_width, road.half_width + road.sidewalk
    pavement, land = (
        b.material('pavement'),
        b.material('grass' if place in ('country', 'park', 'suburb') else 'pavement'),
    )
    for side, name in ((-1, 'left'), (1, 'right')):
        if road.sidewalk:
            lay(
                f'{name} sidewalk',
                road.ribbon(*sorted((side * inner, side * outer)), road.kerb),
                pavement,
            )
            _kerbs(b, road, side)
        lay(f'{name} land', road.ribbon(*sorted((side * outer, side * 90)), -0.03), land)


def _kerbs(b: Builder, road: Road, side: int) -> None:
    stone = b.material('stone')
    for along in np.arange(-20, 90, 4.0):
        x, y, z, _ = road.at(along - 2, side * road.half_width)
        u, v, w, _ = road.at(along + 2, side * road.half_width)
        lift = road.kerb / 2 - 0.05
        b.frame().rod((x, y, z + lift), (u, v, w + lift), 0.16, stone, 'box', road.kerb + 0.1)


SIDES = {
    'town': {'house': 8, 'trees': 1, 'wall': 1, 'gap': 0.7},
    'suburb': {'cottage': 5, 'trees': 3, 'hedge': 3, 'fence': 2, 'gap': 1},
    'country': {'trees': 4, 'thicket': 3, 'hedge': 1.5, 'fence': 1.5, 'gap': 3, 'cottage': 0.5},
    'park': {'trees': 4, 'thicket': 2, 'hedge': 2, 'gap': 2, 'fence': 1},
    'yard': {'shed': 4, 'containers': 2, 'fence': 2, 'wall': 2, 'gap': 1, 'trees': 0.7},
}


def _line_side(b: Builder, road: Road, place: str, side: int) -> None:
    """Line one side with houses or green, and put up what stands at the kerb."""
    r = b.random
    edge = road.half_width + road.sidewalk + r.choice([0.3, r.uniform(0.5, 6)])
    style = {'height': r.uniform(3.5, 18), 'leaf': b.material('leaf'), 'edge': edge}
    along = -25.0
    while along < 120.0:
        length = r.uniform(5, 18)
        kind = r.choices(list(SIDES[place]), list(SIDES[place].values()))[0]
        PIECES[kind](b, road, side, along, length, style)
        along += length + r.choice([0.0, 0.0, r.uniform(0, 4)])
    _street_furniture(b, road, place, side, style)
    if r.random() < 0.55:
        _parked_cars(b, road, side)


def _house(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    r, deep, tall = b.random, b.random.uniform(7, 13), style['height'] * b.random.uniform(0.7, 1.3)
    f = road.frame(b, along + length / 2, side * (style['edge'] + deep / 2))
    front = -side * deep / 2
    f.put('box', (deep, length, tall + 3), (0, 0, -3), 'facade')
    if r.random() < 0.4:
        f.put(
            'roof',
            (length * 1.04, deep * 1.1, r.uniform(2, 4.5)),
            (0, 0, tall),
            'rooftile',
            math.pi / 2,
        )
    else:
        f.put('box', (deep + 0.5, length + 0.1, 0.4), (0, 0, tall), 'stone')
    if r.random() < 0.5:
        f.put('box', (0.15, length * 0.85, 2.5), (front, 0, 0.1), 'shopfront')
        f.put('box', (0.25, length * 0.88, 0.6), (front, 0, 2.7), r.choice(['picture', 'any']))
        if r.random() < 0.5:
            f.put(
                'wedge',
                (length * 0.7, 1.2, 0.5),
                (front * 1.08, 0, 2.4),
                'cloth',
                side * math.pi / 2,
            )
    for _ in range(r.randint(0, 6)):
        y, z = r.uniform(-0.4, 0.4) * length, r.uniform(3, max(3.1, tall - 1.2))
        f.put(
            'box',
            (r.uniform(0.5, 1.2), r.uniform(1, 2.4), r.uniform(0.8, 1.1)),
            (front, y, z),
            r.choice(['metal', 'stone', 'facade']),
        )
    f.put(
        'box',
        (0.12, 1.1, 2.2),
        (front, r.uniform(-0.3, 0.3) * length, 0.05),
        r.choice(['wood', 'paint']),
    )


def _cottage(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    r, yard = b.random, b.random.uniform(2, 8)
    deep, wide, tall = r.uniform(6, 10), length * r.uniform(0.6, 0.9), r.uniform(2.8, 6)
    f = road.frame(
        b, along + length / 2, side * (style['edge'] + yard + deep / 2), r.gauss(0, 0.08)
    )
    f.put('box', (deep, wide, tall + 2), (0, 0, -2), 'facade')
    turn = r.choice([0, math.pi / 2])
    size = (wide * 1.1, deep * 1.15) if turn else (deep * 1.1, wide * 1.15)
    f.put('roof', (*size, r.uniform(1.8, 4)), (0, 0, tall), 'rooftile', turn)
    f.put('box', (0.7, 0.7, 1.8), (0.2 * deep, 0.2 * wide, tall + 1), 'stone')
    front = -side * deep / 2
    f.put(
        'box',
        (0.12, 1.0, 2.1),
        (front, r.uniform(-0.3, 0.3) * wide, 0),
        r.choice(['wood', 'paint']),
    )
    if r.random() < 0.4:
        f.put('box', (2.5, wide * 0.5, 0.12), (front * 1.3, 0, 2.5), 'wood')
        for y in (-0.24, 0.24):
            f.put('box', (0.12, 0.12, 2.5), (front * 1.5, y * wide, 0), 'wood')
    if r.random() < 0.5:
        vehicles.car(
            road.frame(b, along + length * 0.1, side * (style['edge'] + yard * 0.6), math.pi / 2)
        )
    _fringe(b, road, side, along, length, style)


def _fringe(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    """Close a garden toward the street: hedge, fence, low wall or nothing."""
    piece = b.random.choice([_hedge, _fence, _wall, None, None])
    if piece:
        piece(b, road, side, along, length * 0.8, style)
    for _ in range(b.random.randint(0, 3)):
        f = road.frame(
            b,
            along + b.random.uniform(0, length),
            side * (style['edge'] + b.random.uniform(0.5, 4)),
        )
        vegetation.bush(f, b.random.uniform(0.5, 1.6), style['leaf'])


def _trees(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    for _ in range(max(1, round(length / 5))):
        across = side * (style['edge'] + b.random.uniform(0.3, 12))
        f = road.frame(b, along + b.random.uniform(0, length), across)
        vegetation.tree(
            f, b.random.uniform(3, 13), style['leaf'] if b.random.random() < 0.7 else None
        )


def _thicket(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    """Grow a wall of leaves, from the ground to over the head."""
    for _ in range(round(length * 1.1)):
        depth = b.random.uniform(0, 5)
        f = road.frame(b, along + b.random.uniform(0, length), side * (style['edge'] + depth))
        size = b.random.uniform(0.8, 2.6) * (1 + 0.2 * depth)
        vegetation.leaf_blob(
            f, (0, 0, b.random.uniform(-0.3, 0.6) * (1 + depth)), size, style['leaf']
        )
    if b.random.random() < 0.5:
        _trees(b, road, side, along, length, style | {'edge': style['edge'] + 4})


def _hedge(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    tall, thick = b.random.uniform(0.7, 2.4), b.random.uniform(0.5, 1.2)
    for k in range(max(1, int(length / 2))):
        f = road.frame(b, along + 2 * k + 1, side * (style['edge'] + thick / 2))
        f.put(
            'cushion',
            (thick, 2.3, tall),
            (0, 0, -0.1),
            style['leaf'],
            0.0,
            Relief(0.12, 1, 0.35, 5.0),
        )


def _fence(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    r = b.random
    tall, post = r.uniform(0.8, 2.0), b.material(r.choice(['wood', 'metal', 'paint']))
    is_mesh, wire = r.random() < 0.4, Relief(0.0, 2, r.uniform(0.06, 0.12), r.uniform(5, 10))
    for k in range(max(1, int(length / 2))):
        f = road.frame(b, along + 2 * k + 1, side * (style['edge'] + 0.2))
        f.put('box', (0.09, 0.09, tall + 0.1), (0, -1, 0), post)
        if is_mesh:
            f.put('box', (0.02, 2, tall), (0, 0, 0.05), post, 0.0, wire)
            continue
        for z in (0.2, 0.8):
            f.put('box', (0.04, 2, 0.08), (0, 0, tall * z), post)
        for y in np.arange(-0.9, 1, 0.25):
            f.put('box', (0.025, 0.1, tall), (0.03, y, 0.05), post)


def _wall(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    tall, stone = (
        b.random.uniform(0.5, 3),
        b.material(b.random.choice(['stone', 'stone', 'wall', 'sheet'])),
    )
    for k in range(max(1, int(length / 4))):
        f = road.frame(b, along + 4 * k + 2, side * (style['edge'] + 0.3))
        f.put('box', (0.3, 4.15, tall + 0.5), (0, 0, -0.5), stone)


def _shed(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    r, deep, tall = b.random, b.random.uniform(8, 18), b.random.uniform(3.5, 9)
    f = road.frame(b, along + length / 2, side * (style['edge'] + 1 + deep / 2))
    f.put(
        'box', (deep, length, tall + 2), (0, 0, -2), r.choice(['sheet', 'sheet', 'stone', 'facade'])
    )
    if r.random() < 0.5:
        f.put('roof', (length * 1.02, deep * 1.04, tall * 0.3), (0, 0, tall), 'sheet', math.pi / 2)
    front = -side * deep / 2
    for k in range(int(length / 5)):
        y = -length / 2 + 5 * k + 2.5
        f.put(
            'box',
            (0.15, 3.4, min(3.6, tall - 0.4)),
            (front, y, 0),
            r.choice(['sheet', 'paint', 'shopfront']),
        )


def _containers(
    b: Builder, road: Road, side: int, along: float, length: float, style: dict
) -> None:
    r = b.random
    for k in range(r.randint(1, 3)):
        f = road.frame(
            b,
            along + r.uniform(0, length),
            side * (style['edge'] + 1.5 + 2.6 * k),
            r.choice([0, 0, 1.57]),
        )
        for level in range(r.randint(1, 2)):
            f.put('box', (2.4, 6.0, 2.6), (0, r.gauss(0, 0.1), 2.6 * level), 'sheet')
    furniture.pallet(road.frame(b, along + r.uniform(0, length), side * (style['edge'] + 0.8)))


def _gap(b: Builder, road: Road, side: int, along: float, length: float, style: dict) -> None:
    """Leave it open, with weeds and far trees or houses as a backdrop."""
    r = b.random
    f = road.frame(b, along + length / 2, side * (style['edge'] + 6))
    vegetation.grass_tufts(f, length / 2, r.randint(0, 25), style['leaf'])
    far = road.frame(b, along + length / 2, side * (style['edge'] + r.uniform(20, 60)))
    if r.random() < 0.4:
        far.put('box', (10, 14, r.uniform(5, 20)), (0, 0, -3), 'facade')
    else:
        vegetation.tree(far, r.uniform(6, 15), style['leaf'])


PIECES = {
    'house': _house,
    'cottage': _cottage,
    'trees': _trees,
    'thicket': _thicket,
    'hedge': _hedge,
    'fence': _fence,
    'wall': _wall,
    'shed': _shed,
    'containers': _containers,
    'gap': _gap,
}


def _street_furniture(b: Builder, road: Road, place: str, side: int, style: dict) -> None:
    r, kerb, metal = b.random, road.half_width + 0.45, b.material('metal')
    if r.random() < 0.7:
        tall, gap = r.uniform(5, 9), r.uniform(12, 30)
        for along in np.arange(-20 + r.uniform(0, gap), 110, gap):
            f = road.frame(b, along, side * kerb)
            f.put('cylinder', (0.15, 0.15, tall), (0, 0, -0.2), metal)
            f.rod((0, 0, tall - 0.3), (-side * 1.8, 0, tall), 0.08, metal)
            f.put('box', (0.7, 0.25, 0.12), (-side * 1.9, 0, tall - 0.05), metal)
    if place in ('town', 'suburb') and r.random() < 0.45:
        tall, gap = r.uniform(3.5, 9), r.uniform(6, 14)
        for along in np.arange(-20 + r.uniform(0, gap), 100, gap):
            if r.random() < 0.85:
                vegetation.tree(
                    road.frame(b, along, side * (kerb + 0.6)),
                    tall * r.uniform(0.8, 1.2),
                    style['leaf'],
                )
    for _ in range(r.randint(0, 6)):
        f = road.frame(b, r.uniform(0, 60), side * (kerb + r.uniform(0, 0.4)), r.gauss(0, 0.1))
        tall = r.uniform(2, 3)
        f.put('cylinder', (0.07, 0.07, tall), (0, 0, 0), metal)
        f.put(
            r.choice(['box', 'cushion']),
            (0.6, 0.03, 0.6),
            (0, -0.05, tall - 0.5),
            r.choice(['picture', 'plastic']),
        )
    walk = max(road.sidewalk, 1.0)
    for item, count in (
        (furniture.person, 4),
        (furniture.bin_can, 2),
        (vehicles.bicycle, 2),
        (furniture.crates, 1),
    ):
        for _ in range(r.randint(0, count)):
            across = side * (road.half_width + r.uniform(0.35, walk))
            item(road.frame(b, r.uniform(0, 55), across, r.uniform(0, 6.28)))
    if r.random() < 0.25:
        for along in np.arange(-5, 60, 1.8):
            road.frame(b, along, side * (kerb - 0.2)).put(
                'cylinder', (0.12, 0.12, 0.9), (0, 0, 0), metal
            )


def _parked_cars(b: Builder, road: Road, side: int) -> None:
    r = b.random
    along, gap = -20 + r.uniform(0, 6), r.uniform(0.5, 9)
    while along < 85:
        if r.random() < 0.8:
            turn = (0 if side > 0 else math.pi) + r.gauss(0, 0.03)
            vehicles.car(road.frame(b, along, side * (road.half_width - 1.0), turn))
        along += 5.6 + gap * r.random()


def _traffic(b: Builder, road: Road) -> None:
    r = b.random
    for _ in range(r.randint(0, 4)):
        across = r.uniform(-0.6, 0.6) * road.half_width
        turn = (0 if across > 0 else math.pi) + r.gauss(0, 0.04)
        vehicles.car(road.frame(b, r.uniform(14, 90), across, turn))
    if r.random() < 0.2:
        for k in range(r.randint(1, 3)):
            a, c = road.at(-30, k - 1.0), road.at(120, k - 1.0)
            b.frame().rod((a[0], a[1], a[2] + 7), (c[0], c[1], c[2] + 7.5), 0.03, 'dark')


def set_daylight(r: Random, scene: Scene) -> None:
    """Set sun, sky, fog: clear, hazy or overcast, from early to late."""
    up, around, overcast = math.radians(r.uniform(10, 75)), r.uniform(0, 6.28), r.random() < 0.4
    flat = math.cos(up)
    direction = (-math.cos(around) * flat, -math.sin(around) * flat, -math.sin(up))
    low = max(0.0, 1 - up / 0.6)
    strength = r.uniform(0.0, 0.5) if overcast else r.uniform(1.5, 3.5)
    sun = (strength, strength * (0.95 - 0.25 * low), strength * (0.88 - 0.45 * low))
    blue = linear(r.uniform(0.35, 0.65), r.uniform(0.6, 0.8), r.uniform(0.85, 1.0))
    zenith = linear(*(r.uniform(0.75, 0.95),) * 3) if overcast else blue
    pale = linear(r.uniform(0.8, 0.95), r.uniform(0.85, 0.95), r.uniform(0.85, 1.0))
    level = r.uniform(0.5, 0.9)
    scene.lights = [Light(sun, direction, softness=r.uniform(0.0005, 0.0015))]
    scene.sky = Sky(
        zenith,
        pale,
        cloud=(r.uniform(0.8, 1.1),) * 3,
        cover=1.0 if overcast else r.random(),
        seed=r.uniform(0, 90),
    )
    scene.ambient_up = tuple(level * (0.5 * z + 0.5 * p) for z, p in zip(zenith, pale))
    scene.ambient_down = tuple(level * 0.35 * c for c in (1.0, 0.95, 0.85))
    scene.fog_colour = tuple(0.9 * p for p in pale)
    scene.fog_density = 0.0 if r.random() < 0.4 else 10 ** r.uniform(-3.3, -2.0)
