"""The course of a road and the ground along it."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.scene import Mesh
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame

_BEHIND, _AHEAD = -40.0, 150.0  # the road's stretch around the origin, m
_STEP = 2.0


class Road:
    """The middle line of a road: heading and slope change smoothly along it.

    half_width: of the carriageway, m; lanes: their number; sidewalk: width, m, 0 for none;
    kerb: height, m. stations: [N], m along the line; line: [N, 3], m; heading: [N], rad.
    cross_slope: rise of the land to the right of the road.
    """

    def __init__(self, r: Random) -> None:
        self.lanes = r.choice([1, 2, 2, 2, 3, 4])
        self.half_width = self.lanes * r.uniform(2.6, 3.5) / 2 + r.uniform(0, 1.2)
        self.sidewalk = r.choice(
            [0.0, r.uniform(1.2, 4.5), r.uniform(1.2, 4.5), r.uniform(1.2, 4.5)]
        )
        self.kerb = r.uniform(0.06, 0.18) if self.sidewalk else 0.0
        self.stations = np.arange(_BEHIND, _AHEAD + _STEP, _STEP)
        bend, hill = r.choice([0, 1, 1]), r.choice([0, 1, 1])
        heading = self._wave(r, bend * r.uniform(0.05, 0.5), 60.0) + math.pi / 2
        slope = self._wave(r, hill * r.uniform(0.01, 0.09), 70.0)
        zero = round(-_BEHIND / _STEP)
        self.heading = heading - heading[zero] + math.pi / 2
        steps = (np.cos(self.heading), np.sin(self.heading), slope)
        self.line = np.stack([_integrate(s, zero) for s in steps], 1)
        self.cross_slope = r.gauss(0, 0.06) * r.choice([0, 1])

    def _wave(self, r: Random, size: float, length: float) -> NDArray[np.float64]:
        t = 2 * np.pi * self.stations / length
        return size * (
            np.sin(t * r.uniform(0.3, 1) + r.uniform(0, 6))
            + 0.4 * np.sin(t * 1.7 + r.uniform(0, 6))
        )

    def at(self, along: float, across: float) -> tuple[float, float, float, float]:
        """Return world x, y, z and heading, ``along`` the line and ``across`` to its right, m.

        The land beside the road rises or falls with the cross slope.
        """
        k = min(max((along - _BEHIND) / _STEP, 0.0), len(self.stations) - 1.001)
        i, t = int(k), k - int(k)
        x, y, z = self.line[i] * (1 - t) + self.line[i + 1] * t
        heading = self.heading[i] * (1 - t) + self.heading[i + 1] * t
        beyond = abs(across) - self.half_width - self.sidewalk
        z += math.copysign(max(beyond, 0.0), across) * self.cross_slope
        if beyond < 0 < abs(across) - self.half_width:
            z += self.kerb
        x += across * math.sin(heading)
        y -= across * math.cos(heading)
        return x, y, z, heading

    def frame(self, b: Builder, along: float, across: float, turn: float = 0.0) -> LocalFrame:
        """Open a frame on the ground, +y along the road (turned by ``turn``, rad)."""
        x, y, z, heading = self.at(along, across)
        return b.frame(x, y, z, heading - math.pi / 2 + turn)

    def ribbon(self, left: float, right: float, lift: float = 0.0) -> Mesh:
        """Make a strip of ground between two distances to the right of the line, m.

        uv: metres across and along.
        """
        side = np.stack(
            [np.sin(self.heading), -np.cos(self.heading), np.zeros_like(self.heading)], 1
        )
        edges = []
        for across in (left, right):
            beyond = max(abs(across) - self.half_width - self.sidewalk, 0.0)
            rise = lift + math.copysign(beyond, across) * self.cross_slope
            edges.append(self.line + side * across + (0.0, 0.0, rise))
        n = len(self.stations)
        positions = np.stack(edges, 1).reshape(-1, 3)
        uvs = np.stack([np.tile([left, right], n), np.repeat(self.stations, 2)], 1)
        first = 2 * np.arange(n - 1)[:, None]
        triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([1, 3, 2])])
        up = np.cross(side, np.gradient(self.line, axis=0))
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        normals = np.repeat(up * np.sign(up[:, 2:]), 2, axis=0)
        return Mesh(
            positions.astype(np.float32),
            normals.astype(np.float32),
            triangles.astype(np.int32),
            uvs.astype(np.float32),
        )


def _integrate(values: NDArray[np.float64], zero: int) -> NDArray[np.float64]:
    """Sum up steps along the stations so that station ``zero`` gets 0."""
    total = np.cumsum(values) * _STEP
    return total - total[zero]
