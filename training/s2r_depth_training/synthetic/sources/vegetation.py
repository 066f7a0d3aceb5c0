"""Trees, bushes, hedges and pot plants' leaves."""

from __future__ import annotations

import math

from s2r_depth_training.synthetic.geometry.scene import HOLE_KINDS, Relief, Vector
from s2r_depth_training.synthetic.sources.builder import LocalFrame

_LEAVES = HOLE_KINDS.index('leaves')


def leafy(displacement: float, cut: float, holes_per_metre: float) -> Relief:
    """Return a relief that makes a lump of leaves of a shape. cut: share of holes, [0, 1]."""
    return Relief(displacement, _LEAVES, cut, holes_per_metre)


def crown(
    f: LocalFrame, middle: Vector, spread: float, size: float, count: int, leaf: int | None = None
) -> None:
    """Make a crown of leaf blobs around a point. size: diameter of a blob, m."""
    r = f.random
    x, y, z = middle
    leaf = f.material('leaf') if leaf is None else leaf
    for _ in range(count):
        s = size * r.uniform(0.7, 1.3)
        at = (
            x + r.gauss(0, spread * 0.4),
            y + r.gauss(0, spread * 0.4),
            z + r.uniform(-0.1, 0.8) * size,
        )
        relief = leafy(0.25, r.uniform(0.5, 0.95), 4.0 / (0.15 + 0.45 * s))
        f.sphere((s, s, s * r.uniform(0.6, 1.4)), at, leaf, r.uniform(0, 6), relief)


def leaf_blob(f: LocalFrame, at: Vector, size: float, leaf: int) -> None:
    """Put one lump of leaves with a ragged edge; size: diameter, m."""
    r = f.random
    relief = leafy(r.uniform(0.2, 0.4), r.uniform(0.35, 0.9), 2.2 / (0.1 + 0.25 * size))
    f.sphere((size, size, size * r.uniform(0.65, 1.1)), at, leaf, r.uniform(0, 6), relief)


def tree(f: LocalFrame, height: float, leaf: int | None = None) -> None:
    """Build a broad-leaved tree, a conifer, a column-like or a bare one."""
    r = f.random
    bark, leaf = f.material('bark'), f.material('leaf') if leaf is None else leaf
    thickness, trunk = height * r.uniform(0.025, 0.06), height * r.uniform(0.25, 0.5)
    lean = (r.gauss(0, 0.03) * height, r.gauss(0, 0.03) * height)
    f.rod((0, 0, -0.3), (*lean, trunk + height * 0.15), thickness, bark)
    kind = r.choices(['broad', 'conifer', 'bare', 'column'], [6, 1.5, 0.8, 1])[0]
    if kind == 'conifer':
        for k in range(5):
            width = height * (0.4 - 0.065 * k)
            tier, at = (width, width, height * 0.3), (0, 0, height * (0.14 + 0.15 * k))
            f.cone(tier, at, leaf, k, leafy(0.12, 0.4, 6.0 / height))
    elif kind == 'bare':
        _branches(f, (*lean, trunk), height * 0.35, thickness * 0.6, bark, 3)
    elif kind == 'column':
        for k in range(4):
            leaf_blob(f, (*lean, height * (0.15 + 0.2 * k)), height * 0.24, leaf)
    else:
        for _ in range(r.randint(5, 11)):
            middle = (
                lean[0] + r.gauss(0, height * 0.13),
                lean[1] + r.gauss(0, height * 0.13),
                trunk + r.uniform(-0.08, 0.42) * height,
            )
            leaf_blob(f, middle, height * r.uniform(0.18, 0.4), leaf)


def _branches(
    f: LocalFrame, start: Vector, length: float, thickness: float, bark: int, generations: int
) -> None:
    """Grow three branches from a point, and from their ends the next generation."""
    r = f.random
    for _ in range(3):
        around, up = r.uniform(0, 6.28), r.uniform(0.3, 1.2)
        end = (
            start[0] + length * math.cos(around) * math.cos(up),
            start[1] + length * math.sin(around) * math.cos(up),
            start[2] + length * math.sin(up),
        )
        f.beam(start, end, thickness, bark)
        if generations > 1:
            _branches(f, end, length * 0.6, thickness * 0.6, bark, generations - 1)


def bush(f: LocalFrame, size: float, leaf: int) -> None:
    """Build a bush of about ``size`` metres."""
    for _ in range(f.random.randint(1, 3)):
        at = (f.random.gauss(0, size * 0.3), f.random.gauss(0, size * 0.3), -0.15 * size)
        leaf_blob(f, at, size * f.random.uniform(0.7, 1.1), leaf)


def hedge_piece(f: LocalFrame, width: float, height: float, leaf: int) -> None:
    """Build two metres of a hedge along y."""
    f.cushion((width, 2.3, height), (0, 0, -0.1), leaf, 0.0, leafy(0.12, 0.35, 5.0))


def grass_tufts(f: LocalFrame, reach: float, count: int, leaf: int) -> None:
    """Scatter tufts of weeds and long grass."""
    for _ in range(count):
        size = f.random.uniform(0.15, 0.5)
        at = (f.random.uniform(-reach, reach), f.random.uniform(-reach, reach), -0.1)
        f.cone((size, size, size * 1.3), at, leaf, 0.0, leafy(0.5, 0.9, 9.0))
