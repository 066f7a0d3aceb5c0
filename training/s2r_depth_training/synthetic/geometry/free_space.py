"""Where a camera can be in a world that somebody else modelled: a voxel grid of its surfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from s2r_depth_training.synthetic.geometry.primitives import primitives
from s2r_depth_training.synthetic.geometry.scene import Instance, Mesh

CLEARANCE = 0.35  # m between a camera and any surface
MOST_STANDS = 3000  # cells to choose from; more would only take longer to check


@dataclass(frozen=True)
class FreeSpace:
    """A grid of the world.

    occupied: [X, Y, Z], where cells hold a surface. clearance: [X, Y, Z], m to the nearest such
    cell. origin: [3], m, the grid's corner. cell: m, side of a cell.
    """

    occupied: NDArray[np.bool_]
    clearance: NDArray[np.float64]
    origin: NDArray[np.float64]
    cell: float

    def stands(self) -> NDArray[np.int64]:
        """Find cells from which a robot can see: floor below, room above and around, [N, 3].

        The cell is the lowest free one over a floor with 1.6 m of air above it.
        """
        solid = self.occupied
        floor = solid[:, :, :-1] & ~solid[:, :, 1:]
        tall = max(1, round(1.6 / self.cell))
        air = np.ones_like(floor)
        for k in range(1, tall + 1):
            air[:, :, : floor.shape[2] - k] &= ~solid[:, :, 1 + k : floor.shape[2] + 1]
        cells = np.argwhere(floor & air) + np.array([0, 0, 1])
        cells = cells[_on_common_levels(cells)]
        cells = cells[:: len(cells) // MOST_STANDS + 1]
        return cells[self._around(cells + np.array([0, 0, tall // 2])) >= 0.6]

    def position(self, cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the middle of cells ([3] or [N, 3]) in the world, m."""
        return self.origin + (cell + 0.5) * self.cell

    def is_clear(self, point: NDArray[np.float64]) -> bool:
        """Return whether a point keeps ``CLEARANCE`` from every surface."""
        index = np.floor((point - self.origin) / self.cell).astype(int)
        if (index < 0).any() or (index >= self.occupied.shape).any():
            return False
        return bool(self.clearance[tuple(index)] >= CLEARANCE)

    def is_roofed(self, point: NDArray[np.float64]) -> bool:
        """Return whether something is above a point."""
        x, y, z = np.floor((point - self.origin) / self.cell).astype(int)
        return bool(self.occupied[x, y, z + 1 :].any())

    def _around(self, cells: NDArray[np.int64], reach: float = 25.0) -> NDArray[np.float64]:
        """Return the share of 16 level directions that meet a surface within ``reach`` metres."""
        hits, top = np.zeros(len(cells)), np.array(self.occupied.shape) - 1
        for angle in np.arange(16) * np.pi / 8:
            step = np.array([np.cos(angle), np.sin(angle), 0.0])
            met = np.zeros(len(cells), bool)
            for k in range(1, round(reach / self.cell)):
                at = np.round(cells + k * step).astype(int)
                inside = ((at >= 0) & (at <= top)).all(1)
                met |= inside & self.occupied[tuple(np.clip(at, 0, top).T)]
            hits += met
        return hits / 16


def _on_common_levels(cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask the cells on heights that many share: floors, not tables, roofs or tree tops."""
    counts = np.bincount(cells[:, 2]) if len(cells) else np.zeros(1)
    near = np.convolve(counts, np.ones(3), mode='same')
    return near[cells[:, 2]] > 0.25 * near.max()


def map_free_space(
    instances: list[Instance],
    meshes: dict[str, Mesh],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> FreeSpace:
    """Fill a grid from ``low`` to ``high`` ([3], m) with the surfaces of all instances."""
    cell = float(np.clip((high - low)[:2].max() / 250, 0.12, 0.6))
    shape = np.ceil((high - low) / cell).astype(int) + 1
    occupied = np.zeros(shape, bool)
    for samples in surface_points(instances, meshes, low, high, cell * 0.7):
        index = np.floor((samples - low) / cell).astype(int)
        inside = ((index >= 0) & (index < shape)).all(1)
        occupied[tuple(index[inside].T)] = True
    clearance = ndimage.distance_transform_edt(~occupied, sampling=cell)
    return FreeSpace(occupied, clearance, low, cell)


def surface_points(
    instances: Iterable[Instance],
    meshes: dict[str, Mesh],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    spacing: float,
) -> Iterator[NDArray[np.float64]]:
    """Yield points ([N, 3], m) that cover the triangles which touch the box low to high ([3], m).

    spacing: m, most between neighbours, of triangles up to 600 times as long. Of a triangle that
    reaches out of the box there are points outside, too. Relief that a shader adds is not known.
    """
    known = primitives() | meshes
    for instance in instances:
        mesh = known[instance.mesh]
        points = instance.in_world(mesh.positions)
        for corners in _within(points[mesh.triangles], low, high):
            yield _sample(corners, spacing)


def _within(
    triangles: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Keep triangles ([N, 3, 3]) that touch the box, in groups of similar size."""
    near = (triangles.max(1) >= low).all(1) & (triangles.min(1) <= high).all(1)
    triangles = triangles[near]
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(1)
    octave = np.ceil(np.log2(np.maximum(longest, 1e-3))).astype(int)
    groups = [triangles[octave == k] for k in np.unique(octave)]
    return [g[k : k + 64] for g in groups for k in range(0, len(g), 64)]


def _sample(triangles: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Cover triangles of similar size with points ([N, 3]) at most ``spacing`` metres apart."""
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max()
    n = int(np.clip(np.ceil(longest / spacing), 1, 600))
    i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1))
    keep = i + j <= n
    a, b = i[keep] / n, j[keep] / n
    weights = np.stack([a, b, 1 - a - b], 1)
    return np.einsum('kc,tcd->tkd', weights, triangles).reshape(-1, 3)
