"""What scenes are put together with: named shapes in local frames, materials by role.

Lengths are in metres, angles in radians.
"""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple, Protocol

from s2r_depth_training.synthetic.geometry.scene import SOLID, Instance, Material, Relief, Vector
from s2r_depth_training.synthetic.looks.wardrobe import Wardrobe

MaterialOrRole = int | str
"""Index of a material, or the role of one to draw."""


class Tabletop(NamedTuple):
    """What a camera may look at closely: x, y, z of its middle in the world, width, depth; m."""

    x: float
    y: float
    z: float
    width: float
    depth: float


class Builder:
    """Collects instances and materials. ``materials[i]`` was drawn for ``roles[i]``.

    tabletops: of tables and other furniture; cars: where they stand (x, y; m).
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self._wardrobe = Wardrobe(random)
        self.instances: list[Instance] = []
        self.materials: list[Material] = []
        self.roles: list[str] = []
        self.tabletops: list[Tabletop] = []
        self.cars: list[tuple[float, float]] = []

    def material(self, role: str) -> int:
        """Draw a material for a role and return its index."""
        self.materials.append(self._wardrobe.material(role))
        self.roles.append(role)
        return len(self.materials) - 1

    def frame(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> LocalFrame:
        """Open a frame in the world: origin in m, yaw in radians about z."""
        return LocalFrame(self, x, y, z, yaw)


class Shape(Protocol):
    """A solid shape of a LocalFrame, such as ``frame.box``."""

    def __call__(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0
    ) -> None:
        """Put the shape up."""


class LocalFrame:
    """A position and heading in the world, in which shapes are put up.

    builder: collects them. x, y, z, yaw: the frame's origin and x axis in the world.
    The solid shapes take ``size`` (along x, y, z; m) and ``at``, the middle of their base, and
    can be turned by ``yaw`` about z. The bars go from one point to another.
    """

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

    def frame(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> LocalFrame:
        """Open a frame inside this one."""
        return LocalFrame(self.builder, *self.world(x, y, z), self.yaw + yaw)

    def tabletop(self, z: float, width: float, depth: float) -> None:
        """Remember a surface over the origin that a camera may look at closely."""
        self.builder.tabletops.append(Tabletop(*self.world(0, 0, z), width, depth))

    # ---- solid shapes

    def box(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Stand a box."""
        self._stand('box', size, at, material, yaw, relief)

    def cushion(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Stand a box with bulging sides: pillows, upholstery, mirrors, hedges."""
        self._stand('cushion', size, at, material, yaw, relief)

    def cylinder(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0
    ) -> None:
        """Stand an upright cylinder."""
        self._stand('cylinder', size, at, material, yaw)

    def cone(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Stand a cone, tip up."""
        self._stand('cone', size, at, material, yaw, relief)

    def sphere(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Put a sphere, or an ellipsoid."""
        self._stand('sphere', size, at, material, yaw, relief)

    def ball(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Put a sphere of few triangles: what is always small in the picture."""
        self._stand('ball', size, at, material, yaw)

    def wedge(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a ramp that rises toward -y: awnings, toys."""
        self._stand('wedge', size, at, material, yaw)

    def roof(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a gable roof with its ridge along x."""
        self._stand('roof', size, at, material, yaw)

    def taper(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a box that narrows toward its top."""
        self._stand('taper', size, at, material, yaw)

    def bottle(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a bottle."""
        self._stand('bottle', size, at, material, yaw)

    def bowl(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a bowl."""
        self._stand('bowl', size, at, material, yaw)

    def vase(self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0) -> None:
        """Stand a vase."""
        self._stand('vase', size, at, material, yaw)

    def lampshade(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0
    ) -> None:
        """Put a lampshade that narrows toward its top."""
        self._stand('shade', size, at, material, yaw)

    def car_cabin(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0
    ) -> None:
        """Put the glazed upper half of a car, front at +y."""
        self._stand('cabin', size, at, material, yaw)

    def van_hood(
        self, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0
    ) -> None:
        """Stand the sloped front of a van or lorry, front at +y."""
        self._stand('hood', size, at, material, yaw)

    def _stand(
        self, mesh: str, size: Vector, at: Vector, material: MaterialOrRole, yaw: float = 0.0,
        relief: Relief = SOLID,
    ) -> None:  # fmt: skip
        """Stand a unit mesh of a size with the middle of its base on ``at``."""
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

    # ---- bars from one point to another

    def rod(self, start: Vector, end: Vector, diameter: float, material: MaterialOrRole) -> None:
        """Put a round bar."""
        self._span('cylinder', start, end, diameter, diameter, material)

    def beam(self, start: Vector, end: Vector, thickness: float, material: MaterialOrRole) -> None:
        """Put a square bar."""
        self._span('box', start, end, thickness, thickness, material)

    def board(
        self, start: Vector, end: Vector, width: float, thickness: float, material: MaterialOrRole
    ) -> None:
        """Put a board whose middle line goes from start to end; its width is level."""
        self._span('box', start, end, width, thickness, material)

    def padding(
        self, start: Vector, end: Vector, width: float, thickness: float, material: MaterialOrRole
    ) -> None:
        """Put a cushion as ``board`` puts a board: a padded back that leans."""
        self._span('cushion', start, end, width, thickness, material)

    def _span(
        self, mesh: str, start: Vector, end: Vector, width: float, thickness: float,
        material: MaterialOrRole,
    ) -> None:  # fmt: skip
        """Put a unit mesh with its z axis from start to end and its x axis level."""
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
        w, t = width, thickness
        self.builder.instances.append(Instance(mesh, (
            xx * w, yx * t, dx, (a[0] + b[0]) / 2,
            xy * w, yy * t, dy, (a[1] + b[1]) / 2,
            xz * w, yz * t, dz, (a[2] + b[2]) / 2,
        ), material))  # fmt: skip
