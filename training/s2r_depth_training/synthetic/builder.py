"""Puts a scene together: frames to place things in, materials by role."""

from __future__ import annotations

import math
from random import Random

from s2r_depth_training.synthetic.looks import Wardrobe
from s2r_depth_training.synthetic.scene import SOLID, Instance, Material, Relief

Vector = tuple[float, float, float]


class Builder:
    """Collects instances and materials. materials[i] was drawn for roles[i].

    surfaces: table tops (x y z, m; width, depth); obstacles: where large things stand (x, y, m).
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.wardrobe = Wardrobe(random)
        self.instances: list[Instance] = []
        self.materials: list[Material] = []
        self.roles: list[str] = []
        self.surfaces: list[tuple[float, float, float, float, float]] = []
        self.obstacles: list[tuple[float, float]] = []

    def material(self, role: str) -> int:
        """Draw a material for a role and return its index."""
        self.materials.append(self.wardrobe.material(role))
        self.roles.append(role)
        return len(self.materials) - 1

    def frame(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> Frame:
        """Open a frame in the world: origin in m, yaw in radians about z."""
        return Frame(self, x, y, z, yaw)


class Frame:
    """A place and heading in the world in which parts are put down."""

    def __init__(self, builder: Builder, x: float, y: float, z: float, yaw: float) -> None:
        self.builder, self.random = builder, builder.random
        self.x, self.y, self.z, self.yaw = x, y, z, yaw
        self._cos, self._sin = math.cos(yaw), math.sin(yaw)

    def material(self, role: str) -> int:
        """Draw a material for a role and return its index."""
        return self.builder.material(role)

    def world(self, x: float, y: float, z: float = 0.0) -> Vector:
        """Bring a point of this frame into the world."""
        return (
            self.x + self._cos * x - self._sin * y,
            self.y + self._sin * x + self._cos * y,
            self.z + z,
        )

    def frame(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> Frame:
        """Open a frame inside this one."""
        return Frame(self.builder, *self.world(x, y, z), self.yaw + yaw)

    def put(
        self, mesh: str, size: Vector, at: Vector, material: int | str, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Stand a unit mesh of the given size (m) with the middle of its base on `at`."""
        if isinstance(material, str):
            material = self.material(material)
        if yaw:
            c, s = math.cos(self.yaw + yaw), math.sin(self.yaw + yaw)
        else:
            c, s = self._cos, self._sin
        sx, sy, sz = size
        x, y, z = self.world(*at)
        self.builder.instances.append(Instance(
            mesh, (c * sx, -s * sy, 0.0, x, s * sx, c * sy, 0.0, y, 0.0, 0.0, sz, z + sz / 2),
            material, relief,
        ))  # fmt: skip

    def rod(self, start: Vector, end: Vector, width: float, material: int | str,
            mesh: str = 'cylinder', depth: float = 0.0) -> None:  # fmt: skip
        """Put a unit mesh with its z axis from start to end; depth: second width, if another."""
        if isinstance(material, str):
            material = self.material(material)
        a, b = self.world(*start), self.world(*end)
        dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        length = math.sqrt(dx * dx + dy * dy + dz * dz) or 1e-6
        zx, zy, zz = dx / length, dy / length, dz / length
        if abs(zz) > 0.999:
            xx, xy, xz = self._cos, self._sin, 0.0
        else:
            flat = math.hypot(zx, zy)
            xx, xy, xz = zy / flat, -zx / flat, 0.0
        yx, yy, yz = zy * xz - zz * xy, zz * xx - zx * xz, zx * xy - zy * xx
        w, d = width, depth or width
        self.builder.instances.append(Instance(mesh, (
            xx * w, yx * d, dx, (a[0] + b[0]) / 2,
            xy * w, yy * d, dy, (a[1] + b[1]) / 2,
            xz * w, yz * d, dz, (a[2] + b[2]) / 2,
        ), material))  # fmt: skip

    def surface(self, x: float, y: float, z: float, width: float, depth: float) -> None:
        """Remember a table top that a camera may look at closely."""
        self.builder.surfaces.append((*self.world(x, y, z), width, depth))
