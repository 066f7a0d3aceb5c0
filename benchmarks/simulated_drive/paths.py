"""A way through a room that touches nothing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from simulated_drive.grid import CELL, Grid, Mask

CLEARANCE = 0.35  # m between the middle of the robot and anything
STEP = 0.1  # m between two points of the way
LONGEST = 4.5  # m; the rest of a longer way is left out
_SMOOTH = 0.6  # m over which corners are rounded
_AHEAD = 0.4  # m to the point that the robot looks at

Floats = NDArray[np.float64]


def plan(occupied: Mask, grid: Grid) -> Floats | None:
    """Return points [N, 2], m, STEP apart, of a long way over free floor; None if there is none.

    occupied: what the robot must not touch. From the widest place the farthest cell is found, and
    from that the farthest; the way between these keeps to the middle of what is free.
    """
    clear = clearances(occupied)
    graph = passages(clear)
    one, _ = _farthest(graph, int(np.argmax(clear)))
    other, before = _farthest(graph, one)
    cells = np.stack(np.unravel_index(leading(before, one, other), clear.shape), 1)
    way = evenly(grid.centres(cells))[: round(LONGEST / STEP) + 1]
    at = np.floor(grid.positions(way)).astype(int)
    return way if (clear[tuple(at.T)] >= CLEARANCE - CELL).all() else None


def clearances(occupied: Mask) -> NDArray[np.float32]:
    """Return of each cell how far the next occupied one is, m; what is outside is occupied."""
    free = np.pad(~occupied, 1).astype(np.uint8)
    return (cv2.distanceTransform(free, cv2.DIST_L2, 5)[1:-1, 1:-1] * CELL).astype(np.float32)


def leading(before: NDArray[np.intp], start: int, end: int) -> list[int]:
    """Return the cells from ``start`` to ``end``. before: of each the one that leads to it."""
    cells = [end]
    while cells[-1] != start:
        cells.append(int(before[cells[-1]]))
    return cells[::-1]


def headings(way: Floats) -> Floats:
    """Return where a robot on the way [N, 2] looks, rad about z, [N]."""
    ahead = np.minimum(np.arange(len(way)) + round(_AHEAD / STEP), len(way) - 1)
    behind = np.minimum(np.arange(len(way)), len(way) - 1 - round(_AHEAD / STEP))
    step = way[ahead] - way[behind]
    return np.arctan2(step[:, 1], step[:, 0])


def _farthest(graph: csr_array, start: int) -> tuple[int, NDArray[np.intp]]:
    """Return the cell that is farthest from ``start``, and before each the one that leads to it."""
    costs, before = dijkstra(graph, indices=start, return_predecessors=True)
    return int(np.argmax(np.where(np.isfinite(costs), costs, -1))), before


def passages(clear: NDArray[np.float32]) -> csr_array:
    """Return the costs from each cell, counted row by row, to its neighbours.

    clear: m to the nearest thing that is touched; what is narrow costs more.
    """
    number = np.arange(clear.size).reshape(clear.shape)
    rows, columns, costs = [], [], []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        here = (slice(None, -dx or None), slice(max(0, -dy), -dy if dy > 0 else None))
        there = (slice(dx, None), slice(max(0, dy), dy if dy < 0 else None))
        narrowest = np.minimum(clear[here], clear[there])
        passable = narrowest >= CLEARANCE
        rows.append(number[here][passable])
        columns.append(number[there][passable])
        costs.append(np.hypot(dx, dy) * (1 + (CLEARANCE / narrowest[passable]) ** 2))
    ends = np.concatenate(rows), np.concatenate(columns)
    one_way = coo_array((np.concatenate(costs), ends), shape=(clear.size, clear.size))
    return csr_array(one_way + one_way.T)


def evenly(points: Floats) -> Floats:
    """Return points STEP apart along a line through points [N, 2], its corners rounded."""
    size = 2 * round(_SMOOTH / CELL / 2) + 1
    padded = np.pad(points, ((size // 2, size // 2), (0, 0)), mode='edge')
    weights = np.ones(size) / size
    points = np.stack([np.convolve(axis, weights, 'valid') for axis in padded.T], 1)
    length = np.r_[0.0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()]
    places = np.arange(0, length[-1] + 1e-9, STEP)
    return np.stack([np.interp(places, length, axis) for axis in points.T], 1)
