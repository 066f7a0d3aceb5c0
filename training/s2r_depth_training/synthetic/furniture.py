"""Furniture and small things. Each builder stands on the frame's origin and faces its +y.

Returned where placement needs it: half width and half depth of the footprint, m.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from s2r_depth_training.synthetic.builder import Frame
from s2r_depth_training.synthetic.scene import Relief

Footprint = tuple[float, float]


# ---- things that stand on tables, shelves and floors


def mug(f: Frame) -> None:
    """Put down a mug."""
    h, m = f.random.uniform(0.07, 0.13), f.material('plastic')
    f.put('cylinder', (0.085, 0.085, h), (0, 0, 0), m)
    f.put('box', (0.015, 0.05, h * 0.6), (0, 0.055, h * 0.2), m)


def bottle(f: Frame) -> None:
    """Put down a bottle."""
    w = f.random.uniform(0.05, 0.11)
    f.put(
        'bottle',
        (w, w, f.random.uniform(0.14, 0.34)),
        (0, 0, 0),
        f.random.choice(['glass', 'plastic']),
    )


def bowl(f: Frame) -> None:
    """Put down a bowl, sometimes with fruit."""
    w, h = f.random.uniform(0.12, 0.3), f.random.uniform(0.05, 0.12)
    f.put('bowl', (w, w, h), (0, 0, 0), 'any')
    if f.random.random() < 0.4:
        m = f.material('plastic')
        for k in range(4):
            d = w * 0.3
            f.put(
                'ball',
                (d, d, d),
                (math.cos(k * 1.6) * w * 0.2, math.sin(k * 1.6) * w * 0.2, h * 0.5),
                m,
            )


def vase(f: Frame) -> None:
    """Put down a vase."""
    w = f.random.uniform(0.08, 0.2)
    f.put('vase', (w, w, f.random.uniform(0.12, 0.35)), (0, 0, 0), 'any')


def book_stack(f: Frame) -> None:
    """Put down some books or papers."""
    r, z = f.random, 0.0
    for _ in range(r.randint(1, 5)):
        h = r.uniform(0.01, 0.05)
        size = (r.uniform(0.14, 0.3), r.uniform(0.12, 0.22), h)
        f.put('box', size, (0, 0, z), r.choice(['any', 'picture', 'card']), r.uniform(-0.4, 0.4))
        z += h


def carton(f: Frame) -> None:
    """Put down a small box."""
    r = f.random
    size = (r.uniform(0.08, 0.3), r.uniform(0.06, 0.25), r.uniform(0.04, 0.3))
    f.put('box', size, (0, 0, 0), r.choice(['card', 'picture', 'any', 'plastic']))


def monitor(f: Frame) -> None:
    """Put down a monitor that looks along +y."""
    r = f.random
    w, dark = r.uniform(0.4, 0.75), f.material('dark')
    h = w * r.uniform(0.5, 0.65)
    f.put('box', (0.22, 0.16, 0.015), (0, 0, 0), dark)
    f.put('box', (0.05, 0.03, 0.15), (0, -0.02, 0), dark)
    f.put('box', (w, 0.03, h), (0, 0, 0.1), dark)
    f.put(
        'box',
        (w * 0.96, 0.004, h * 0.93),
        (0, 0.016, 0.1 + h * 0.035),
        'screen' if r.random() < 0.7 else dark,
    )


def laptop(f: Frame) -> None:
    """Put down an open laptop."""
    r = f.random
    w, body = r.uniform(0.28, 0.38), f.material(r.choice(['metal', 'dark']))
    d = w * 0.68
    f.put('box', (w, d, 0.018), (0, 0, 0), body)
    f.put('box', (w * 0.85, d * 0.45, 0.002), (0, -d * 0.12, 0.018), 'dark')
    lean = r.uniform(0.05, 0.5)
    top = (0, -d / 2 - d * math.sin(lean), d * math.cos(lean) + 0.01)
    f.rod((0, -d / 2, 0.01), top, w, body, 'box', 0.012)
    low, high = (0, -d / 2 + 0.008, 0.03), (0, top[1] + 0.012, top[2] - 0.01)
    f.rod(low, high, w * 0.94, 'screen', 'box', 0.004)


def keyboard(f: Frame) -> None:
    """Put down a keyboard and a mouse."""
    m = f.material(f.random.choice(['dark', 'metal']))
    f.put('box', (0.42, 0.14, 0.018), (0, 0, 0), m)
    f.put('box', (0.4, 0.12, 0.004), (0, 0, 0.018), 'dark')
    f.put('cushion', (0.06, 0.1, 0.035), (0.3, 0, 0), m)


def toy(f: Frame) -> None:
    """Put down a ball or a few blocks."""
    r = f.random
    if r.random() < 0.5:
        d = r.uniform(0.06, 0.24)
        f.put('sphere', (d, d, d), (0, 0, 0), r.choice(['plastic', 'any']))
        return
    for _ in range(r.randint(2, 5)):
        d = r.uniform(0.03, 0.09)
        at = (r.gauss(0, 0.07), r.gauss(0, 0.07), 0)
        f.put(
            r.choice(['box', 'cylinder', 'wedge', 'cone']),
            (d, d, d),
            at,
            'plastic',
            r.uniform(0, 3),
        )


def pot_plant(f: Frame) -> None:
    """Put down a small plant."""
    r, w = f.random, f.random.uniform(0.1, 0.2)
    f.put('taper', (w, w, w), (0, 0, 0), 'any')
    foliage(f, 0, 0, w, w * 1.2, r.uniform(0.15, 0.4), r.randint(2, 4))


def table_lamp(f: Frame) -> None:
    """Put down a lamp with a shade."""
    r, h = f.random, f.random.uniform(0.25, 0.5)
    f.put('vase', (0.12, 0.12, h * 0.65), (0, 0, 0), 'any')
    f.put(
        'shade', (0.26, 0.26, h * 0.45), (0, 0, h * 0.55), 'lamp' if r.random() < 0.5 else 'cloth'
    )


def frame_picture(f: Frame) -> None:
    """Put down a small framed photograph."""
    w = f.random.uniform(0.1, 0.25)
    f.put('box', (w, 0.02, w * 1.2), (0, 0, 0), 'wood')
    f.put('box', (w * 0.85, 0.004, w * 1.05), (0, 0.011, w * 0.07), 'picture')


def papers(f: Frame) -> None:
    """Spread a few sheets."""
    r = f.random
    for k in range(r.randint(1, 4)):
        at = (r.gauss(0, 0.08), r.gauss(0, 0.06), 0.001 * k)
        f.put(
            'box',
            (0.21, 0.297, 0.002),
            at,
            'card' if r.random() < 0.7 else 'picture',
            r.uniform(0, 3),
        )


def pen_holder(f: Frame) -> None:
    """Put down a cup of pens."""
    r = f.random
    f.put('cylinder', (0.08, 0.08, 0.1), (0, 0, 0), 'any')
    for k in range(4):
        a = k * 1.57 + r.random()
        tip = (0.045 * math.cos(a), 0.045 * math.sin(a), 0.17)
        f.rod((0, 0, 0.02), tip, 0.009, 'plastic')


SMALL_THINGS: list[tuple[Callable[[Frame], None], float]] = [
    (mug, 2), (bottle, 2), (bowl, 1), (vase, 1), (book_stack, 2.5), (carton, 2.5), (toy, 1),
    (pot_plant, 0.8), (table_lamp, 0.6), (frame_picture, 0.7), (papers, 1.2), (pen_holder, 0.7),
    (laptop, 0.6),
]  # fmt: skip
_THINGS = [thing for thing, _ in SMALL_THINGS]
_WEIGHTS = [weight for _, weight in SMALL_THINGS]


def clutter(f: Frame, z: float, width: float, depth: float, count: int) -> None:
    """Spread small things over a surface, each in a cell of its own."""
    r = f.random
    columns = max(1, int(width / 0.28))
    rows = max(1, int(depth / 0.28))
    cells = [(i, j) for i in range(columns) for j in range(rows)]
    for i, j in r.sample(cells, min(count, len(cells))):
        x = (i + r.uniform(0.3, 0.7)) / columns * width - width / 2
        y = (j + r.uniform(0.35, 0.65)) / rows * depth - depth / 2
        r.choices(_THINGS, _WEIGHTS)[0](f.frame(x, y, z, r.gauss(0, 0.5)))


def foliage(f: Frame, x: float, y: float, z: float, spread: float, size: float, count: int,
            leaf: int | None = None) -> None:  # fmt: skip
    """Make a crown of leaf blobs around a point."""
    r = f.random
    leaf = f.material('leaf') if leaf is None else leaf
    for _ in range(count):
        s = size * r.uniform(0.7, 1.3)
        at = (
            x + r.gauss(0, spread * 0.4),
            y + r.gauss(0, spread * 0.4),
            z + r.uniform(-0.1, 0.8) * size,
        )
        relief = Relief(0.25, 1, r.uniform(0.5, 0.95), 4.0 / (0.15 + 0.45 * s))
        f.put('sphere', (s, s, s * r.uniform(0.6, 1.4)), at, leaf, r.uniform(0, 6), relief)


# ---- furniture


def table(f: Frame) -> Footprint:
    """Build a table with things on it."""
    r = f.random
    w, d, h, t = (
        r.uniform(0.6, 2.2),
        r.uniform(0.5, 1.1),
        r.uniform(0.4, 0.78),
        r.uniform(0.02, 0.06),
    )
    top = f.material(r.choice(['wood', 'wood', 'any', 'paint']))
    leg = top if r.random() < 0.5 else f.material('metal')
    if r.random() < 0.25:
        w = d = max(w * 0.6, d)
        f.put('cylinder', (w, w, t), (0, 0, h - t), top)
        f.put('cylinder', (0.08, 0.08, h - t), (0, 0, 0), leg)
        f.put('cylinder', (w * 0.5, w * 0.5, 0.03), (0, 0, 0), leg)
        usable = w * 0.65
    else:
        f.put('box', (w, d, t), (0, 0, h - t), top)
        _legs(f, w, d, h - t, r.uniform(0.03, 0.08), leg)
        usable = w * 0.95
    clutter(f, h, usable, min(d * 0.9, usable), r.randint(0, 12))
    f.surface(0, 0, h, w, d)
    return w / 2, d / 2


def _legs(f: Frame, w: float, d: float, h: float, thick: float, material: int) -> None:
    mesh = f.random.choice(['box', 'box', 'cylinder'])
    for x in (-w / 2 + thick, w / 2 - thick):
        for y in (-d / 2 + thick, d / 2 - thick):
            f.put(mesh, (thick, thick, h), (x, y, 0), material)


def desk(f: Frame) -> Footprint:
    """Build a desk with a computer; its user sits at +y."""
    r = f.random
    w, d, h = r.uniform(1.1, 1.9), r.uniform(0.6, 0.85), r.uniform(0.68, 0.78)
    top, leg = f.material(r.choice(['wood', 'wood', 'paint', 'any'])), f.material('metal')
    f.put('box', (w, d, 0.03), (0, 0, h - 0.03), top)
    _legs(f, w, d, h - 0.03, 0.05, leg)
    if r.random() < 0.6:
        side = r.choice([-1, 1])
        f.put('box', (0.4, d * 0.9, h - 0.1), (side * (w / 2 - 0.25), 0, 0.02), top)
        for k in range(3):
            f.put(
                'box',
                (0.36, 0.02, h * 0.25),
                (side * (w / 2 - 0.25), d * 0.46, 0.05 + k * h * 0.28),
                'any',
            )
    screens = r.randint(0, 3)
    for k in range(screens):
        monitor(f.frame((k - (screens - 1) / 2) * 0.6, -d * 0.25, h, r.gauss(0, 0.12)))
    if screens:
        keyboard(f.frame(r.gauss(0, 0.1), d * 0.2, h, r.gauss(0, 0.08)))
    clutter(f, h, w * 0.9, d * 0.85, r.randint(3, 12))
    if r.random() < 0.7:
        office_chair(f.frame(r.gauss(0, 0.2), d / 2 + 0.35, 0, math.pi + r.gauss(0, 0.5)))
    f.surface(0, 0, h, w, d)
    return w / 2, d / 2 + 0.4


def office_chair(f: Frame) -> Footprint:
    """Build a swivel chair."""
    r = f.random
    w, h, cloth, leg = (
        r.uniform(0.44, 0.54),
        r.uniform(0.42, 0.52),
        f.material('cloth'),
        f.material('dark'),
    )
    f.put('cushion', (w, w, 0.1), (0, 0, h - 0.08), cloth)
    f.rod(
        (0, -w * 0.45, h + 0.08),
        (0, -w * 0.6, h + r.uniform(0.45, 0.8)),
        w * 0.95,
        cloth,
        'cushion',
        0.09,
    )
    f.put('box', (0.06, 0.03, 0.3), (0, -w * 0.5, h - 0.1), leg)
    f.put('cylinder', (0.06, 0.06, h - 0.1), (0, 0, 0.05), leg)
    for k in range(5):
        a = k * 1.2566
        f.rod((0, 0, 0.1), (0.3 * math.cos(a), 0.3 * math.sin(a), 0.05), 0.04, leg, 'box')
    if r.random() < 0.6:
        for x in (-w * 0.55, w * 0.55):
            f.put('box', (0.05, 0.26, 0.03), (x, 0, h + 0.18), leg)
            f.put('box', (0.03, 0.03, 0.2), (x, -0.05, h), leg)
    return 0.32, 0.32


def chair(f: Frame) -> Footprint:
    """Build a chair with four legs."""
    r = f.random
    w, h, back = r.uniform(0.38, 0.5), r.uniform(0.4, 0.48), r.uniform(0.3, 0.6)
    frame = f.material(r.choice(['wood', 'wood', 'metal', 'plastic']))
    seat = frame if r.random() < 0.5 else f.material('cloth')
    f.put(
        'cushion' if r.random() < 0.4 else 'box',
        (w, w, r.uniform(0.025, 0.09)),
        (0, 0, h - 0.03),
        seat,
    )
    lean, high = -w / 2 - r.uniform(0.0, 0.12), h + back
    for x in (-w / 2 + 0.03, w / 2 - 0.03):
        f.put('box', (0.035, 0.035, h), (x, w / 2 - 0.03, 0), frame)
        f.put('box', (0.035, 0.035, h), (x, -w / 2 + 0.03, 0), frame)
        f.rod((x, -w / 2 + 0.03, h), (x, lean, high), 0.035, frame, 'box')
    if r.random() < 0.5:
        f.rod((0, -w / 2, h + back * 0.35), (0, lean, high), w * 0.95, seat, 'box', 0.03)
    else:
        for k in range(r.randint(2, 4)):
            t = 0.3 + 0.65 * k / 3
            f.put(
                'box',
                (w * 0.9, 0.02, 0.06),
                (0, -w / 2 + 0.03 + (lean + w / 2 - 0.03) * t, h + back * t),
                frame,
            )
    return w / 2, w / 2


def sofa(f: Frame) -> Footprint:
    """Build a sofa or armchair."""
    r = f.random
    w, d, h, arm = (
        r.uniform(0.8, 2.4),
        r.uniform(0.75, 1.0),
        r.uniform(0.36, 0.46),
        r.uniform(0.1, 0.24),
    )
    cloth = f.material('cloth')
    block = r.choice(['box', 'cushion'])
    f.put('box', (w, d, h * 0.7), (0, 0, 0.05), cloth)
    f.put(block, (w, arm + 0.1, r.uniform(0.65, 0.95)), (0, -d / 2 + arm / 2, 0.05), cloth)
    for x in (-w / 2 + arm / 2, w / 2 - arm / 2):
        f.put(block, (arm, d, h + r.uniform(0.1, 0.22)), (x, 0, 0.05), cloth)
    seats = max(1, int(w / 0.7))
    step = (w - 2 * arm) / seats
    soft = cloth if r.random() < 0.7 else f.material('cloth')
    for k in range(seats):
        x = -w / 2 + arm + step * (k + 0.5)
        f.put('cushion', (step * 0.98, d - arm, 0.17), (x, arm / 2, h * 0.72), soft)
        f.put('cushion', (step * 0.96, 0.2, 0.42), (x, -d / 2 + arm + 0.12, h), soft)
    for _ in range(r.randint(0, 3)):
        x = r.uniform(-0.5, 0.5) * (w - 2 * arm)
        f.put(
            'cushion',
            (0.42, 0.15, 0.4),
            (x, -d / 2 + arm + 0.3, h + 0.1),
            'cloth',
            r.uniform(-0.5, 0.5),
        )
    f.surface(0, 0, h + 0.1, w, d)
    return w / 2, d / 2


def bed(f: Frame) -> Footprint:
    """Build a bed, head at -y."""
    r = f.random
    w, d, h = r.uniform(0.9, 1.9), r.uniform(1.9, 2.15), r.uniform(0.35, 0.55)
    f.put('box', (w, d, h * 0.6), (0, 0, 0.03), 'wood')
    f.put('cushion', (w * 0.98, d * 0.98, h * 0.6), (0, 0, h * 0.45), 'cloth')
    f.put('box', (w, 0.06, r.uniform(0.7, 1.2)), (0, -d / 2, 0), 'wood')
    f.put('cushion', (w * 1.06, d * 0.65, h * 0.55), (0, d * 0.17, h * 0.56), 'cloth')
    pillow = f.material('cloth')
    for x in (-w * 0.24, w * 0.24) if w > 1.3 else (0.0,):
        f.put('cushion', (0.6, 0.4, 0.18), (x, -d / 2 + 0.32, h * 0.98), pillow, r.gauss(0, 0.15))
    return w / 2, d / 2


def shelf(f: Frame) -> Footprint:
    """Build open shelves with books and things."""
    r = f.random
    w, d, h, n = r.uniform(0.5, 1.6), r.uniform(0.25, 0.42), r.uniform(0.7, 2.3), r.randint(2, 6)
    wood = f.material(r.choice(['wood', 'wood', 'wood', 'any', 'metal']))
    for x in (-w / 2, w / 2):
        f.put('box', (0.03, d, h), (x, 0, 0), wood)
    if r.random() < 0.75:
        f.put('box', (w, 0.015, h), (0, -d / 2, 0), wood)
    for k in range(n + 1):
        z, gap = h * k / n * 0.98, h / n
        f.put('box', (w, d, 0.025), (0, 0, z), wood)
        if k == n:
            continue
        if r.random() < 0.6:
            width = w * r.uniform(0.3, 0.95)
            x = r.uniform(-0.5, 0.5) * (w - width)
            f.put('box', (width, d * 0.7, gap * r.uniform(0.5, 0.85)), (x, 0, z + 0.02), 'books')
        elif gap > 0.25:
            clutter(f, z + 0.025, w * 0.9, d * 0.8, r.randint(1, 4))
    f.surface(0, 0, h * 0.6, w, d)
    return w / 2, d / 2


def cabinet(f: Frame) -> Footprint:
    """Build a cupboard or chest with doors or drawers."""
    r = f.random
    w, d = r.uniform(0.4, 1.8), r.uniform(0.35, 0.65)
    h = r.choice([r.uniform(0.5, 1.0), r.uniform(1.4, 2.2)])
    body = f.material(r.choice(['wood', 'wood', 'any', 'paint']))
    front = body if r.random() < 0.5 else f.material('any')
    knob = f.material('metal')
    f.put('box', (w, d, h), (0, 0, 0), body)
    columns, rows = max(1, int(w / 0.5)), r.randint(1, 4)
    for i in range(columns):
        for j in range(rows):
            x, z = -w / 2 + w * (i + 0.5) / columns, h * (j + 0.03) / rows
            f.put('box', (w / columns * 0.94, 0.02, h / rows * 0.94), (x, d / 2 + 0.005, z), front)
            f.put('box', (0.1, 0.02, 0.015), (x, d / 2 + 0.03, z + h / rows * 0.5), knob)
    if h < 1.2:
        clutter(f, h, w * 0.9, d * 0.8, r.randint(0, 6))
        f.surface(0, 0, h, w, d)
        if r.random() < 0.25:
            television(f, h)
    return w / 2, d / 2


def television(f: Frame, z: float) -> None:
    """Stand a television on something of height z."""
    w = f.random.uniform(0.7, 1.3)
    f.put('box', (w, 0.05, w * 0.57), (0, 0, z + 0.06), 'dark')
    f.put(
        'box',
        (w * 0.97, 0.004, w * 0.54),
        (0, 0.027, z + 0.07),
        f.random.choice(['screen', 'dark', 'picture']),
    )
    f.put('box', (w * 0.4, 0.2, 0.06), (0, 0, z), 'dark')


def counter(f: Frame) -> Footprint:
    """Build a kitchen counter with wall cupboards."""
    r = f.random
    w, d, h = r.uniform(1.5, 3.4), 0.62, 0.9
    body, knob = f.material(r.choice(['wood', 'paint', 'any'])), f.material('metal')
    f.put('box', (w, d - 0.04, h - 0.04), (0, 0, 0), body)
    f.put(
        'box', (w + 0.04, d, 0.04), (0, 0, h - 0.04), r.choice(['wall', 'wood', 'metal', 'stone'])
    )
    n = max(2, int(w / 0.6))
    for k in range(n):
        x = -w / 2 + w * (k + 0.5) / n
        f.put('box', (w / n * 0.95, 0.02, h * 0.78), (x, d / 2 - 0.01, 0.1), body)
        f.put('box', (0.14, 0.02, 0.015), (x, d / 2 + 0.02, h * 0.8), knob)
    if r.random() < 0.8:
        low, tall = r.uniform(1.35, 1.55), r.uniform(0.5, 0.75)
        for k in range(n):
            if r.random() < 0.85:
                x = -w / 2 + w * (k + 0.5) / n
                f.put('box', (w / n, 0.35, tall), (x, -d / 2 + 0.18, low), body)
                f.put(
                    'box', (w / n * 0.94, 0.02, tall * 0.94), (x, -d / 2 + 0.365, low + 0.02), body
                )
    if r.random() < 0.6:
        f.put('box', (0.58, 0.5, 0.01), (r.uniform(-0.3, 0.3) * w, 0, h), 'dark')
    clutter(f, h, w * 0.9, d * 0.8, r.randint(3, 12))
    f.surface(0, 0, h, w, d)
    return w / 2, d / 2


def appliance(f: Frame) -> Footprint:
    """Build a fridge, an oven or a vending machine."""
    r = f.random
    w, d, h, paint = (
        r.uniform(0.5, 0.9),
        r.uniform(0.5, 0.7),
        r.uniform(0.8, 1.9),
        f.material('paint'),
    )
    f.put('box', (w, d, h), (0, 0, 0), paint)
    split = r.uniform(0.3, 0.6)
    f.put('box', (w * 0.97, 0.03, h * (split - 0.02)), (0, d / 2, h * 0.01), paint)
    f.put(
        'box',
        (w * 0.97, 0.03, h * (0.98 - split)),
        (0, d / 2, h * split),
        r.choice(['paint', 'glass', 'goods']),
    )
    f.rod((w * 0.4, d / 2 + 0.05, h * 0.5), (w * 0.4, d / 2 + 0.05, h * 0.8), 0.025, 'metal')
    return w / 2, d / 2


def floor_lamp(f: Frame) -> Footprint:
    """Build a standing lamp."""
    r, h, metal = f.random, f.random.uniform(1.2, 1.9), f.material('metal')
    f.put('cylinder', (0.3, 0.3, 0.03), (0, 0, 0), metal)
    f.put('cylinder', (0.03, 0.03, h), (0, 0, 0), metal)
    f.put('shade', (0.4, 0.4, 0.3), (0, 0, h - 0.1), 'lamp' if r.random() < 0.5 else 'cloth')
    return 0.2, 0.2


def plant(f: Frame) -> Footprint:
    """Build a large pot plant."""
    r, w, h = f.random, f.random.uniform(0.22, 0.45), f.random.uniform(0.2, 0.5)
    f.put(r.choice(['cylinder', 'vase', 'taper', 'bowl']), (w, w, h), (0, 0, 0), 'any')
    f.rod((0, 0, h * 0.8), (0, 0, h + 0.5), 0.03, 'bark')
    foliage(f, 0, 0, h + r.uniform(0, 0.5), 0.35, r.uniform(0.25, 0.5), r.randint(3, 7))
    return w / 2 + 0.1, w / 2 + 0.1


def crates(f: Frame) -> Footprint:
    """Stack boxes."""
    r, z = f.random, 0.0
    card = f.material(r.choice(['card', 'card', 'plastic', 'wood']))
    for _ in range(r.randint(1, 4)):
        size = (r.uniform(0.25, 0.65), r.uniform(0.25, 0.55), r.uniform(0.15, 0.45))
        f.put(
            'box',
            size,
            (r.gauss(0, 0.04), r.gauss(0, 0.04), z),
            card if r.random() < 0.6 else 'any',
            r.gauss(0, 0.2),
        )
        z += size[2]
    return 0.32, 0.32


def person(f: Frame) -> Footprint:
    """Build somebody who stands or walks."""
    r = f.random
    h, stride = r.uniform(1.5, 1.9), r.uniform(-0.2, 0.2)
    skin, top, legs = f.material('skin'), f.material('cloth'), f.material('cloth')
    for side in (-1, 1):
        hip, foot = (side * 0.09, 0, h * 0.49), (side * 0.09, side * stride, 0.05)
        f.rod(foot, hip, 0.15, legs)
        f.put('cushion', (0.1, 0.27, 0.1), (foot[0], foot[1] + 0.06, 0), 'dark')
        shoulder, hand = (
            (side * 0.2, 0, h * 0.8),
            (side * 0.27, -side * stride * 0.8 + 0.05, h * 0.46),
        )
        f.rod(hand, shoulder, 0.1, top)
        f.put('ball', (0.09, 0.09, 0.12), (hand[0], hand[1], h * 0.41), skin)
    f.put('cushion', (0.44, 0.27, h * 0.37), (0, 0, h * 0.46), top)
    f.put('cylinder', (0.11, 0.11, 0.12), (0, 0, h * 0.81), skin)
    f.put('sphere', (0.18, 0.22, 0.25), (0, 0.01, h - 0.25), skin)
    f.put('sphere', (0.2, 0.22, 0.18), (0, -0.02, h - 0.15), 'hair')
    return 0.3, 0.3


def bin_can(f: Frame) -> Footprint:
    """Build a waste bin."""
    w = f.random.uniform(0.22, 0.45)
    f.put(
        f.random.choice(['cylinder', 'taper', 'bowl']),
        (w, w, f.random.uniform(0.3, 0.9)),
        (0, 0, 0),
        'any',
    )
    return w / 2, w / 2


def whiteboard(f: Frame) -> Footprint:
    """Build a board on a stand."""
    w, metal = f.random.uniform(1.0, 1.8), f.material('metal')
    for x in (-w / 2, w / 2):
        f.put('box', (0.04, 0.04, 1.8), (x, 0, 0), metal)
        f.put('box', (0.05, 0.5, 0.04), (x, 0, 0), metal)
    f.put('box', (w, 0.03, 1.0), (0, 0, 0.8), f.random.choice(['screen', 'wall', 'picture']))
    return w / 2, 0.25


def pallet(f: Frame) -> Footprint:
    """Build a pallet with goods."""
    r, wood = f.random, f.material('wood')
    for k in range(5):
        f.put('box', (0.12, 1.2, 0.02), (-0.34 + k * 0.17, 0, 0.12), wood)
    for y in (-0.55, 0, 0.55):
        f.put('box', (0.8, 0.1, 0.12), (0, y, 0), wood)
    z, goods = 0.14, f.material(r.choice(['card', 'plastic', 'any']))
    for _ in range(r.randint(0, 4)):
        h = r.uniform(0.2, 0.45)
        for x in (-0.2, 0.2):
            for y in (-0.4, 0, 0.4):
                if r.random() < 0.9:
                    f.put('box', (0.38, 0.38, h), (x, y, z), goods)
        z += h
    return 0.45, 0.62


def rack(f: Frame) -> Footprint:
    """Build one bay of a warehouse rack."""
    r, w, d, h = f.random, 2.7, 1.0, f.random.uniform(2.5, 5.5)
    steel, beam = f.material('paint'), f.material('plastic')
    for x in (-w / 2, w / 2):
        for y in (-d / 2, d / 2):
            f.put('box', (0.09, 0.09, h), (x, y, 0), steel)
    levels = max(2, int(h / 1.4))
    for k in range(levels):
        z = 0.1 + h * k / levels
        for y in (-d / 2, d / 2):
            f.put('box', (w, 0.05, 0.12), (0, y, z), beam)
        f.put('box', (w, d, 0.03), (0, 0, z + 0.1), 'metal' if r.random() < 0.3 else steel)
        x = -w / 2 + 0.1
        while x < w / 2 - 0.3:
            b = r.uniform(0.3, 1.1)
            if r.random() < 0.85 and x + b < w / 2:
                role = r.choice(['card', 'card', 'goods', 'plastic', 'any'])
                f.put(
                    'box',
                    (b, d * r.uniform(0.5, 0.95), r.uniform(0.25, h / levels * 0.8)),
                    (x + b / 2, 0, z + 0.13),
                    role,
                )
            x += b + r.uniform(0.02, 0.2)
    return w / 2, d / 2
