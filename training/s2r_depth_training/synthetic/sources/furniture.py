"""Furniture, stores and people. Each builder stands on the frame's origin and faces its +y.

Builders return the footprint, which placement needs: half width and half depth, m.
"""

from __future__ import annotations

import math

from s2r_depth_training.synthetic.sources.builder import LocalFrame, Shape
from s2r_depth_training.synthetic.sources.small_things import clutter, keyboard, monitor
from s2r_depth_training.synthetic.sources.vegetation import crown

Footprint = tuple[float, float]


# ---- tables and seats


def table(f: LocalFrame) -> Footprint:
    """Build a table with things on it."""
    r = f.random
    width, depth = r.uniform(0.6, 2.2), r.uniform(0.5, 1.1)
    height, thickness = r.uniform(0.4, 0.78), r.uniform(0.02, 0.06)
    top = f.material(r.choice(['wood', 'wood', 'any', 'paint']))
    leg = top if r.random() < 0.5 else f.material('metal')
    leg_height = height - thickness
    if r.random() < 0.25:
        width = depth = max(width * 0.6, depth)
        f.cylinder((width, width, thickness), (0, 0, leg_height), top)
        f.cylinder((0.08, 0.08, leg_height), (0, 0, 0), leg)
        foot = (width * 0.5, width * 0.5, 0.03)
        f.cylinder(foot, (0, 0, 0), leg)
        usable = width * 0.65
    else:
        f.box((width, depth, thickness), (0, 0, leg_height), top)
        _four_legs(f, width, depth, leg_height, r.uniform(0.03, 0.08), leg)
        usable = width * 0.95
    clutter(f, height, usable, min(depth * 0.9, usable), r.randint(0, 12))
    f.tabletop(height, width, depth)
    return width / 2, depth / 2


def _four_legs(
    f: LocalFrame, width: float, depth: float, height: float, thickness: float, material: int
) -> None:
    shapes: list[Shape] = [f.box, f.box, f.cylinder]
    leg = f.random.choice(shapes)
    for x in (-width / 2 + thickness, width / 2 - thickness):
        for y in (-depth / 2 + thickness, depth / 2 - thickness):
            leg((thickness, thickness, height), (x, y, 0), material)


def desk(f: LocalFrame) -> Footprint:
    """Build a desk with a computer; its user sits at +y."""
    r = f.random
    width, depth, height = r.uniform(1.1, 1.9), r.uniform(0.6, 0.85), r.uniform(0.68, 0.78)
    top, leg = f.material(r.choice(['wood', 'wood', 'paint', 'any'])), f.material('metal')
    f.box((width, depth, 0.03), (0, 0, height - 0.03), top)
    _four_legs(f, width, depth, height - 0.03, 0.05, leg)
    if r.random() < 0.6:
        x = r.choice([-1, 1]) * (width / 2 - 0.25)
        f.box((0.4, depth * 0.9, height - 0.1), (x, 0, 0.02), top)
        drawer = (0.36, 0.02, height * 0.25)
        for k in range(3):
            f.box(drawer, (x, depth * 0.46, 0.05 + k * height * 0.28), 'any')
    screens = r.randint(0, 3)
    for k in range(screens):
        monitor(f.frame((k - (screens - 1) / 2) * 0.6, -depth * 0.25, height, r.gauss(0, 0.12)))
    if screens:
        keyboard(f.frame(r.gauss(0, 0.1), depth * 0.2, height, r.gauss(0, 0.08)))
    clutter(f, height, width * 0.9, depth * 0.85, r.randint(3, 12))
    if r.random() < 0.7:
        office_chair(f.frame(r.gauss(0, 0.2), depth / 2 + 0.35, 0, math.pi + r.gauss(0, 0.5)))
    f.tabletop(height, width, depth)
    return width / 2, depth / 2 + 0.4


def office_chair(f: LocalFrame) -> Footprint:
    """Build a swivel chair."""
    r = f.random
    width, seat = r.uniform(0.44, 0.54), r.uniform(0.42, 0.52)  # seat: its height
    cloth, dark = f.material('cloth'), f.material('dark')
    f.cushion((width, width, 0.1), (0, 0, seat - 0.08), cloth)
    back_low = (0, -width * 0.45, seat + 0.08)
    back_high = (0, -width * 0.6, seat + r.uniform(0.45, 0.8))
    f.padding(back_low, back_high, width * 0.95, 0.09, cloth)
    bracket = (0.06, 0.03, 0.3)
    f.box(bracket, (0, -width * 0.5, seat - 0.1), dark)
    column = (0.06, 0.06, seat - 0.1)
    f.cylinder(column, (0, 0, 0.05), dark)
    for k in range(5):
        angle = k * 1.2566
        toe = (0.3 * math.cos(angle), 0.3 * math.sin(angle), 0.05)
        f.beam((0, 0, 0.1), toe, 0.04, dark)
    if r.random() < 0.6:
        armrest, post = (0.05, 0.26, 0.03), (0.03, 0.03, 0.2)
        for x in (-width * 0.55, width * 0.55):
            f.box(armrest, (x, 0, seat + 0.18), dark)
            f.box(post, (x, -0.05, seat), dark)
    return 0.32, 0.32


def chair(f: LocalFrame) -> Footprint:
    """Build a chair with four legs."""
    r = f.random
    width, height, back = r.uniform(0.38, 0.5), r.uniform(0.4, 0.48), r.uniform(0.3, 0.6)
    frame = f.material(r.choice(['wood', 'wood', 'metal', 'plastic']))
    cover = frame if r.random() < 0.5 else f.material('cloth')
    seat: Shape = f.cushion if r.random() < 0.4 else f.box
    seat((width, width, r.uniform(0.025, 0.09)), (0, 0, height - 0.03), cover)
    lean, top = -width / 2 - r.uniform(0.0, 0.12), height + back
    front, rear = width / 2 - 0.03, -width / 2 + 0.03
    leg = (0.035, 0.035, height)
    for x in (rear, front):
        f.box(leg, (x, front, 0), frame)
        f.box(leg, (x, rear, 0), frame)
        f.beam((x, rear, height), (x, lean, top), 0.035, frame)
    if r.random() < 0.5:
        back_low = (0, -width / 2, height + back * 0.35)
        f.board(back_low, (0, lean, top), width * 0.95, 0.03, cover)
    else:
        slat = (width * 0.9, 0.02, 0.06)
        for k in range(r.randint(2, 4)):
            t = 0.3 + 0.65 * k / 3
            f.box(slat, (0, rear + (lean + width / 2 - 0.03) * t, height + back * t), frame)
    return width / 2, width / 2


def sofa(f: LocalFrame) -> Footprint:
    """Build a sofa or armchair."""
    r = f.random
    width, depth = r.uniform(0.8, 2.4), r.uniform(0.75, 1.0)
    seat, arm = r.uniform(0.36, 0.46), r.uniform(0.1, 0.24)  # height of the seat, width of an arm
    cloth = f.material('cloth')
    shapes: list[Shape] = [f.box, f.cushion]
    block = r.choice(shapes)
    f.box((width, depth, seat * 0.7), (0, 0, 0.05), cloth)
    back = (width, arm + 0.1, r.uniform(0.65, 0.95))
    block(back, (0, -depth / 2 + arm / 2, 0.05), cloth)
    for x in (-width / 2 + arm / 2, width / 2 - arm / 2):
        block((arm, depth, seat + r.uniform(0.1, 0.22)), (x, 0, 0.05), cloth)
    seats = max(1, int(width / 0.7))
    step = (width - 2 * arm) / seats
    soft = cloth if r.random() < 0.7 else f.material('cloth')
    for k in range(seats):
        x = -width / 2 + arm + step * (k + 0.5)
        f.cushion((step * 0.98, depth - arm, 0.17), (x, arm / 2, seat * 0.72), soft)
        f.cushion((step * 0.96, 0.2, 0.42), (x, -depth / 2 + arm + 0.12, seat), soft)
    loose = (0.42, 0.15, 0.4)
    for _ in range(r.randint(0, 3)):
        x = r.uniform(-0.5, 0.5) * (width - 2 * arm)
        at = (x, -depth / 2 + arm + 0.3, seat + 0.1)
        f.cushion(loose, at, 'cloth', r.uniform(-0.5, 0.5))
    f.tabletop(seat + 0.1, width, depth)
    return width / 2, depth / 2


def bed(f: LocalFrame) -> Footprint:
    """Build a bed, head at -y."""
    r = f.random
    width, depth, height = r.uniform(0.9, 1.9), r.uniform(1.9, 2.15), r.uniform(0.35, 0.55)
    f.box((width, depth, height * 0.6), (0, 0, 0.03), 'wood')
    mattress = (width * 0.98, depth * 0.98, height * 0.6)
    f.cushion(mattress, (0, 0, height * 0.45), 'cloth')
    headboard = (width, 0.06, r.uniform(0.7, 1.2))
    f.box(headboard, (0, -depth / 2, 0), 'wood')
    blanket = (width * 1.06, depth * 0.65, height * 0.55)
    f.cushion(blanket, (0, depth * 0.17, height * 0.56), 'cloth')
    linen, pillow = f.material('cloth'), (0.6, 0.4, 0.18)
    for x in (-width * 0.24, width * 0.24) if width > 1.3 else (0.0,):
        f.cushion(pillow, (x, -depth / 2 + 0.32, height * 0.98), linen, r.gauss(0, 0.15))
    return width / 2, depth / 2


# ---- storage


def shelf(f: LocalFrame) -> Footprint:
    """Build open shelves with books and things."""
    r = f.random
    width, depth, height = r.uniform(0.5, 1.6), r.uniform(0.25, 0.42), r.uniform(0.7, 2.3)
    levels = r.randint(2, 6)
    wood = f.material(r.choice(['wood', 'wood', 'wood', 'any', 'metal']))
    for x in (-width / 2, width / 2):
        f.box((0.03, depth, height), (x, 0, 0), wood)
    if r.random() < 0.75:
        back = (width, 0.015, height)
        f.box(back, (0, -depth / 2, 0), wood)
    for k in range(levels + 1):
        z, gap = height * k / levels * 0.98, height / levels
        f.box((width, depth, 0.025), (0, 0, z), wood)
        if k == levels:
            continue
        if r.random() < 0.6:
            row = width * r.uniform(0.3, 0.95)
            x = r.uniform(-0.5, 0.5) * (width - row)
            books = (row, depth * 0.7, gap * r.uniform(0.5, 0.85))
            f.box(books, (x, 0, z + 0.02), 'books')
        elif gap > 0.25:
            clutter(f, z + 0.025, width * 0.9, depth * 0.8, r.randint(1, 4))
    f.tabletop(height * 0.6, width, depth)
    return width / 2, depth / 2


def cabinet(f: LocalFrame) -> Footprint:
    """Build a cupboard or chest with doors or drawers."""
    r = f.random
    width, depth = r.uniform(0.4, 1.8), r.uniform(0.35, 0.65)
    height = r.choice([r.uniform(0.5, 1.0), r.uniform(1.4, 2.2)])
    body = f.material(r.choice(['wood', 'wood', 'any', 'paint']))
    front = body if r.random() < 0.5 else f.material('any')
    metal = f.material('metal')
    f.box((width, depth, height), (0, 0, 0), body)
    columns, rows = max(1, int(width / 0.5)), r.randint(1, 4)
    door, handle = (width / columns * 0.94, 0.02, height / rows * 0.94), (0.1, 0.02, 0.015)
    for i in range(columns):
        for j in range(rows):
            x, z = -width / 2 + width * (i + 0.5) / columns, height * (j + 0.03) / rows
            f.box(door, (x, depth / 2 + 0.005, z), front)
            f.box(handle, (x, depth / 2 + 0.03, z + height / rows * 0.5), metal)
    if height < 1.2:
        clutter(f, height, width * 0.9, depth * 0.8, r.randint(0, 6))
        f.tabletop(height, width, depth)
        if r.random() < 0.25:
            _television(f, height)
    return width / 2, depth / 2


def _television(f: LocalFrame, z: float) -> None:
    """Stand a television on something of height z."""
    width = f.random.uniform(0.7, 1.3)
    f.box((width, 0.05, width * 0.57), (0, 0, z + 0.06), 'dark')
    panel = (width * 0.97, 0.004, width * 0.54)
    f.box(panel, (0, 0.027, z + 0.07), f.random.choice(['screen', 'dark', 'picture']))
    foot = (width * 0.4, 0.2, 0.06)
    f.box(foot, (0, 0, z), 'dark')


def counter(f: LocalFrame) -> Footprint:
    """Build a kitchen counter with wall cupboards."""
    r = f.random
    width, depth, height = r.uniform(1.5, 3.4), 0.62, 0.9
    body, metal = f.material(r.choice(['wood', 'paint', 'any'])), f.material('metal')
    f.box((width, depth - 0.04, height - 0.04), (0, 0, 0), body)
    worktop = (width + 0.04, depth, 0.04)
    f.box(worktop, (0, 0, height - 0.04), r.choice(['wall', 'wood', 'metal', 'stone']))
    columns = max(2, int(width / 0.6))
    middles = [-width / 2 + width * (k + 0.5) / columns for k in range(columns)]
    door, handle = (width / columns * 0.95, 0.02, height * 0.78), (0.14, 0.02, 0.015)
    for x in middles:
        f.box(door, (x, depth / 2 - 0.01, 0.1), body)
        f.box(handle, (x, depth / 2 + 0.02, height * 0.8), metal)
    if r.random() < 0.8:
        _wall_cupboards(f, middles, width / columns, depth, body)
    if r.random() < 0.6:
        hob = (0.58, 0.5, 0.01)
        f.box(hob, (r.uniform(-0.3, 0.3) * width, 0, height), 'dark')
    clutter(f, height, width * 0.9, depth * 0.8, r.randint(3, 12))
    f.tabletop(height, width, depth)
    return width / 2, depth / 2


def _wall_cupboards(
    f: LocalFrame, middles: list[float], width: float, depth: float, body: int
) -> None:
    """Hang cupboards of one width over most columns of a counter of the given depth."""
    r = f.random
    low, height = r.uniform(1.35, 1.55), r.uniform(0.5, 0.75)
    cupboard, door = (width, 0.35, height), (width * 0.94, 0.02, height * 0.94)
    for x in middles:
        if r.random() < 0.85:
            f.box(cupboard, (x, -depth / 2 + 0.18, low), body)
            f.box(door, (x, -depth / 2 + 0.365, low + 0.02), body)


def appliance(f: LocalFrame) -> Footprint:
    """Build a fridge, an oven or a vending machine."""
    r = f.random
    width, depth, height = r.uniform(0.5, 0.9), r.uniform(0.5, 0.7), r.uniform(0.8, 1.9)
    paint = f.material('paint')
    f.box((width, depth, height), (0, 0, 0), paint)
    split = r.uniform(0.3, 0.6)
    lower_door = (width * 0.97, 0.03, height * (split - 0.02))
    f.box(lower_door, (0, depth / 2, height * 0.01), paint)
    upper_door = (width * 0.97, 0.03, height * (0.98 - split))
    f.box(upper_door, (0, depth / 2, height * split), r.choice(['paint', 'glass', 'goods']))
    x, y = width * 0.4, depth / 2 + 0.05
    f.rod((x, y, height * 0.5), (x, y, height * 0.8), 0.025, 'metal')  # handle
    return width / 2, depth / 2


def crates(f: LocalFrame) -> Footprint:
    """Stack boxes."""
    r, z = f.random, 0.0
    card = f.material(r.choice(['card', 'card', 'plastic', 'wood']))
    for _ in range(r.randint(1, 4)):
        width, depth, height = r.uniform(0.25, 0.65), r.uniform(0.25, 0.55), r.uniform(0.15, 0.45)
        at = (r.gauss(0, 0.04), r.gauss(0, 0.04), z)
        material = card if r.random() < 0.6 else 'any'
        f.box((width, depth, height), at, material, r.gauss(0, 0.2))
        z += height
    return 0.32, 0.32


def pallet(f: LocalFrame) -> Footprint:
    """Build a pallet with goods."""
    r, wood = f.random, f.material('wood')
    slat, bearer = (0.12, 1.2, 0.02), (0.8, 0.1, 0.12)
    for k in range(5):
        f.box(slat, (-0.34 + k * 0.17, 0, 0.12), wood)
    for y in (-0.55, 0, 0.55):
        f.box(bearer, (0, y, 0), wood)
    z, goods = 0.14, f.material(r.choice(['card', 'plastic', 'any']))
    for _ in range(r.randint(0, 4)):
        height = r.uniform(0.2, 0.45)
        for x in (-0.2, 0.2):
            for y in (-0.4, 0, 0.4):
                if r.random() < 0.9:
                    f.box((0.38, 0.38, height), (x, y, z), goods)
        z += height
    return 0.45, 0.62


def rack(f: LocalFrame) -> Footprint:
    """Build one bay of a warehouse rack."""
    r, width, depth, height = f.random, 2.7, 1.0, f.random.uniform(2.5, 5.5)
    steel, beam = f.material('paint'), f.material('plastic')
    for x in (-width / 2, width / 2):
        for y in (-depth / 2, depth / 2):
            f.box((0.09, 0.09, height), (x, y, 0), steel)
    levels = max(2, int(height / 1.4))
    for k in range(levels):
        z = 0.1 + height * k / levels
        for y in (-depth / 2, depth / 2):
            f.box((width, 0.05, 0.12), (0, y, z), beam)
        floor = 'metal' if r.random() < 0.3 else steel
        f.box((width, depth, 0.03), (0, 0, z + 0.1), floor)
        _goods_on(f, z + 0.13, width, depth, height / levels * 0.8)
    return width / 2, depth / 2


def _goods_on(f: LocalFrame, z: float, width: float, depth: float, tallest: float) -> None:
    """Set goods side by side on one level of a rack."""
    r, x = f.random, -width / 2 + 0.1
    while x < width / 2 - 0.3:
        length = r.uniform(0.3, 1.1)
        if r.random() < 0.85 and x + length < width / 2:
            role = r.choice(['card', 'card', 'goods', 'plastic', 'any'])
            size = (length, depth * r.uniform(0.5, 0.95), r.uniform(0.25, tallest))
            f.box(size, (x + length / 2, 0, z), role)
        x += length + r.uniform(0.02, 0.2)


# ---- what else stands about


def floor_lamp(f: LocalFrame) -> Footprint:
    """Build a standing lamp."""
    r, height, metal = f.random, f.random.uniform(1.2, 1.9), f.material('metal')
    foot, pole, shade = (0.3, 0.3, 0.03), (0.03, 0.03, height), (0.4, 0.4, 0.3)
    f.cylinder(foot, (0, 0, 0), metal)
    f.cylinder(pole, (0, 0, 0), metal)
    f.lampshade(shade, (0, 0, height - 0.1), 'lamp' if r.random() < 0.5 else 'cloth')
    return 0.2, 0.2


def plant(f: LocalFrame) -> Footprint:
    """Build a large pot plant."""
    r, width, height = f.random, f.random.uniform(0.22, 0.45), f.random.uniform(0.2, 0.5)
    pots: list[Shape] = [f.cylinder, f.vase, f.taper, f.bowl]
    pot = r.choice(pots)
    pot((width, width, height), (0, 0, 0), 'any')
    f.rod((0, 0, height * 0.8), (0, 0, height + 0.5), 0.03, 'bark')
    middle = (0, 0, height + r.uniform(0, 0.5))
    crown(f, middle, 0.35, r.uniform(0.25, 0.5), r.randint(3, 7))
    return width / 2 + 0.1, width / 2 + 0.1


def person(f: LocalFrame) -> Footprint:
    """Build somebody who stands or walks."""
    r = f.random
    height, stride = r.uniform(1.5, 1.9), r.uniform(-0.2, 0.2)
    skin, shirt, trousers = f.material('skin'), f.material('cloth'), f.material('cloth')
    for side in (-1, 1):
        hip, foot = (side * 0.09, 0, height * 0.49), (side * 0.09, side * stride, 0.05)
        f.rod(foot, hip, 0.15, trousers)
        shoe = (0.1, 0.27, 0.1)
        f.cushion(shoe, (foot[0], foot[1] + 0.06, 0), 'dark')
        shoulder = (side * 0.2, 0, height * 0.8)
        hand = (side * 0.27, -side * stride * 0.8 + 0.05, height * 0.46)
        f.rod(hand, shoulder, 0.1, shirt)
        fist = (0.09, 0.09, 0.12)
        f.ball(fist, (hand[0], hand[1], height * 0.41), skin)
    trunk, neck = (0.44, 0.27, height * 0.37), (0.11, 0.11, 0.12)
    f.cushion(trunk, (0, 0, height * 0.46), shirt)
    f.cylinder(neck, (0, 0, height * 0.81), skin)
    head, hair = (0.18, 0.22, 0.25), (0.2, 0.22, 0.18)
    f.sphere(head, (0, 0.01, height - 0.25), skin)
    f.sphere(hair, (0, -0.02, height - 0.15), 'hair')
    return 0.3, 0.3


def waste_bin(f: LocalFrame) -> Footprint:
    """Build a waste bin."""
    r, width = f.random, f.random.uniform(0.22, 0.45)
    shapes: list[Shape] = [f.cylinder, f.taper, f.bowl]
    can = r.choice(shapes)
    can((width, width, r.uniform(0.3, 0.9)), (0, 0, 0), 'any')
    return width / 2, width / 2


def whiteboard(f: LocalFrame) -> Footprint:
    """Build a board on a stand."""
    width, metal = f.random.uniform(1.0, 1.8), f.material('metal')
    post, foot, board = (0.04, 0.04, 1.8), (0.05, 0.5, 0.04), (width, 0.03, 1.0)
    for x in (-width / 2, width / 2):
        f.box(post, (x, 0, 0), metal)
        f.box(foot, (x, 0, 0), metal)
    f.box(board, (0, 0, 0.8), f.random.choice(['screen', 'wall', 'picture']))
    return width / 2, 0.25
