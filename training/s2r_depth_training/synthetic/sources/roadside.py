"""What lines a street: houses, gardens, walls, trees, and what stands at the kerb."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.geometry.scene import HOLE_KINDS, Relief
from s2r_depth_training.synthetic.sources import furniture, vegetation, vehicles
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame, Shape
from s2r_depth_training.synthetic.sources.road import Road


@dataclass(frozen=True)
class Plot:
    """A piece of land beside the road.

    side: -1 for the left, 1 for the right. edge: m from the middle of the road to the plot.
    along, length: m, where it begins along the road and how far it goes. house_height: m, of
    a typical house. leaf: material of what grows.
    """

    builder: Builder
    road: Road
    side: int
    edge: float
    along: float
    length: float
    house_height: float
    leaf: int

    @property
    def random(self) -> Random:
        """What draws everything."""
        return self.builder.random

    @property
    def middle(self) -> float:
        """Middle of the plot along the road, m."""
        return self.along + self.length / 2

    def frame(self, along: float, out: float, turn: float = 0.0) -> LocalFrame:
        """Open a frame on the ground, ``out`` metres from the middle of the road."""
        return self.road.frame(self.builder, along, self.side * out, turn)

    def anywhere(self) -> float:
        """Draw where along the road something stands, m."""
        return self.along + self.random.uniform(0, self.length)


# ---- buildings


def _house(plot: Plot) -> None:
    r, depth = plot.random, plot.random.uniform(7, 13)
    height, length = plot.house_height * r.uniform(0.7, 1.3), plot.length
    f = plot.frame(plot.middle, plot.edge + depth / 2)
    front = -plot.side * depth / 2
    f.box((depth, length, height + 3), (0, 0, -3), 'facade')
    if r.random() < 0.4:
        roof = (length * 1.04, depth * 1.1, r.uniform(2, 4.5))
        f.roof(roof, (0, 0, height), 'rooftile', math.pi / 2)
    else:
        cornice = (depth + 0.5, length + 0.1, 0.4)
        f.box(cornice, (0, 0, height), 'stone')
    if r.random() < 0.5:
        _shop(f, plot, front)
    for _ in range(r.randint(0, 6)):
        y, z = r.uniform(-0.4, 0.4) * length, r.uniform(3, max(3.1, height - 1.2))
        balcony = (r.uniform(0.5, 1.2), r.uniform(1, 2.4), r.uniform(0.8, 1.1))
        f.box(balcony, (front, y, z), r.choice(['metal', 'stone', 'facade']))
    door, at = (0.12, 1.1, 2.2), (front, r.uniform(-0.3, 0.3) * length, 0.05)
    f.box(door, at, r.choice(['wood', 'paint']))


def _shop(f: LocalFrame, plot: Plot, front: float) -> None:
    """Put a shop with a sign, sometimes with an awning, into the ground floor of a house."""
    r, length = plot.random, plot.length
    window, sign = (0.15, length * 0.85, 2.5), (0.25, length * 0.88, 0.6)
    f.box(window, (front, 0, 0.1), 'shopfront')
    f.box(sign, (front, 0, 2.7), r.choice(['picture', 'any']))
    if r.random() < 0.5:
        awning = (length * 0.7, 1.2, 0.5)
        f.wedge(awning, (front * 1.08, 0, 2.4), 'cloth', plot.side * math.pi / 2)


def _cottage(plot: Plot) -> None:
    r, yard = plot.random, plot.random.uniform(2, 8)
    depth, width, height = r.uniform(6, 10), plot.length * r.uniform(0.6, 0.9), r.uniform(2.8, 6)
    f = plot.frame(plot.middle, plot.edge + yard + depth / 2, r.gauss(0, 0.08))
    f.box((depth, width, height + 2), (0, 0, -2), 'facade')
    turn = r.choice([0, math.pi / 2])
    eaves = (width * 1.1, depth * 1.15) if turn else (depth * 1.1, width * 1.15)
    f.roof((*eaves, r.uniform(1.8, 4)), (0, 0, height), 'rooftile', turn)
    chimney = (0.7, 0.7, 1.8)
    f.box(chimney, (0.2 * depth, 0.2 * width, height + 1), 'stone')
    front = -plot.side * depth / 2
    door, at = (0.12, 1.0, 2.1), (front, r.uniform(-0.3, 0.3) * width, 0)
    f.box(door, at, r.choice(['wood', 'paint']))
    if r.random() < 0.4:
        porch, post = (2.5, width * 0.5, 0.12), (0.12, 0.12, 2.5)
        f.box(porch, (front * 1.3, 0, 2.5), 'wood')
        for y in (-0.24, 0.24):
            f.box(post, (front * 1.5, y * width, 0), 'wood')
    if r.random() < 0.5:
        drive = plot.frame(plot.along + plot.length * 0.1, plot.edge + yard * 0.6, math.pi / 2)
        vehicles.car(drive)
    _garden_edge(plot)


def _garden_edge(plot: Plot) -> None:
    """Close a garden toward the street: hedge, fence, low wall or nothing, and some bushes."""
    r = plot.random
    piece = r.choice([_hedge, _fence, _wall, None, None])
    if piece:
        piece(replace(plot, length=plot.length * 0.8))
    for _ in range(r.randint(0, 3)):
        f = plot.frame(plot.anywhere(), plot.edge + r.uniform(0.5, 4))
        vegetation.bush(f, r.uniform(0.5, 1.6), plot.leaf)


def _shed(plot: Plot) -> None:
    r, depth, height = plot.random, plot.random.uniform(8, 18), plot.random.uniform(3.5, 9)
    length = plot.length
    f = plot.frame(plot.middle, plot.edge + 1 + depth / 2)
    wall = r.choice(['sheet', 'sheet', 'stone', 'facade'])
    f.box((depth, length, height + 2), (0, 0, -2), wall)
    if r.random() < 0.5:
        roof = (length * 1.02, depth * 1.04, height * 0.3)
        f.roof(roof, (0, 0, height), 'sheet', math.pi / 2)
    front, gate = -plot.side * depth / 2, (0.15, 3.4, min(3.6, height - 0.4))
    for k in range(int(length / 5)):
        at = (front, -length / 2 + 5 * k + 2.5, 0)
        f.box(gate, at, r.choice(['sheet', 'paint', 'shopfront']))


def _containers(plot: Plot) -> None:
    r, container = plot.random, (2.4, 6.0, 2.6)
    for k in range(r.randint(1, 3)):
        along = plot.anywhere()
        f = plot.frame(along, plot.edge + 1.5 + 2.6 * k, r.choice([0, 0, 1.57]))
        for level in range(r.randint(1, 2)):
            f.box(container, (0, r.gauss(0, 0.1), 2.6 * level), 'sheet')
    furniture.pallet(plot.frame(plot.anywhere(), plot.edge + 0.8))


# ---- green


def _trees(plot: Plot) -> None:
    r = plot.random
    for _ in range(max(1, round(plot.length / 5))):
        out = plot.edge + r.uniform(0.3, 12)
        f = plot.frame(plot.anywhere(), out)
        vegetation.tree(f, r.uniform(3, 13), plot.leaf if r.random() < 0.7 else None)


def _thicket(plot: Plot) -> None:
    """Grow a wall of leaves, from the ground to over the head."""
    r = plot.random
    for _ in range(round(plot.length * 1.1)):
        depth = r.uniform(0, 5)
        f = plot.frame(plot.anywhere(), plot.edge + depth)
        size = r.uniform(0.8, 2.6) * (1 + 0.2 * depth)
        at = (0, 0, r.uniform(-0.3, 0.6) * (1 + depth))
        vegetation.leaf_blob(f, at, size, plot.leaf)
    if r.random() < 0.5:
        _trees(replace(plot, edge=plot.edge + 4))


def _hedge(plot: Plot) -> None:
    height, width = plot.random.uniform(0.7, 2.4), plot.random.uniform(0.5, 1.2)
    for k in range(max(1, int(plot.length / 2))):
        f = plot.frame(plot.along + 2 * k + 1, plot.edge + width / 2)
        vegetation.hedge_piece(f, width, height, plot.leaf)


def _gap(plot: Plot) -> None:
    """Leave it open, with weeds and far trees or houses as a backdrop."""
    r = plot.random
    f = plot.frame(plot.middle, plot.edge + 6)
    vegetation.grass_tufts(f, plot.length / 2, r.randint(0, 25), plot.leaf)
    far = plot.frame(plot.middle, plot.edge + r.uniform(20, 60))
    if r.random() < 0.4:
        house = (10, 14, r.uniform(5, 20))
        far.box(house, (0, 0, -3), 'facade')
    else:
        vegetation.tree(far, r.uniform(6, 15), plot.leaf)


# ---- walls and fences


def _fence(plot: Plot) -> None:
    r = plot.random
    height, material = (
        r.uniform(0.8, 2.0),
        plot.builder.material(r.choice(['wood', 'metal', 'paint'])),
    )
    is_mesh, grid = r.random() < 0.4, HOLE_KINDS.index('grid')
    wire = Relief(0.0, grid, r.uniform(0.06, 0.12), r.uniform(5, 10))
    post, panel = (0.09, 0.09, height + 0.1), (0.02, 2, height)
    rail, pale = (0.04, 2, 0.08), (0.025, 0.1, height)
    for k in range(max(1, int(plot.length / 2))):
        f = plot.frame(plot.along + 2 * k + 1, plot.edge + 0.2)
        f.box(post, (0, -1, 0), material)
        if is_mesh:
            f.box(panel, (0, 0, 0.05), material, 0.0, wire)
            continue
        for z in (0.2, 0.8):
            f.box(rail, (0, 0, height * z), material)
        for y in np.arange(-0.9, 1, 0.25).tolist():
            f.box(pale, (0.03, y, 0.05), material)


def _wall(plot: Plot) -> None:
    r = plot.random
    height = r.uniform(0.5, 3)
    stone = plot.builder.material(r.choice(['stone', 'stone', 'wall', 'sheet']))
    for k in range(max(1, int(plot.length / 4))):
        f = plot.frame(plot.along + 4 * k + 2, plot.edge + 0.3)
        f.box((0.3, 4.15, height + 0.5), (0, 0, -0.5), stone)


DISTRICTS: dict[str, dict[Callable[[Plot], None], float]] = {
    'town': {_house: 8, _trees: 1, _wall: 1, _gap: 0.7},
    'suburb': {_cottage: 5, _trees: 3, _hedge: 3, _fence: 2, _gap: 1},
    'country': {_trees: 4, _thicket: 3, _hedge: 1.5, _fence: 1.5, _gap: 3, _cottage: 0.5},
    'park': {_trees: 4, _thicket: 2, _hedge: 2, _gap: 2, _fence: 1},
    'yard': {_shed: 4, _containers: 2, _fence: 2, _wall: 2, _gap: 1, _trees: 0.7},
}
"""What plots have on them in each kind of district, with weights."""


def line_side(b: Builder, road: Road, district: str, side: int) -> None:
    """Line one side (-1 left, 1 right) with plots, and put up what stands at the kerb."""
    r, pieces = b.random, DISTRICTS[district]
    edge = road.half_width + road.sidewalk + r.choice([0.3, r.uniform(0.5, 6)])
    house_height, leaf = r.uniform(3.5, 18), b.material('leaf')
    along = -25.0
    while along < 120.0:
        length = r.uniform(5, 18)
        build = r.choices(list(pieces), list(pieces.values()))[0]
        build(Plot(b, road, side, edge, along, length, house_height, leaf))
        along += length + r.choice([0.0, 0.0, r.uniform(0, 4)])
    _street_furniture(b, road, district, side, leaf)
    if r.random() < 0.55:
        _parked_cars(b, road, side)


# ---- what stands at the kerb


def _street_furniture(b: Builder, road: Road, district: str, side: int, leaf: int) -> None:
    r, kerb, metal = b.random, road.half_width + 0.45, b.material('metal')
    if r.random() < 0.7:
        _street_lamps(b, road, side, metal)
    if district in ('town', 'suburb') and r.random() < 0.45:
        height, gap = r.uniform(3.5, 9), r.uniform(6, 14)
        for along in np.arange(-20 + r.uniform(0, gap), 100, gap).tolist():
            if r.random() < 0.85:
                f = road.frame(b, along, side * (kerb + 0.6))
                vegetation.tree(f, height * r.uniform(0.8, 1.2), leaf)
    _signs(b, road, side, metal)
    _passers_by(b, road, side)
    if r.random() < 0.25:
        bollard = (0.12, 0.12, 0.9)
        for along in np.arange(-5, 60, 1.8).tolist():
            road.frame(b, along, side * (kerb - 0.2)).cylinder(bollard, (0, 0, 0), metal)


def _street_lamps(b: Builder, road: Road, side: int, metal: int) -> None:
    r, kerb = b.random, road.half_width + 0.45
    height, gap = r.uniform(5, 9), r.uniform(12, 30)
    pole, lamp = (0.15, 0.15, height), (0.7, 0.25, 0.12)
    for along in np.arange(-20 + r.uniform(0, gap), 110, gap).tolist():
        f = road.frame(b, along, side * kerb)
        f.cylinder(pole, (0, 0, -0.2), metal)
        f.rod((0, 0, height - 0.3), (-side * 1.8, 0, height), 0.08, metal)
        f.box(lamp, (-side * 1.9, 0, height - 0.05), metal)


def _signs(b: Builder, road: Road, side: int, metal: int) -> None:
    r, kerb = b.random, road.half_width + 0.45
    for _ in range(r.randint(0, 6)):
        f = road.frame(b, r.uniform(0, 60), side * (kerb + r.uniform(0, 0.4)), r.gauss(0, 0.1))
        height = r.uniform(2, 3)
        f.cylinder((0.07, 0.07, height), (0, 0, 0), metal)
        shapes: list[Shape] = [f.box, f.cushion]
        sign = r.choice(shapes)
        sign((0.6, 0.03, 0.6), (0, -0.05, height - 0.5), r.choice(['picture', 'plastic']))


def _passers_by(b: Builder, road: Road, side: int) -> None:
    """Put people, bins, bicycles and boxes on the sidewalk."""
    r, width = b.random, max(road.sidewalk, 1.0)
    most: list[tuple[Callable[[LocalFrame], object], int]] = [
        (furniture.person, 4),
        (furniture.waste_bin, 2),
        (vehicles.bicycle, 2),
        (furniture.crates, 1),
    ]
    for item, count in most:
        for _ in range(r.randint(0, count)):
            across = side * (road.half_width + r.uniform(0.35, width))
            item(road.frame(b, r.uniform(0, 55), across, r.uniform(0, 6.28)))


def _parked_cars(b: Builder, road: Road, side: int) -> None:
    r = b.random
    along, gap = -20 + r.uniform(0, 6), r.uniform(0.5, 9)
    while along < 85:
        if r.random() < 0.8:
            turn = (0 if side > 0 else math.pi) + r.gauss(0, 0.03)
            vehicles.car(road.frame(b, along, side * (road.half_width - 1.0), turn))
        along += 5.6 + gap * r.random()
