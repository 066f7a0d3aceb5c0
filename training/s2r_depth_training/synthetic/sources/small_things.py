"""Things that stand on tables, shelves and floors, on the frame's origin, and face its +y."""

from __future__ import annotations

import math
from collections.abc import Callable

from s2r_depth_training.synthetic.sources.builder import LocalFrame, Shape
from s2r_depth_training.synthetic.sources.vegetation import crown


def mug(f: LocalFrame) -> None:
    """Put down a mug."""
    height, glaze = f.random.uniform(0.07, 0.13), f.material('plastic')
    f.cylinder((0.085, 0.085, height), (0, 0, 0), glaze)
    handle = (0.015, 0.05, height * 0.6)
    f.box(handle, (0, 0.055, height * 0.2), glaze)


def bottle(f: LocalFrame) -> None:
    """Put down a bottle."""
    width, height = f.random.uniform(0.05, 0.11), f.random.uniform(0.14, 0.34)
    f.bottle((width, width, height), (0, 0, 0), f.random.choice(['glass', 'plastic']))


def bowl(f: LocalFrame) -> None:
    """Put down a bowl, sometimes with fruit."""
    width, height = f.random.uniform(0.12, 0.3), f.random.uniform(0.05, 0.12)
    f.bowl((width, width, height), (0, 0, 0), 'any')
    if f.random.random() < 0.4:
        peel, fruit = f.material('plastic'), width * 0.3
        for k in range(4):
            x, y = math.cos(k * 1.6) * width * 0.2, math.sin(k * 1.6) * width * 0.2
            f.ball((fruit, fruit, fruit), (x, y, height * 0.5), peel)


def vase(f: LocalFrame) -> None:
    """Put down a vase."""
    width, height = f.random.uniform(0.08, 0.2), f.random.uniform(0.12, 0.35)
    f.vase((width, width, height), (0, 0, 0), 'any')


def book_stack(f: LocalFrame) -> None:
    """Put down some books or papers."""
    r, z = f.random, 0.0
    for _ in range(r.randint(1, 5)):
        thickness = r.uniform(0.01, 0.05)
        book = (r.uniform(0.14, 0.3), r.uniform(0.12, 0.22), thickness)
        f.box(book, (0, 0, z), r.choice(['any', 'picture', 'card']), r.uniform(-0.4, 0.4))
        z += thickness


def carton(f: LocalFrame) -> None:
    """Put down a small box."""
    r = f.random
    size = (r.uniform(0.08, 0.3), r.uniform(0.06, 0.25), r.uniform(0.04, 0.3))
    f.box(size, (0, 0, 0), r.choice(['card', 'picture', 'any', 'plastic']))


def monitor(f: LocalFrame) -> None:
    """Put down a monitor that looks along +y."""
    r = f.random
    width, dark = r.uniform(0.4, 0.75), f.material('dark')
    height = width * r.uniform(0.5, 0.65)
    foot, neck, body = (0.22, 0.16, 0.015), (0.05, 0.03, 0.15), (width, 0.03, height)
    f.box(foot, (0, 0, 0), dark)
    f.box(neck, (0, -0.02, 0), dark)
    f.box(body, (0, 0, 0.1), dark)
    panel = (width * 0.96, 0.004, height * 0.93)
    f.box(panel, (0, 0.016, 0.1 + height * 0.035), 'screen' if r.random() < 0.7 else dark)


def laptop(f: LocalFrame) -> None:
    """Put down an open laptop."""
    r = f.random
    width, body = r.uniform(0.28, 0.38), f.material(r.choice(['metal', 'dark']))
    depth = width * 0.68
    f.box((width, depth, 0.018), (0, 0, 0), body)
    keys = (width * 0.85, depth * 0.45, 0.002)
    f.box(keys, (0, -depth * 0.12, 0.018), 'dark')
    lean = r.uniform(0.05, 0.5)
    hinge = (0, -depth / 2, 0.01)
    edge = (0, -depth / 2 - depth * math.sin(lean), depth * math.cos(lean) + 0.01)
    f.board(hinge, edge, width, 0.012, body)
    low, high = (0, -depth / 2 + 0.008, 0.03), (0, edge[1] + 0.012, edge[2] - 0.01)
    f.board(low, high, width * 0.94, 0.004, 'screen')


def keyboard(f: LocalFrame) -> None:
    """Put down a keyboard and a mouse."""
    body = f.material(f.random.choice(['dark', 'metal']))
    board, keys, mouse = (0.42, 0.14, 0.018), (0.4, 0.12, 0.004), (0.06, 0.1, 0.035)
    f.box(board, (0, 0, 0), body)
    f.box(keys, (0, 0, 0.018), 'dark')
    f.cushion(mouse, (0.3, 0, 0), body)


def toy(f: LocalFrame) -> None:
    """Put down a ball or a few blocks."""
    r = f.random
    if r.random() < 0.5:
        d = r.uniform(0.06, 0.24)
        f.sphere((d, d, d), (0, 0, 0), r.choice(['plastic', 'any']))
        return
    shapes: list[Shape] = [f.box, f.cylinder, f.wedge, f.cone]
    for _ in range(r.randint(2, 5)):
        d = r.uniform(0.03, 0.09)
        at = (r.gauss(0, 0.07), r.gauss(0, 0.07), 0)
        block = r.choice(shapes)
        block((d, d, d), at, 'plastic', r.uniform(0, 3))


def pot_plant(f: LocalFrame) -> None:
    """Put down a small plant."""
    r, width = f.random, f.random.uniform(0.1, 0.2)
    f.taper((width, width, width), (0, 0, 0), 'any')
    crown(f, (0, 0, width), width * 1.2, r.uniform(0.15, 0.4), r.randint(2, 4))


def table_lamp(f: LocalFrame) -> None:
    """Put down a lamp with a shade."""
    r, height = f.random, f.random.uniform(0.25, 0.5)
    f.vase((0.12, 0.12, height * 0.65), (0, 0, 0), 'any')
    shade = (0.26, 0.26, height * 0.45)
    f.lampshade(shade, (0, 0, height * 0.55), 'lamp' if r.random() < 0.5 else 'cloth')


def framed_photograph(f: LocalFrame) -> None:
    """Put down a small framed photograph."""
    width = f.random.uniform(0.1, 0.25)
    f.box((width, 0.02, width * 1.2), (0, 0, 0), 'wood')
    f.box((width * 0.85, 0.004, width * 1.05), (0, 0.011, width * 0.07), 'picture')


def papers(f: LocalFrame) -> None:
    """Spread a few sheets."""
    r, sheet = f.random, (0.21, 0.297, 0.002)
    for k in range(r.randint(1, 4)):
        at = (r.gauss(0, 0.08), r.gauss(0, 0.06), 0.001 * k)
        f.box(sheet, at, 'card' if r.random() < 0.7 else 'picture', r.uniform(0, 3))


def pen_holder(f: LocalFrame) -> None:
    """Put down a cup of pens."""
    r = f.random
    f.cylinder((0.08, 0.08, 0.1), (0, 0, 0), 'any')
    for k in range(4):
        angle = k * 1.57 + r.random()
        tip = (0.045 * math.cos(angle), 0.045 * math.sin(angle), 0.17)
        f.rod((0, 0, 0.02), tip, 0.009, 'plastic')


SMALL_THINGS: dict[Callable[[LocalFrame], None], float] = {
    mug: 2,
    bottle: 2,
    bowl: 1,
    vase: 1,
    book_stack: 2.5,
    carton: 2.5,
    toy: 1,
    pot_plant: 0.8,
    table_lamp: 0.6,
    framed_photograph: 0.7,
    papers: 1.2,
    pen_holder: 0.7,
    laptop: 0.6,
}
"""What lies about on tables and shelves, with weights."""

_THINGS, _WEIGHTS = list(SMALL_THINGS), list(SMALL_THINGS.values())


def clutter(f: LocalFrame, z: float, width: float, depth: float, count: int) -> None:
    """Spread small things over a surface of height z, each in a cell of its own."""
    r = f.random
    columns = max(1, int(width / 0.28))
    rows = max(1, int(depth / 0.28))
    cells = [(i, j) for i in range(columns) for j in range(rows)]
    for i, j in r.sample(cells, min(count, len(cells))):
        x = (i + r.uniform(0.3, 0.7)) / columns * width - width / 2
        y = (j + r.uniform(0.35, 0.65)) / rows * depth - depth / 2
        put_down = r.choices(_THINGS, _WEIGHTS)[0]
        put_down(f.frame(x, y, z, r.gauss(0, 0.5)))
