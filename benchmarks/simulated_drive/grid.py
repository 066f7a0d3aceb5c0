"""The cells of a costmap over a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 0.05
"""Side of a cell, m."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """x, y: its corner, m. shape: cells along x and y."""

    x: float
    y: float
    shape: tuple[int, int]

    @classmethod
    def over(cls, low: NDArray[np.floating[Any]], high: NDArray[np.floating[Any]]) -> Grid:
        """Return the grid over what lies between two corners [2], m."""
        first, last = np.floor(low / CELL), np.ceil(high / CELL)
        columns, rows = (last - first).astype(int).tolist()
        return cls(float(first[0]) * CELL, float(first[1]) * CELL, (columns, rows))

    def positions(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return where points [..., 2 or 3], m, are, in cells from the corner, [..., 2]."""
        return (points[..., :2] - np.array([self.x, self.y])) / CELL

    def mask(self, points: NDArray[np.floating[Any]]) -> Mask:
        """Return the cells that hold one of the points [N, 2 or 3], m."""
        cells = np.floor(self.positions(points)).astype(np.intp)
        inside = ((cells >= 0) & (cells < self.shape)).all(1)
        mask = np.zeros(self.shape, bool)
        mask[tuple(cells[inside].T)] = True
        return mask

    def centres(self, cells: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the middles of cells [..., 2], m."""
        return np.array([self.x, self.y]) + (cells + 0.5) * CELL


def widened(mask: Mask, distance: float) -> Mask:
    """Return the cells whose middles are within ``distance`` metres of the middle of one."""
    reach = int(distance / CELL + 1e-6)
    offset = np.arange(-reach, reach + 1) * CELL
    disc = np.hypot(*np.meshgrid(offset, offset)) <= distance + 1e-6
    return cv2.dilate(mask.astype(np.uint8), disc.astype(np.uint8)) > 0
