"""What stands on the floor of a room, and where."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from s2r_depth_training.synthetic.sources import furniture as make
from s2r_depth_training.synthetic.sources import small_things
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame, Shape
from s2r_depth_training.synthetic.sources.furniture import Footprint
from s2r_depth_training.synthetic.sources.room import RoomShape, walls_of

Furniture = Callable[[LocalFrame], Footprint]
"""A builder of one piece of furniture; two builders are one piece if they are equal."""

Disc = tuple[float, float, float]
"""x, y, radius of a piece of floor, m."""


@dataclass(frozen=True)
class Furnishing:
    """What a room of some use has, with weights, and the share of the floor that it may take."""

    weights: dict[Furniture, float]
    share: float


FURNISHINGS = {
    'living': Furnishing({
        make.sofa: 3, make.table: 3, make.shelf: 2, make.cabinet: 2.5, make.plant: 1.5,
        make.floor_lamp: 1, make.chair: 1.5, make.person: 0.4, make.crates: 0.4,
    }, 0.62),
    'bedroom': Furnishing({
        make.bed: 3, make.cabinet: 3, make.chair: 1, make.shelf: 1.5, make.desk: 1,
        make.plant: 0.7, make.floor_lamp: 1, make.crates: 0.5, make.sofa: 0.5,
    }, 0.6),
    'office': Furnishing({
        make.desk: 6, make.shelf: 2, make.cabinet: 1.5, make.whiteboard: 0.8, make.table: 1,
        make.plant: 1, make.crates: 0.8, make.waste_bin: 0.8, make.person: 0.7,
    }, 0.62),
    'kitchen': Furnishing({
        make.counter: 3, make.table: 2, make.appliance: 2, make.cabinet: 1.5, make.chair: 2,
        make.shelf: 1, make.waste_bin: 0.7, make.person: 0.5,
    }, 0.62),
    'corridor': Furnishing({
        make.cabinet: 1.5, make.plant: 1, make.chair: 1, make.waste_bin: 1, make.crates: 1.5,
        make.shelf: 1, make.person: 1.2, make.appliance: 0.5,
    }, 0.3),
    'hall': Furnishing({
        make.table: 3, make.chair: 3, make.plant: 1, make.person: 2, make.sofa: 1.5,
        make.shelf: 1.5, make.cabinet: 1, make.whiteboard: 1, make.desk: 1, make.crates: 1,
    }, 0.3),
    'warehouse': Furnishing({
        make.rack: 6, make.pallet: 5, make.crates: 4, make.person: 1, make.waste_bin: 0.7,
    }, 0.4),
}  # fmt: skip
"""By the use of a room."""

AGAINST_WALL = {make.sofa, make.bed, make.shelf, make.cabinet, make.appliance, make.counter}
LARGE = {make.rack, make.counter, make.bed, make.sofa}


class FloorPlan:
    """Keeps furniture apart: one or more discs for each footprint, whatever its heading."""

    def __init__(self) -> None:
        self.discs: list[Disc] = []

    def is_free(self, x: float, y: float, radius: float) -> bool:
        """Return whether a disc touches no other."""
        return all(math.hypot(x - a, y - b) > 0.8 * (radius + c) for a, b, c in self.discs)

    def take(self, x: float, y: float, yaw: float, half: Footprint) -> None:
        """Occupy an oblong with discs along its longer side."""
        long, short = max(half), max(min(half), 0.15)
        along = yaw if half[0] >= half[1] else yaw + math.pi / 2
        n = max(1, round(long / short))
        for k in range(n):
            t = (2 * k + 1 - n) / n * long
            self.discs.append((x + t * math.cos(along), y + t * math.sin(along), short * 1.2))


def furnish(b: Builder, shape: RoomShape) -> list[Disc]:
    """Fill the floor with furniture that suits the room's use; return what it occupies."""
    r, plan, furnishing = b.random, FloorPlan(), FURNISHINGS[shape.use]
    weights, area, taken = furnishing.weights, shape.width * shape.depth, 0.0
    share = furnishing.share * r.uniform(0.4, 1.2)
    for _ in range(60):
        if taken > share * area:
            break
        item = r.choices(list(weights), list(weights.values()))[0]
        spot = _find_spot(b, shape, plan, item)
        if spot is None:
            continue
        x, y, yaw = spot
        half = item(b.frame(x, y, 0, yaw))
        plan.take(x, y, yaw, half)
        taken += 4 * half[0] * half[1] + 0.3
        if item is make.table and r.random() < 0.75:
            _chairs_around(b, shape, plan, spot, half)
    _lay_rugs(b, shape)
    _drop_things(b, shape)
    if shape.use in ('hall', 'warehouse'):
        _stand_columns(b, shape, plan)
    return plan.discs


def _find_spot(
    b: Builder, shape: RoomShape, plan: FloorPlan, item: Furniture
) -> tuple[float, float, float] | None:
    """Draw x, y and yaw where a piece fits; None if a few tries do not give any."""
    r = b.random
    size = 1.3 if item in LARGE else 0.6
    for _ in range(8):
        if item in AGAINST_WALL or shape.use == 'corridor' or r.random() < 0.4:
            side = r.randint(0, 3) if shape.use != 'corridor' else r.randint(2, 3)
            wall, length = walls_of(b, shape)[side]
            off = 0.36 if item is not make.bed else 1.1
            x, y, _ = wall.world(r.uniform(-0.5, 0.5) * max(length - 2 * size, 0.1), off)
            yaw = wall.yaw + r.gauss(0, 0.03)
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


def _chairs_around(
    b: Builder,
    shape: RoomShape,
    plan: FloorPlan,
    table: tuple[float, float, float],
    half: Footprint,
) -> None:
    """Put chairs around a table (x, y, yaw) of the given footprint."""
    r, (x, y, yaw) = b.random, table
    kind = r.choice([make.chair, make.chair, make.office_chair])
    for k in range(r.randint(1, 5)):
        angle = yaw + k * 1.5708 + r.gauss(0, 0.25)
        reach = half[k % 2]
        cx, cy = x + (reach + 0.15) * math.cos(angle), y + (reach + 0.15) * math.sin(angle)
        heading = angle + math.pi / 2 + r.gauss(0, 0.3)
        if abs(cx) < shape.width / 2 - 0.25 and abs(cy) < shape.depth / 2 - 0.25:
            kind(b.frame(cx, cy, 0, heading))
            plan.take(cx, cy, 0, (0.25, 0.25))


def _lay_rugs(b: Builder, shape: RoomShape) -> None:
    r, f = b.random, b.frame()
    shapes: list[Shape] = [f.box, f.box, f.cylinder]
    for _ in range(r.randint(0, 2)):
        size = (r.uniform(0.8, 3), r.uniform(0.8, 2.4), 0.012)
        at = (r.uniform(-0.3, 0.3) * shape.width, r.uniform(-0.3, 0.3) * shape.depth, 0)
        rug = r.choice(shapes)
        rug(size, at, 'cloth', r.choice([0, 1.57, r.random()]))


def _drop_things(b: Builder, shape: RoomShape) -> None:
    """Drop small things on the floor."""
    r, f = b.random, b.frame()
    things: list[Callable[[LocalFrame], object]] = [
        small_things.carton, small_things.toy, small_things.book_stack, small_things.bottle,
        make.waste_bin, small_things.papers,
    ]  # fmt: skip
    for _ in range(min(14, round(shape.width * shape.depth * r.uniform(0, 0.5)))):
        x, y = r.uniform(-0.46, 0.46) * shape.width, r.uniform(-0.46, 0.46) * shape.depth
        drop = r.choice(things)
        drop(f.frame(x, y, 0, r.uniform(0, 6.28)))


def _stand_columns(b: Builder, shape: RoomShape, plan: FloorPlan) -> None:
    r, f = b.random, b.frame()
    shapes: list[Shape] = [f.box, f.cylinder]
    material, thickness = f.material('wall'), r.uniform(0.25, 0.6)
    for _ in range(r.randint(0, 8)):
        x, y = r.uniform(-0.45, 0.45) * shape.width, r.uniform(-0.45, 0.45) * shape.depth
        if plan.is_free(x, y, thickness / 2):
            column = r.choice(shapes)
            column((thickness, thickness, shape.height), (x, y, 0), material)
            plan.take(x, y, 0, (thickness / 2, thickness / 2))
