"""Trees, bushes and hedges."""

from __future__ import annotations

import math

from s2r_depth_training.synthetic.builder import Frame
from s2r_depth_training.synthetic.scene import Relief


def leaf_blob(f: Frame, at: tuple[float, float, float], size: float, leaf: int) -> None:
    """Put one lump of leaves with a ragged edge; size: diameter, m."""
    r = f.random
    relief = Relief(r.uniform(0.2, 0.4), 1, r.uniform(0.35, 0.9), 2.2 / (0.1 + 0.25 * size))
    f.put('sphere', (size, size, size * r.uniform(0.65, 1.1)), at, leaf, r.uniform(0, 6), relief)


def tree(f: Frame, height: float, leaf: int | None = None) -> None:
    """Build a broad-leaved tree, a conifer, a palm-like or a bare one."""
    r = f.random
    bark, leaf = f.material('bark'), f.material('leaf') if leaf is None else leaf
    thick, trunk = height * r.uniform(0.025, 0.06), height * r.uniform(0.25, 0.5)
    lean = (r.gauss(0, 0.03) * height, r.gauss(0, 0.03) * height)
    f.rod((0, 0, -0.3), (*lean, trunk + height * 0.15), thick, bark)
    kind = r.choices(['broad', 'conifer', 'bare', 'column'], [6, 1.5, 0.8, 1])[0]
    if kind == 'conifer':
        for k in range(5):
            w = height * (0.4 - 0.065 * k)
            relief = Relief(0.12, 1, 0.4, 6.0 / height)
            f.put('cone', (w, w, height * 0.3), (0, 0, height * (0.14 + 0.15 * k)), leaf, k, relief)
    elif kind == 'bare':
        _branches(f, (*lean, trunk), height * 0.35, thick * 0.6, bark, 3)
    elif kind == 'column':
        for k in range(4):
            leaf_blob(f, (*lean, height * (0.15 + 0.2 * k)), height * 0.24, leaf)
    else:
        for _ in range(r.randint(5, 11)):
            at = (
                lean[0] + r.gauss(0, height * 0.13),
                lean[1] + r.gauss(0, height * 0.13),
                trunk + r.uniform(-0.08, 0.42) * height,
            )
            leaf_blob(f, at, height * r.uniform(0.18, 0.4), leaf)


def _branches(f: Frame, start, length: float, thick: float, bark: int, depth: int) -> None:
    r = f.random
    for _ in range(3):
        around, up = r.uniform(0, 6.28), r.uniform(0.3, 1.2)
        end = (
            start[0] + length * math.cos(around) * math.cos(up),
            start[1] + length * math.sin(around) * math.cos(up),
            start[2] + length * math.sin(up),
        )
        f.rod(start, end, thick, bark, 'box')
        if depth > 1:
            _branches(f, end, length * 0.6, thick * 0.6, bark, depth - 1)


def bush(f: Frame, size: float, leaf: int | None = None) -> None:
    """Build a bush of about `size` metres."""
    leaf = f.material('leaf') if leaf is None else leaf
    for _ in range(f.random.randint(1, 3)):
        at = (f.random.gauss(0, size * 0.3), f.random.gauss(0, size * 0.3), -0.15 * size)
        leaf_blob(f, at, size * f.random.uniform(0.7, 1.1), leaf)


def grass_tufts(f: Frame, reach: float, count: int, leaf: int) -> None:
    """Scatter tufts of weeds and long grass."""
    for _ in range(count):
        s = f.random.uniform(0.15, 0.5)
        at = (f.random.uniform(-reach, reach), f.random.uniform(-reach, reach), -0.1)
        f.put('cone', (s, s, s * 1.3), at, leaf, 0.0, Relief(0.5, 1, 0.9, 9.0))
