"""Unit meshes that scenes are put together from, each inside the cube of side 1 at the origin."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.scene import Mesh


def flat_mesh(faces: list[NDArray[np.float64]]) -> Mesh:
    """Make a mesh of convex planar faces (each [N, 3]), shaded flat."""
    positions, normals = [], []
    triangles: list[tuple[int, int, int]] = []
    start = 0
    for face in faces:
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        positions.append(face)
        normals.append(np.tile(normal / np.linalg.norm(normal), (len(face), 1)))
        triangles += [(start, start + i, start + i + 1) for i in range(1, len(face) - 1)]
        start += len(face)
    return Mesh(
        np.concatenate(positions).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.array(triangles, np.int32),
    )


def hexahedron(top_x: float = 1.0, top_y: float = 1.0, shift_y: float = 0.0) -> Mesh:
    """Make a box whose top is scaled by top_x, top_y and moved along y by shift_y."""
    corners = np.array([(x, y, z) for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
    top = corners[:, 2] > 0
    corners[top] *= (top_x, top_y, 1.0)
    corners[top, 1] += shift_y
    sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return flat_mesh([corners[list(side)] for side in sides])


def prism(profile: list[tuple[float, float]]) -> Mesh:
    """Sweep a convex profile in (y, z), counter-clockwise, along x from -0.5 to 0.5."""
    ring = np.array([(0.0, y, z) for y, z in profile])
    half = np.array([0.5, 0.0, 0.0])
    left, right = ring - half, ring + half
    faces = [right, left[::-1]]
    for i in range(len(ring)):
        j = (i + 1) % len(ring)
        faces.append(np.stack([left[i], left[j], right[j], right[i]]))
    return flat_mesh(faces)


def lathe(profile: list[tuple[float, float]], sides: int = 20, crease: float = 0.6) -> Mesh:
    """Turn a profile of (radius, z), from bottom to top, about z; smooth around the axis.

    crease: cosine under which two neighbouring segments of the profile meet in an edge.
    """
    angle = np.linspace(0.0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.array(profile, float)
    step = np.diff(points, axis=0)
    slopes = np.stack([step[:, 1], -step[:, 0]], axis=1)
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    positions, normals = [], []
    triangles: list[tuple[int, int, int]] = []
    for i, (low, high) in enumerate(pairwise(points)):
        for end, other in ((low, i - 1), (high, i + 1)):
            slope = slopes[i]
            if 0 <= other < len(slopes) and slopes[i] @ slopes[other] > crease:
                slope = slopes[i] + slopes[other]
            slope = slope / np.linalg.norm(slope)
            positions.append(np.c_[ring * end[0], np.full(sides + 1, end[1])])
            normals.append(np.c_[ring * slope[0], np.full(sides + 1, slope[1])])
        start, up = 2 * i * (sides + 1), sides + 1
        for k in range(start, start + sides):
            triangles += [(k, k + 1, k + up + 1), (k, k + up + 1, k + up)]
    return Mesh(
        np.concatenate(positions).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.array(triangles, np.int32),
    )


def sphere(subdivisions: int = 2) -> Mesh:
    """Make a sphere of diameter 1 from a subdivided icosahedron, smooth."""
    golden = (1 + 5**0.5) / 2
    points = [
        (-1, golden, 0), (1, golden, 0), (-1, -golden, 0), (1, -golden, 0),
        (0, -1, golden), (0, 1, golden), (0, -1, -golden), (0, 1, -golden),
        (golden, 0, -1), (golden, 0, 1), (-golden, 0, -1), (-golden, 0, 1),
    ]  # fmt: skip
    triangles = np.array([
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4),
        (11, 10, 2), (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8),
        (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1),
    ])  # fmt: skip
    positions = np.array(points, float)
    for _ in range(subdivisions):
        edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        unique, which = np.unique(edges, axis=0, return_inverse=True)
        middle = which.reshape(-1, 3) + len(positions)
        positions = np.concatenate([positions, positions[unique].mean(axis=1)])
        positions /= np.linalg.norm(positions, axis=1, keepdims=True)
        a, b, c = triangles.T
        ab, bc, ca = middle.T
        triangles = np.concatenate(
            [np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )
    positions /= np.linalg.norm(positions, axis=1, keepdims=True)
    return Mesh(
        (positions / 2).astype(np.float32), positions.astype(np.float32), triangles.astype(np.int32)
    )


def cushion(subdivisions: int = 2) -> Mesh:
    """Push a sphere toward the cube: a box with rounded sides, for pillows and upholstery."""
    ball = sphere(subdivisions)
    power = np.sign(ball.positions) * np.abs(ball.positions * 2) ** 0.4
    positions = power / np.abs(power).max(axis=0) / 2
    normals = np.sign(ball.normals) * np.abs(ball.normals) ** 1.6
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(positions.astype(np.float32), normals.astype(np.float32), ball.triangles)


COARSE = {'sphere': 'coarse sphere', 'cushion': 'coarse cushion', 'cylinder': 'coarse cylinder'}
"""What stands in for a primitive that is small in the picture."""

ROD = [(0, -0.5), (0.5, -0.5), (0.5, 0.5), (0, 0.5)]
BOTTLE = [(0, -0.5), (0.5, -0.5), (0.5, 0.1), (0.42, 0.2), (0.17, 0.3), (0.15, 0.5), (0, 0.5)]
VASE = [(0, -0.5), (0.3, -0.5), (0.5, -0.15), (0.42, 0.15), (0.22, 0.35), (0.3, 0.5), (0.2, 0.45)]
BOWL = [(0, -0.5), (0.22, -0.5), (0.42, -0.1), (0.5, 0.5), (0.46, 0.5), (0.36, -0.1), (0, -0.35)]


@functools.cache
def primitives() -> dict[str, Mesh]:
    """Return all unit meshes by name."""
    return {
        'box': hexahedron(),
        'cylinder': lathe(ROD),
        'coarse cylinder': lathe(ROD[1:3], 8),
        'coarse sphere': sphere(1),
        'coarse cushion': cushion(1),
        'sphere': sphere(2),
        'ball': sphere(1),
        'cone': lathe([(0, -0.5), (0.5, -0.5), (0.0, 0.5)]),
        'shade': lathe([(0, -0.5), (0.5, -0.5), (0.27, 0.5), (0, 0.5)]),
        'wedge': prism([(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5)]),
        'roof': prism([(-0.5, -0.5), (0.5, -0.5), (0.0, 0.5)]),
        'cabin': hexahedron(0.84, 0.62, -0.02),
        'taper': hexahedron(0.8, 0.8),
        'cushion': cushion(),
        'bottle': lathe(BOTTLE, 16),
        'vase': lathe(VASE, 16, 0.2),
        'bowl': lathe(BOWL, 16),
        'hood': prism([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.25), (0.35, 0.42), (-0.5, 0.5)]),
    }
