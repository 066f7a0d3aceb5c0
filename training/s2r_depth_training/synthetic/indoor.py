"""Procedural rooms, corridors, halls and warehouses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.builder import Builder, Frame
from s2r_depth_training.synthetic.looks import linear, random_from
from s2r_depth_training.synthetic.scene import Camera, Light, Scene, Sky
from s2r_depth_training.synthetic.views import place_camera, sample_lens

from . import furniture as make

WALL = 0.12  # thickness, m


@dataclass(frozen=True)
class Shape:
    """Inner size of a room, m: x by y by height; what it is used for."""

    width: float
    depth: float
    height: float
    use: str


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: from start to end along it, from low to high, m."""

    start: float
    end: float
    low: float
    high: float
    kind: str  # door, passage, pane (bright glass) or window (open to the outside)


def sample_shape(r: Random) -> Shape:
    """Draw the size and use of a room."""
    use = r.choices(
        ['living', 'bedroom', 'office', 'kitchen', 'corridor', 'hall', 'warehouse'],
        [4, 2, 3.5, 2, 2, 1.5, 1.5],
    )[0]
    if use == 'corridor':
        return Shape(r.uniform(1.3, 2.8), r.uniform(7, 22), r.uniform(2.2, 3.2), use)
    if use == 'hall':
        return Shape(r.uniform(8, 20), r.uniform(9, 25), r.uniform(3, 7), use)
    if use == 'warehouse':
        return Shape(r.uniform(10, 24), r.uniform(12, 30), r.uniform(4.5, 9), use)
    return Shape(r.uniform(2.4, 6.5), r.uniform(2.8, 7.5), r.uniform(2.3, 3.2), use)


def walls_of(b: Builder, shape: Shape) -> list[tuple[Frame, float]]:
    """Open one frame per wall, x along it and +y into the room, and its length."""
    w, d = shape.width, shape.depth
    return [
        (b.frame(0, -d / 2, 0, 0), w),
        (b.frame(0, d / 2, 0, math.pi), w),
        (b.frame(-w / 2, 0, 0, -math.pi / 2), d),
        (b.frame(w / 2, 0, 0, math.pi / 2), d),
    ]


def sample_openings(r: Random, length: float, shape: Shape) -> list[Opening]:
    """Draw doors, passages and windows along a wall, in order and apart."""
    openings, x = [], -length / 2 + r.uniform(0.15, 1.5)
    spread = 1.0 if shape.use not in ('hall', 'warehouse') else 3.0
    weights = [1.2, 0.7, 1.6, 0.9] if shape.use != 'corridor' else [3, 1, 0.6, 0.4]
    while len(openings) < 5:
        kind = r.choices(['door', 'passage', 'pane', 'window'], weights)[0]
        glazed = kind in ('pane', 'window')
        width = r.uniform(0.7, 2.4) if glazed else r.choice([r.uniform(0.75, 1.0), r.uniform(1, 2)])
        if x + width > length / 2 - 0.12:
            break
        low = r.choice([0.02, r.uniform(0.3, 1.1)]) if glazed else 0.0
        high = min(shape.height - 0.1, r.uniform(1.7, 2.6) if glazed else r.uniform(1.95, 2.2))
        if r.random() < 0.55:
            openings.append(Opening(x, x + width, low, high, kind))
        x += width + spread * r.uniform(0.3, 2.5)
    return openings


def build_wall(f: Frame, length: float, shape: Shape, materials: dict[str, int]) -> list[Opening]:
    """Build one wall with its openings, skirting and what hangs on it."""
    r, wall, trim = f.random, materials['wall'], materials['trim']
    if r.random() < 0.25:
        wall = f.material('wall')
    openings = sample_openings(r, length, shape)
    x = -length / 2
    for o in [*openings, Opening(length / 2, length / 2, 0, 0, 'end')]:
        if o.start > x:
            f.put('box', (o.start - x, WALL, shape.height), ((x + o.start) / 2, -WALL / 2, 0), wall)
            if materials['skirting']:
                f.put('box', (o.start - x, 0.02, 0.09), ((x + o.start) / 2, 0.01, 0), trim)
        x = o.end
        if o.kind == 'end':
            continue
        middle, width = (o.start + o.end) / 2, o.end - o.start
        f.put('box', (width, WALL, shape.height - o.high), (middle, -WALL / 2, o.high), wall)
        if o.low > 0.05:
            f.put('box', (width, WALL, o.low), (middle, -WALL / 2, 0), wall)
        _frame_opening(f, o, trim)
        if o.kind == 'door':
            _door(f, o)
        elif o.kind in ('pane', 'window'):
            _window(f, o, trim)
    _hang_things(f, length, shape, openings)
    return openings


def _frame_opening(f: Frame, o: Opening, trim: int) -> None:
    bar = f.random.uniform(0.04, 0.09)
    for x in (o.start, o.end):
        f.put('box', (bar, WALL + 0.04, o.high - o.low), (x, -WALL / 2, o.low), trim)
    f.put(
        'box',
        (o.end - o.start, WALL + 0.04, bar),
        ((o.start + o.end) / 2, -WALL / 2, o.high - bar),
        trim,
    )


def _door(f: Frame, o: Opening) -> None:
    r, width = f.random, o.end - o.start
    leaf = f.material(r.choice(['wood', 'paint', 'wall']))
    door = f.frame(o.start, -0.03, 0, 0.0 if r.random() < 0.6 else r.uniform(0.3, 1.7))
    door.put('box', (width, 0.04, o.high), (width / 2, 0, 0), leaf)
    door.put('box', (0.11, 0.09, 0.025), (width * 0.9, 0, o.high * 0.5), 'metal')
    if r.random() < 0.5:
        panel = leaf if r.random() < 0.6 else f.material('glass')
        for k in (0, 1):
            size = (width * 0.7, 0.055, o.high * 0.38)
            door.put('box', size, (width / 2, 0, o.high * (0.07 + 0.48 * k)), panel)


def _window(f: Frame, o: Opening, trim: int) -> None:
    r, width, tall, middle = f.random, o.end - o.start, o.high - o.low, (o.start + o.end) / 2
    if o.kind == 'pane':
        f.put('box', (width, 0.02, tall), (middle, -WALL * 0.8, o.low), 'pane')
    for k in range(r.randint(0, 2)):
        f.put('box', (0.05, 0.05, tall), (o.start + width * (k + 1) / 3, -WALL * 0.6, o.low), trim)
    if r.random() < 0.5:
        f.put('box', (width, 0.04, 0.05), (middle, -WALL * 0.6, (o.low + o.high) / 2), trim)
    if o.low > 0.2:
        f.put('box', (width + 0.1, 0.2, 0.03), (middle, 0.03, o.low - 0.03), trim)
        if r.random() < 0.5:
            make.clutter(f.frame(middle, 0.05, 0), o.low, width, 0.1, r.randint(1, 3))
    if r.random() < 0.35:
        cloth, bottom = f.material('cloth'), r.choice([0.03, o.low])
        for x in (o.start - 0.1, o.end + 0.1):
            for k in range(5):
                at = (x + (k - 2) * 0.07, 0.09 + 0.02 * (k % 2), bottom)
                f.put('cylinder', (0.09, 0.06, o.high + 0.15 - bottom), at, cloth)
    elif r.random() < 0.2:
        for k in range(int(tall * r.uniform(0.3, 1.0) / 0.07)):
            f.put('box', (width, 0.05, 0.012), (middle, -0.02, o.high - 0.07 * k), trim)


def _hang_things(f: Frame, length: float, shape: Shape, openings: list[Opening]) -> None:
    """Hang pictures, boards, shelves, radiators and pipes where the wall is closed."""
    r = f.random

    def is_free(x: float, half: float) -> bool:
        inside = abs(x) + half < length / 2
        return inside and all(
            x + half < o.start - 0.05 or x - half > o.end + 0.05 for o in openings
        )

    for _ in range(round(length * r.uniform(0.2, 0.9))):
        w, h, x = r.uniform(0.2, 1.4), r.uniform(0.2, 1.0), r.uniform(-0.5, 0.5) * length
        if not is_free(x, w / 2):
            continue
        kind = r.choices(
            ['picture', 'shelf', 'radiator', 'switch', 'pipe', 'cupboard'], [4, 1.5, 1, 1, 0.7, 0.6]
        )[0]
        if kind == 'picture':
            z = r.uniform(1.0, max(1.05, min(1.7, shape.height - h - 0.1)))
            f.put(
                'box',
                (w + 0.06, 0.02, h + 0.06),
                (x, 0.01, z - 0.03),
                r.choice(['wood', 'dark', 'metal']),
            )
            f.put(
                'box',
                (w, 0.025, h),
                (x, 0.015, z),
                r.choice(['picture', 'picture', 'any', 'screen', 'cloth']),
            )
        elif kind == 'shelf':
            for z in r.sample([1.1, 1.4, 1.7, 2.0], r.randint(1, 3)):
                f.put('box', (w, 0.22, 0.025), (x, 0.11, z), 'wood')
                make.clutter(f.frame(x, 0.12, 0), z + 0.025, w, 0.2, r.randint(1, 5))
        elif kind == 'radiator':
            heater = f.material('ceiling')
            for k in range(int(w / 0.08)):
                f.put('box', (0.06, 0.09, 0.55), (x - w / 2 + 0.08 * k, 0.07, 0.12), heater)
        elif kind == 'switch':
            f.put('box', (0.08, 0.015, 0.08), (x, 0.007, r.choice([0.3, 1.1])), 'ceiling')
        elif kind == 'pipe':
            f.put(
                'cylinder', (0.08, 0.08, shape.height), (x, 0.06, 0), r.choice(['metal', 'ceiling'])
            )
        else:
            f.put('box', (w, 0.35, h), (x, 0.18, 1.4), 'any')


def build_neighbour(f: Frame, o: Opening, shape: Shape, materials: dict[str, int]) -> None:
    """Build what is seen through a passage: a box of a room with something in it."""
    r, middle = f.random, (o.start + o.end) / 2
    width, depth = o.end - o.start + r.uniform(0.4, 3), r.uniform(1.5, 6)
    wall, y = f.material('wall'), -WALL - depth / 2
    f.put('box', (width, depth, 0.1), (middle, y, -0.1), materials['floor'])
    f.put('box', (width, depth, 0.1), (middle, y, shape.height), materials['ceiling'])
    f.put('box', (width, 0.1, shape.height), (middle, -WALL - depth, 0), wall)
    for side in (-0.5, 0.5):
        f.put('box', (0.1, depth, shape.height), (middle + side * width, y, 0), wall)
    if r.random() < 0.8:
        item = r.choice([make.shelf, make.cabinet, make.table, make.plant, make.sofa, make.person])
        item(f.frame(middle + r.uniform(-0.3, 0.3), -WALL - depth + 0.6))


def build_outside(b: Builder, shape: Shape) -> None:
    """Build what is seen through open windows: ground, trees and houses around the building."""
    r, drop, first = b.random, b.random.choice([0.2, 0.2, 3.0, 6.0]), len(b.materials)
    f, reach = b.frame(), max(shape.width, shape.depth) / 2
    f.put('box', (160, 160, 0.2), (0, 0, -drop - 0.2), r.choice(['grass', 'pavement']))
    for _ in range(r.randint(6, 16)):
        angle, distance = r.uniform(0, 6.28), reach + r.uniform(4, 30)
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        if r.random() < 0.45 and distance > reach + 12:
            size = (r.uniform(6, 16), r.uniform(6, 16), r.uniform(4, 16))
            f.put('box', size, (x, y, -drop), 'facade', angle)
            continue
        h, bark = r.uniform(2.5, 7), f.material('bark')
        f.put('cylinder', (0.25, 0.25, h * 0.6), (x, y, -drop), bark)
        make.foliage(f, x, y, h * 0.5 - drop, h * 0.35, h * 0.4, 5)
    daylight = r.uniform(0.5, 2.0)  # the lamps of the room do not light the street
    for i in range(first, len(b.materials)):
        b.materials[i] = replace(b.materials[i], glow=daylight)


def build_ceiling(
    b: Builder, shape: Shape, materials: dict[str, int]
) -> list[tuple[float, float, float]]:
    """Build the ceiling with lamps, beams, ducts; return where the lamps hang."""
    r, f, h = b.random, b.frame(), shape.height
    f.put('box', (shape.width + 0.2, shape.depth + 0.2, 0.1), (0, 0, h), materials['ceiling'])
    columns = max(1, round(shape.width / r.uniform(2.2, 4.5)))
    rows = max(1, round(shape.depth / r.uniform(2.2, 4.5)))
    kind, glow = r.choice(['panel', 'panel', 'tube', 'pendant', 'ball', 'none']), f.material('lamp')
    drop, lamps = r.uniform(0.2, min(1.0, h - 1.9)), []
    for i in range(columns):
        for j in range(rows):
            x = (i + 0.5) / columns * shape.width - shape.width / 2
            y = (j + 0.5) / rows * shape.depth - shape.depth / 2
            lamps.append((x, y, h - 0.12))
            if kind == 'panel':
                f.put('box', (0.6, 0.6, 0.03), (x, y, h - 0.03), glow)
            elif kind == 'tube':
                f.put('box', (0.15, 1.2, 0.07), (x, y, h - 0.07), glow)
            elif kind == 'ball':
                f.put('sphere', (0.3, 0.3, 0.25), (x, y, h - 0.25), glow)
            elif kind == 'pendant':
                f.put('cylinder', (0.015, 0.015, drop), (x, y, h - drop), 'dark')
                f.put(
                    'shade',
                    (0.4, 0.4, 0.25),
                    (x, y, h - drop - 0.25),
                    r.choice([glow, f.material('any')]),
                )
                lamps[-1] = (x, y, h - drop - 0.35)
    if shape.use in ('hall', 'warehouse') or r.random() < 0.15:
        _beams(f, shape, f.material(r.choice(['metal', 'wood', 'wall'])))
    return lamps


def _beams(f: Frame, shape: Shape, material: int) -> None:
    r = f.random
    step, thick = r.uniform(1.5, 5), r.uniform(0.12, 0.4)
    for k in range(int(shape.depth / step)):
        y = -shape.depth / 2 + step * (k + 0.5)
        f.put('box', (shape.width, thick * 0.6, thick), (0, y, shape.height - thick), material)
    if r.random() < 0.5:
        x, d = r.uniform(-0.4, 0.4) * shape.width, r.uniform(0.15, 0.5)
        z = shape.height - thick - d / 2
        f.rod((x, -shape.depth / 2, z), (x, shape.depth / 2, z), d, 'metal')


USES = {
    'living': (
        {
            make.sofa: 3,
            make.table: 3,
            make.shelf: 2,
            make.cabinet: 2.5,
            make.plant: 1.5,
            make.floor_lamp: 1,
            make.chair: 1.5,
            make.person: 0.4,
            make.crates: 0.4,
        },
        0.62,
    ),
    'bedroom': (
        {
            make.bed: 3,
            make.cabinet: 3,
            make.chair: 1,
            make.shelf: 1.5,
            make.desk: 1,
            make.plant: 0.7,
            make.floor_lamp: 1,
            make.crates: 0.5,
            make.sofa: 0.5,
        },
        0.6,
    ),
    'office': (
        {
            make.desk: 6,
            make.shelf: 2,
            make.cabinet: 1.5,
            make.whiteboard: 0.8,
            make.table: 1,
            make.plant: 1,
            make.crates: 0.8,
            make.bin_can: 0.8,
            make.person: 0.7,
        },
        0.62,
    ),
    'kitchen': (
        {
            make.counter: 3,
            make.table: 2,
            make.appliance: 2,
            make.cabinet: 1.5,
            make.chair: 2,
            make.shelf: 1,
            make.bin_can: 0.7,
            make.person: 0.5,
        },
        0.62,
    ),
    'corridor': (
        {
            make.cabinet: 1.5,
            make.plant: 1,
            make.chair: 1,
            make.bin_can: 1,
            make.crates: 1.5,
            make.shelf: 1,
            make.person: 1.2,
            make.appliance: 0.5,
        },
        0.3,
    ),
    'hall': (
        {
            make.table: 3,
            make.chair: 3,
            make.plant: 1,
            make.person: 2,
            make.sofa: 1.5,
            make.shelf: 1.5,
            make.cabinet: 1,
            make.whiteboard: 1,
            make.desk: 1,
            make.crates: 1,
        },
        0.3,
    ),
    'warehouse': (
        {make.rack: 6, make.pallet: 5, make.crates: 4, make.person: 1, make.bin_can: 0.7},
        0.4,
    ),
}
"""For each use the furniture with weights, and the share of the floor it may take."""

AGAINST_WALL = {make.sofa, make.bed, make.shelf, make.cabinet, make.appliance, make.counter}


class FloorPlan:
    """Keeps furniture apart: axis-free discs, one or more for each footprint."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.discs: list[tuple[float, float, float]] = []

    def is_free(self, x: float, y: float, radius: float) -> bool:
        """Tell whether a disc touches no other."""
        return all(math.hypot(x - a, y - b) > 0.8 * (radius + c) for a, b, c in self.discs)

    def take(self, x: float, y: float, yaw: float, half: tuple[float, float]) -> None:
        """Occupy an oblong with discs along its longer side."""
        long, short = max(half), max(min(half), 0.15)
        along = yaw if half[0] >= half[1] else yaw + math.pi / 2
        n = max(1, round(long / short))
        for k in range(n):
            t = (2 * k + 1 - n) / n * long
            self.discs.append((x + t * math.cos(along), y + t * math.sin(along), short * 1.2))


def furnish(b: Builder, shape: Shape) -> FloorPlan:
    """Fill the floor with furniture that suits the room's use."""
    r, plan = b.random, FloorPlan(shape)
    weights, share = USES[shape.use]
    area, taken = shape.width * shape.depth, 0.0
    share *= r.uniform(0.4, 1.2)
    for _ in range(60):
        if taken > share * area:
            break
        item = r.choices(list(weights), list(weights.values()))[0]
        size = 1.3 if item in (make.rack, make.counter, make.bed, make.sofa) else 0.6
        place = _find_place(b, shape, plan, item, size)
        if place is None:
            continue
        x, y, yaw = place
        half = item(b.frame(x, y, 0, yaw))
        plan.take(x, y, yaw, half)
        taken += 4 * half[0] * half[1] + 0.3
        if item is make.table and r.random() < 0.75:
            _chairs_around(b, plan, x, y, yaw, half)
    _scatter(b, shape, plan)
    return plan


def _find_place(b: Builder, shape: Shape, plan: FloorPlan, item, size: float):
    r = b.random
    for _ in range(8):
        if item in AGAINST_WALL or shape.use == 'corridor' or r.random() < 0.4:
            side = r.randint(0, 3) if shape.use != 'corridor' else r.randint(2, 3)
            f, length = walls_of(b, shape)[side]
            off = 0.36 if item is not make.bed else 1.1
            x, y, _ = f.world(r.uniform(-0.5, 0.5) * max(length - 2 * size, 0.1), off)
            yaw = f.yaw + r.gauss(0, 0.03)
        elif shape.use == 'warehouse' and item is make.rack:
            x = round(r.uniform(-0.4, 0.4) * shape.width / 3.4) * 3.4
            y, yaw = r.uniform(-0.45, 0.45) * shape.depth, math.pi / 2
        else:
            x = r.uniform(-0.5, 0.5) * max(shape.width - 2 * size, 0.1)
            y = r.uniform(-0.5, 0.5) * max(shape.depth - 2 * size, 0.1)
            yaw = r.choice([0, 1.571, 3.142, 4.712]) + r.gauss(0, 0.15)
        if plan.is_free(x, y, size * 0.8):
            return x, y, yaw
    return None


def _chairs_around(b: Builder, plan: FloorPlan, x: float, y: float, yaw: float, half) -> None:
    r = b.random
    kind = r.choice([make.chair, make.chair, make.office_chair])
    for k in range(r.randint(1, 5)):
        angle = yaw + k * 1.5708 + r.gauss(0, 0.25)
        reach = half[k % 2] if k % 2 else half[0]
        cx, cy = x + (reach + 0.15) * math.cos(angle), y + (reach + 0.15) * math.sin(angle)
        heading = angle + math.pi / 2 + r.gauss(0, 0.3)
        if abs(cx) < plan.shape.width / 2 - 0.25 and abs(cy) < plan.shape.depth / 2 - 0.25:
            kind(b.frame(cx, cy, 0, heading))
            plan.take(cx, cy, 0, (0.25, 0.25))


def _scatter(b: Builder, shape: Shape, plan: FloorPlan) -> None:
    """Lay rugs, drop things on the floor, stand columns in halls."""
    r, f = b.random, b.frame()
    for _ in range(r.randint(0, 2)):
        size = (r.uniform(0.8, 3), r.uniform(0.8, 2.4), 0.012)
        at = (r.uniform(-0.3, 0.3) * shape.width, r.uniform(-0.3, 0.3) * shape.depth, 0)
        f.put(
            r.choice(['box', 'box', 'cylinder']), size, at, 'cloth', r.choice([0, 1.57, r.random()])
        )
    for _ in range(min(14, round(shape.width * shape.depth * r.uniform(0, 0.5)))):
        x, y = r.uniform(-0.46, 0.46) * shape.width, r.uniform(-0.46, 0.46) * shape.depth
        r.choice([make.carton, make.toy, make.book_stack, make.bottle, make.bin_can, make.papers])(
            f.frame(x, y, 0, r.uniform(0, 6.28))
        )
    if shape.use in ('hall', 'warehouse'):
        column, thick = f.material('wall'), r.uniform(0.25, 0.6)
        for _ in range(r.randint(0, 8)):
            x, y = r.uniform(-0.45, 0.45) * shape.width, r.uniform(-0.45, 0.45) * shape.depth
            if plan.is_free(x, y, thick / 2):
                f.put(
                    r.choice(['box', 'cylinder']), (thick, thick, shape.height), (x, y, 0), column
                )
                plan.take(x, y, 0, (thick / 2, thick / 2))


def sample_lights(r: Random, shape: Shape, lamps, windows: list[Frame]) -> list[Light]:
    """Choose the lights: lamps on the ceiling, daylight through windows, a lamp in the room.

    windows: a frame on each open or bright window, +y into the room. The first light, which
    casts the shadows, is the sun through a window or the lamp nearest to the middle.
    """

    def tint() -> tuple[float, float, float]:
        return r.choice([(1, 1, 1), (1, 0.9, 0.75), (1, 0.8, 0.55), (0.88, 0.95, 1)])

    lights = []
    reach = (0.65 * shape.height) ** 2 + 0.3
    for x, y, z in r.sample(lamps, min(len(lamps), 4)):
        power = reach * r.uniform(0.4, 1.3)
        colour = tuple(c * power for c in tint())
        cone = -1.0 if r.random() < 0.7 else r.uniform(0.0, 0.5)
        lights.append(
            Light(
                colour,
                (r.gauss(0, 0.1), r.gauss(0, 0.1), -1),
                (x, y, z),
                cone,
                r.uniform(0.001, 0.005),
            )
        )
    for f in windows[:3]:
        power = r.uniform(1, 5)
        colour = (power * 0.85, power * 0.93, power)
        into = f.world(0, 1, 0)
        heading = (into[0] - f.x, into[1] - f.y, -0.3)
        lights.append(Light(colour, heading, f.world(0, 0.15, 0), 0.15, r.uniform(0.002, 0.006)))
    if not lights or r.random() < 0.3:
        at = (
            r.uniform(-0.4, 0.4) * shape.width,
            r.uniform(-0.4, 0.4) * shape.depth,
            r.uniform(0.6, 1.8),
        )
        lights.append(Light(tuple(c * r.uniform(0.5, 2) for c in tint()), (0.2, 0.1, -1), at))
    if windows and r.random() < 0.5:
        lights.insert(0, lights.pop(-1 if len(lights) > len(lamps[:4]) else 0))
    return lights[:8]


class IndoorSource:
    """Rooms, corridors, halls and warehouses, drawn from a seed."""

    kind = 'indoor'
    nearest = 0.35

    def build(self, rng: np.random.Generator) -> Scene:
        """Build a furnished room with its lights."""
        r = random_from(rng)
        b, shape = Builder(r), sample_shape(r)
        materials = {name: b.material(name) for name in ('wall', 'floor', 'ceiling')}
        materials['trim'] = b.material(r.choice(['ceiling', 'wood']))
        materials['skirting'] = int(r.random() < 0.7)
        b.frame().put(
            'box', (shape.width + 0.2, shape.depth + 0.2, 0.1), (0, 0, -0.1), materials['floor']
        )
        windows: list[Frame] = []
        has_view = False
        for f, length in walls_of(b, shape):
            for o in build_wall(f, length, shape, materials):
                if o.kind == 'passage' or (o.kind == 'door' and r.random() < 0.4):
                    build_neighbour(f, o, shape, materials)
                elif o.kind != 'door':
                    windows.append(f.frame((o.start + o.end) / 2, 0, (o.low + o.high) / 2))
                has_view |= o.kind in ('window', 'door')
        if has_view:
            build_outside(b, shape)
        lamps = build_ceiling(b, shape, materials)
        plan = furnish(b, shape)
        ambient = r.uniform(0.1, 0.35)
        warm = r.uniform(0.85, 1.0)
        return Scene(
            b.instances,
            b.materials,
            sample_lights(r, shape, lamps, windows),
            self.kind,
            b.roles,
            sky=Sky(
                linear(0.5, 0.7, 0.95),
                linear(0.85, 0.9, 0.95),
                cover=r.random(),
                seed=r.uniform(0, 50),
            ),
            ambient_up=(ambient, ambient * warm, ambient * warm),
            ambient_down=(ambient * 0.7, ambient * 0.7 * warm, ambient * 0.6 * warm),
            exposure=r.uniform(0.75, 1.3),
            occlusion=r.uniform(0.4, 0.8),
            far=60.0,
            geometry={'shape': shape, 'discs': plan.discs, 'surfaces': b.surfaces},
        )

    def sample_camera(
        self, scene: Scene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera: at eye level, low on a robot, close to a table, or under the ceiling."""
        r = random_from(rng)
        shape, surfaces = scene.geometry['shape'], scene.geometry['surfaces']
        lens = sample_lens(r, width, height, (math.radians(45), math.radians(95)))
        way = r.choices(['eye', 'low', 'close', 'high'], [5, 2.5, 2.5 if surfaces else 0, 0.7])[0]
        if way == 'close':
            return self._close_up(r, shape, r.choice(surfaces), lens)
        x, y = self._free_spot(r, scene)
        # look across the room: toward a point on the other side, or anywhere
        tx, ty = (r.gauss(0, 0.25) * s for s in (shape.width, shape.depth))
        if shape.use == 'corridor' and r.random() < 0.8:
            tx, ty = r.gauss(0, 0.3), -math.copysign(shape.depth / 2, y)
        yaw = math.atan2(ty - y, tx - x) + r.gauss(0, 0.3)
        if r.random() < 0.15:
            yaw = r.uniform(-math.pi, math.pi)
        z, pitch = {
            'eye': (r.uniform(0.9, 1.75), r.gauss(-0.17, 0.2)),
            'low': (r.uniform(0.12, 0.6), r.gauss(0.03, 0.12)),
            'high': (shape.height - 0.35, r.uniform(-0.75, -0.25)),
        }[way]
        return place_camera((x, y, min(z, shape.height - 0.3)), yaw, pitch, r.gauss(0, 0.05), lens)

    def _close_up(self, r: Random, shape: Shape, surface, lens: dict) -> Camera:
        x, y, z, width, depth = surface
        x += r.uniform(-0.3, 0.3) * width
        y += r.uniform(-0.3, 0.3) * depth
        yaw, distance = r.uniform(-math.pi, math.pi), r.uniform(0.5, 1.6)
        pitch = r.uniform(-0.9, -0.1)
        px = x - math.cos(yaw) * math.cos(pitch) * distance
        py = y - math.sin(yaw) * math.cos(pitch) * distance
        pz = min(z - math.sin(pitch) * distance + 0.05, shape.height - 0.2)
        px = min(max(px, 0.15 - shape.width / 2), shape.width / 2 - 0.15)
        py = min(max(py, 0.15 - shape.depth / 2), shape.depth / 2 - 0.15)
        yaw = math.atan2(y - py, x - px) + r.gauss(0, 0.12)
        return place_camera((px, py, pz), yaw, pitch, r.gauss(0, 0.06), lens)

    def _free_spot(self, r: Random, scene: Scene) -> tuple[float, float]:
        """Find a place on the floor, as far from furniture as a few tries give."""
        shape, discs = scene.geometry['shape'], scene.geometry['discs']
        best, best_gap = (0.0, 0.0), -9.0
        for _ in range(8):
            x = r.uniform(-0.5, 0.5) * (shape.width - 0.6)
            y = r.uniform(-0.5, 0.5) * (shape.depth - 0.6)
            gap = min((math.hypot(x - a, y - b) - c for a, b, c in discs), default=9.0)
            if gap > best_gap:
                best, best_gap = (x, y), gap
            if gap > 0.45:
                break
        return best
