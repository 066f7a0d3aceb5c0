"""The shell of a room: walls with openings, ceiling, and what is seen through the openings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from s2r_depth_training.synthetic.geometry.scene import Vector
from s2r_depth_training.synthetic.sources import furniture
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame
from s2r_depth_training.synthetic.sources.small_things import clutter
from s2r_depth_training.synthetic.sources.vegetation import crown

WALL = 0.12  # thickness, m


@dataclass(frozen=True)
class RoomShape:
    """Inner size of a room, m: x by y by height; what it is used for."""

    width: float
    depth: float
    height: float
    use: str


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: from start to end along it, from low to high, m.

    kind: door, passage, pane (bright glass) or window (open to the outside).
    """

    start: float
    end: float
    low: float
    high: float
    kind: str

    @property
    def width(self) -> float:
        """Width, m."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """Middle along the wall, m."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class RoomMaterials:
    """Materials of a room's shell. has_skirting: whether its walls have skirting of the trim."""

    wall: int
    floor: int
    ceiling: int
    trim: int
    has_skirting: bool


def sample_shape(r: Random) -> RoomShape:
    """Draw the size and use of a room."""
    use = r.choices(
        ['living', 'bedroom', 'office', 'kitchen', 'corridor', 'hall', 'warehouse'],
        [4, 2, 3.5, 2, 2, 1.5, 1.5],
    )[0]
    if use == 'corridor':
        return RoomShape(r.uniform(1.3, 2.8), r.uniform(7, 22), r.uniform(2.2, 3.2), use)
    if use == 'hall':
        return RoomShape(r.uniform(8, 20), r.uniform(9, 25), r.uniform(3, 7), use)
    if use == 'warehouse':
        return RoomShape(r.uniform(10, 24), r.uniform(12, 30), r.uniform(4.5, 9), use)
    return RoomShape(r.uniform(2.4, 6.5), r.uniform(2.8, 7.5), r.uniform(2.3, 3.2), use)


def sample_materials(b: Builder) -> RoomMaterials:
    """Draw the materials of a room's shell."""
    wall, floor, ceiling = (b.material(role) for role in ('wall', 'floor', 'ceiling'))
    trim = b.material(b.random.choice(['ceiling', 'wood']))
    return RoomMaterials(wall, floor, ceiling, trim, has_skirting=b.random.random() < 0.7)


def walls_of(b: Builder, shape: RoomShape) -> list[tuple[LocalFrame, float]]:
    """Open one frame per wall, x along it and +y into the room, and its length."""
    w, d = shape.width, shape.depth
    return [
        (b.frame(0, -d / 2, 0, 0), w),
        (b.frame(0, d / 2, 0, math.pi), w),
        (b.frame(-w / 2, 0, 0, -math.pi / 2), d),
        (b.frame(w / 2, 0, 0, math.pi / 2), d),
    ]


def build_floor(b: Builder, shape: RoomShape, floor: int) -> None:
    """Lay the floor."""
    b.frame().box((shape.width + 0.2, shape.depth + 0.2, 0.1), (0, 0, -0.1), floor)


# ---- walls


def sample_openings(r: Random, length: float, shape: RoomShape) -> list[Opening]:
    """Draw doors, passages and windows along a wall, in order and apart."""
    openings: list[Opening] = []
    x = -length / 2 + r.uniform(0.15, 1.5)
    spread = 1.0 if shape.use not in ('hall', 'warehouse') else 3.0
    weights = [1.2, 0.7, 1.6, 0.9] if shape.use != 'corridor' else [3, 1, 0.6, 0.4]
    while len(openings) < 5:
        kind = r.choices(['door', 'passage', 'pane', 'window'], weights)[0]
        is_glazed = kind in ('pane', 'window')
        if is_glazed:
            width = r.uniform(0.7, 2.4)
        else:
            width = r.choice([r.uniform(0.75, 1.0), r.uniform(1, 2)])
        if x + width > length / 2 - 0.12:
            break
        low = r.choice([0.02, r.uniform(0.3, 1.1)]) if is_glazed else 0.0
        high = min(shape.height - 0.1, r.uniform(1.7, 2.6) if is_glazed else r.uniform(1.95, 2.2))
        if r.random() < 0.55:
            openings.append(Opening(x, x + width, low, high, kind))
        x += width + spread * r.uniform(0.3, 2.5)
    return openings


def build_wall(
    f: LocalFrame, length: float, shape: RoomShape, materials: RoomMaterials
) -> list[Opening]:
    """Build one wall with its openings, skirting and what hangs on it."""
    r, wall = f.random, materials.wall
    if r.random() < 0.25:
        wall = f.material('wall')
    openings = sample_openings(r, length, shape)
    x = -length / 2
    for o in openings:
        _wall_piece(f, x, o.start, shape, wall, materials)
        x = o.end
        lintel = (o.width, WALL, shape.height - o.high)
        f.box(lintel, (o.middle, -WALL / 2, o.high), wall)
        if o.low > 0.05:
            parapet = (o.width, WALL, o.low)
            f.box(parapet, (o.middle, -WALL / 2, 0), wall)
        _fill_opening(f, o, materials.trim)
    _wall_piece(f, x, length / 2, shape, wall, materials)
    _hang_things(f, length, shape, openings)
    return openings


def _wall_piece(
    f: LocalFrame, start: float, end: float, shape: RoomShape, wall: int, materials: RoomMaterials
) -> None:
    """Build a closed piece of wall, if it has any length."""
    if end > start:
        middle = (start + end) / 2
        f.box((end - start, WALL, shape.height), (middle, -WALL / 2, 0), wall)
        if materials.has_skirting:
            f.box((end - start, 0.02, 0.09), (middle, 0.01, 0), materials.trim)


def _fill_opening(f: LocalFrame, o: Opening, trim: int) -> None:
    """Frame an opening and put in its door or window."""
    bar = f.random.uniform(0.04, 0.09)
    jamb, head = (bar, WALL + 0.04, o.high - o.low), (o.width, WALL + 0.04, bar)
    for x in (o.start, o.end):
        f.box(jamb, (x, -WALL / 2, o.low), trim)
    f.box(head, (o.middle, -WALL / 2, o.high - bar), trim)
    if o.kind == 'door':
        _door(f, o)
    elif o.kind in ('pane', 'window'):
        _window(f, o, trim)


def _door(f: LocalFrame, o: Opening) -> None:
    r, width = f.random, o.width
    leaf = f.material(r.choice(['wood', 'paint', 'wall']))
    door = f.frame(o.start, -0.03, 0, 0.0 if r.random() < 0.6 else r.uniform(0.3, 1.7))
    door.box((width, 0.04, o.high), (width / 2, 0, 0), leaf)
    handle = (0.11, 0.09, 0.025)
    door.box(handle, (width * 0.9, 0, o.high * 0.5), 'metal')
    if r.random() < 0.5:
        filling = leaf if r.random() < 0.6 else f.material('glass')
        panel = (width * 0.7, 0.055, o.high * 0.38)
        for k in (0, 1):
            door.box(panel, (width / 2, 0, o.high * (0.07 + 0.48 * k)), filling)


def _window(f: LocalFrame, o: Opening, trim: int) -> None:
    r, width, height, middle = f.random, o.width, o.high - o.low, o.middle
    if o.kind == 'pane':
        f.box((width, 0.02, height), (middle, -WALL * 0.8, o.low), 'pane')
    upright, crossbar = (0.05, 0.05, height), (width, 0.04, 0.05)
    for k in range(r.randint(0, 2)):
        f.box(upright, (o.start + width * (k + 1) / 3, -WALL * 0.6, o.low), trim)
    if r.random() < 0.5:
        f.box(crossbar, (middle, -WALL * 0.6, (o.low + o.high) / 2), trim)
    if o.low > 0.2:
        sill = (width + 0.1, 0.2, 0.03)
        f.box(sill, (middle, 0.03, o.low - 0.03), trim)
        if r.random() < 0.5:
            clutter(f.frame(middle, 0.05, 0), o.low, width, 0.1, r.randint(1, 3))
    if r.random() < 0.35:
        _curtains(f, o)
    elif r.random() < 0.2:
        lamella = (width, 0.05, 0.012)
        for k in range(int(height * r.uniform(0.3, 1.0) / 0.07)):
            f.box(lamella, (middle, -0.02, o.high - 0.07 * k), trim)


def _curtains(f: LocalFrame, o: Opening) -> None:
    """Hang a curtain of five folds on each side of a window, to the floor or to the sill."""
    cloth, bottom = f.material('cloth'), f.random.choice([0.03, o.low])
    fold = (0.09, 0.06, o.high + 0.15 - bottom)
    for x in (o.start - 0.1, o.end + 0.1):
        for k in range(5):
            f.cylinder(fold, (x + (k - 2) * 0.07, 0.09 + 0.02 * (k % 2), bottom), cloth)


def _hang_things(f: LocalFrame, length: float, shape: RoomShape, openings: list[Opening]) -> None:
    """Hang pictures, boards, shelves, radiators and pipes where the wall is closed."""
    r = f.random
    kinds = {
        'picture': 4, 'shelf': 1.5, 'radiator': 1, 'switch': 1, 'pipe': 0.7, 'cupboard': 0.6,
    }  # fmt: skip
    for _ in range(round(length * r.uniform(0.2, 0.9))):
        width, height = r.uniform(0.2, 1.4), r.uniform(0.2, 1.0)
        x = r.uniform(-0.5, 0.5) * length
        if not _is_closed(x, width / 2, length, openings):
            continue
        kind = r.choices(list(kinds), list(kinds.values()))[0]
        if kind == 'picture':
            _hang_picture(f, x, width, height, shape.height)
        elif kind == 'shelf':
            for z in r.sample([1.1, 1.4, 1.7, 2.0], r.randint(1, 3)):
                f.box((width, 0.22, 0.025), (x, 0.11, z), 'wood')
                clutter(f.frame(x, 0.12, 0), z + 0.025, width, 0.2, r.randint(1, 5))
        elif kind == 'radiator':
            heater, rib = f.material('ceiling'), (0.06, 0.09, 0.55)
            for k in range(int(width / 0.08)):
                f.box(rib, (x - width / 2 + 0.08 * k, 0.07, 0.12), heater)
        elif kind == 'switch':
            f.box((0.08, 0.015, 0.08), (x, 0.007, r.choice([0.3, 1.1])), 'ceiling')
        elif kind == 'pipe':
            pipe = (0.08, 0.08, shape.height)
            f.cylinder(pipe, (x, 0.06, 0), r.choice(['metal', 'ceiling']))
        else:
            f.box((width, 0.35, height), (x, 0.18, 1.4), 'any')


def _is_closed(x: float, half: float, length: float, openings: list[Opening]) -> bool:
    """Return whether a wall of some length has no opening within ``half`` of x."""
    return abs(x) + half < length / 2 and all(
        x + half < o.start - 0.05 or x - half > o.end + 0.05 for o in openings
    )


def _hang_picture(f: LocalFrame, x: float, width: float, height: float, ceiling: float) -> None:
    r = f.random
    z = r.uniform(1.0, max(1.05, min(1.7, ceiling - height - 0.1)))
    frame, canvas = (width + 0.06, 0.02, height + 0.06), (width, 0.025, height)
    f.box(frame, (x, 0.01, z - 0.03), r.choice(['wood', 'dark', 'metal']))
    motif = r.choice(['picture', 'picture', 'any', 'screen', 'cloth'])
    f.box(canvas, (x, 0.015, z), motif)


# ---- what is seen through openings


def build_neighbour(f: LocalFrame, o: Opening, shape: RoomShape, materials: RoomMaterials) -> None:
    """Build what is seen through a passage: a box of a room with something in it."""
    r, middle, height = f.random, o.middle, shape.height
    width, depth = o.width + r.uniform(0.4, 3), r.uniform(1.5, 6)
    wall, y = f.material('wall'), -WALL - depth / 2
    f.box((width, depth, 0.1), (middle, y, -0.1), materials.floor)
    f.box((width, depth, 0.1), (middle, y, height), materials.ceiling)
    f.box((width, 0.1, height), (middle, -WALL - depth, 0), wall)
    for side in (-0.5, 0.5):
        f.box((0.1, depth, height), (middle + side * width, y, 0), wall)
    if r.random() < 0.8:
        build = r.choice([
            furniture.shelf, furniture.cabinet, furniture.table, furniture.plant, furniture.sofa,
            furniture.person,
        ])  # fmt: skip
        build(f.frame(middle + r.uniform(-0.3, 0.3), -WALL - depth + 0.6))


def build_outside(b: Builder, shape: RoomShape) -> None:
    """Build what is seen through open windows: ground, trees and houses around the building."""
    r, drop, first = b.random, b.random.choice([0.2, 0.2, 3.0, 6.0]), len(b.materials)
    f, reach = b.frame(), max(shape.width, shape.depth) / 2
    f.box((160, 160, 0.2), (0, 0, -drop - 0.2), r.choice(['grass', 'pavement']))
    for _ in range(r.randint(6, 16)):
        angle, distance = r.uniform(0, 6.28), reach + r.uniform(4, 30)
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        if r.random() < 0.45 and distance > reach + 12:
            house = (r.uniform(6, 16), r.uniform(6, 16), r.uniform(4, 16))
            f.box(house, (x, y, -drop), 'facade', angle)
            continue
        height, bark = r.uniform(2.5, 7), f.material('bark')
        trunk = (0.25, 0.25, height * 0.6)
        f.cylinder(trunk, (x, y, -drop), bark)
        crown(f, (x, y, height * 0.5 - drop), height * 0.35, height * 0.4, 5)
    daylight = r.uniform(0.5, 2.0)  # the lamps of the room do not light the street
    for i in range(first, len(b.materials)):
        b.materials[i] = replace(b.materials[i], glow=daylight)


# ---- ceiling


def build_ceiling(b: Builder, shape: RoomShape, material: int) -> list[Vector]:
    """Build the ceiling with lamps, beams, ducts; return where the lamps hang."""
    r, f, height = b.random, b.frame(), shape.height
    f.box((shape.width + 0.2, shape.depth + 0.2, 0.1), (0, 0, height), material)
    columns = max(1, round(shape.width / r.uniform(2.2, 4.5)))
    rows = max(1, round(shape.depth / r.uniform(2.2, 4.5)))
    kind, glow = r.choice(['panel', 'panel', 'tube', 'pendant', 'ball', 'none']), f.material('lamp')
    drop, lamps = r.uniform(0.2, min(1.0, height - 1.9)), []
    for i in range(columns):
        for j in range(rows):
            x = (i + 0.5) / columns * shape.width - shape.width / 2
            y = (j + 0.5) / rows * shape.depth - shape.depth / 2
            lamps.append(_hang_lamp(f, (x, y, height), kind, drop, glow))
    if shape.use in ('hall', 'warehouse') or r.random() < 0.15:
        _beams(f, shape, f.material(r.choice(['metal', 'wood', 'wall'])))
    return lamps


def _hang_lamp(f: LocalFrame, at: Vector, kind: str, drop: float, glow: int) -> Vector:
    """Hang a lamp under a point of the ceiling; return where its light comes from."""
    x, y, height = at
    if kind == 'panel':
        f.box((0.6, 0.6, 0.03), (x, y, height - 0.03), glow)
    elif kind == 'tube':
        f.box((0.15, 1.2, 0.07), (x, y, height - 0.07), glow)
    elif kind == 'ball':
        f.sphere((0.3, 0.3, 0.25), (x, y, height - 0.25), glow)
    elif kind == 'pendant':
        cord, shade = (0.015, 0.015, drop), (0.4, 0.4, 0.25)
        f.cylinder(cord, (x, y, height - drop), 'dark')
        f.lampshade(shade, (x, y, height - drop - 0.25), f.random.choice([glow, f.material('any')]))
        return (x, y, height - drop - 0.35)
    return (x, y, height - 0.12)


def _beams(f: LocalFrame, shape: RoomShape, material: int) -> None:
    """Span beams across the ceiling, and sometimes a duct along it."""
    r = f.random
    step, thickness = r.uniform(1.5, 5), r.uniform(0.12, 0.4)
    beam = (shape.width, thickness * 0.6, thickness)
    for k in range(int(shape.depth / step)):
        y = -shape.depth / 2 + step * (k + 0.5)
        f.box(beam, (0, y, shape.height - thickness), material)
    if r.random() < 0.5:
        x, diameter = r.uniform(-0.4, 0.4) * shape.width, r.uniform(0.15, 0.5)
        z = shape.height - thickness - diameter / 2
        f.rod((x, -shape.depth / 2, z), (x, shape.depth / 2, z), diameter, 'metal')
