"""Plain data describing a scene: what the sources build and the renderer draws.

World frame: metres, z up. Camera (optical) frame: x right, y down, z forward, as in REP 103.
Pixel coordinates: the centre of the first pixel is (0, 0), as in sensor_msgs/CameraInfo.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

MATERIAL_PATTERNS = (
    'plain', 'mottled', 'tiles', 'bricks', 'planks', 'stripes', 'dots', 'facade', 'poster',
    'foliage', 'books', 'textured', 'cobbles', 'marble', 'panels', 'grain', 'weave', 'road',
    'corrugated', 'screen', 'glass',
)  # fmt: skip
"""Names of the procedural materials; the shader gets them as PATTERN_<NAME> constants."""

HOLE_KINDS = ('none', 'leaves', 'grid')
"""Ways of cutting holes into a surface: leaf-sized noise, a wire mesh."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the world.

    position: float [3] m. rotation: float [3, 3], columns are the right, down and forward axes
    of the optical frame in the world. fx, fy, cx, cy: px (fx != fy: anamorphic pixels).
    """

    position: np.ndarray
    rotation: np.ndarray
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def pose(self) -> np.ndarray:
        """Camera-to-world transform, float64 [4, 4]."""
        pose = np.eye(4)
        pose[:3, :3] = self.rotation
        pose[:3, 3] = self.position
        return pose

    def resized(self, width: int, height: int) -> Camera:
        """Return the same view sampled by another number of pixels (pixel centres stay correct)."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )


def rotation_from_angles(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Optical-frame axes in the world for a camera looking along `yaw`, float64 [3, 3].

    yaw: radians about world z from world x. pitch: radians, positive looks up. roll: radians
    about the optical axis, positive turns the camera clockwise as seen from behind.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([cy * cp, sy * cp, sp])
    right = np.array([sy, -cy, 0.0])
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, forward], axis=1)


@dataclass(frozen=True)
class Light:
    """A lamp or the sun; of a scene's lights only the first casts shadows.

    colour: linear rgb; the irradiance at 1 m for a lamp, of the surface for the sun.
    position: m, None for the sun. direction: unit vector the light travels along.
    cone: cosine of the half angle of a spot light, -1 for all around.
    softness: blur of the shadow's edge, as a fraction of the shadow map.
    """

    colour: tuple[float, float, float]
    direction: tuple[float, float, float] = (0.0, 0.0, -1.0)
    position: tuple[float, float, float] | None = None
    cone: float = -1.0
    softness: float = 0.004


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks; nothing in here moves or removes geometry.

    pattern: one of MATERIAL_PATTERNS. colour, second: linear rgb of [0, 1]. scale: pattern
    repeats per metre. seed: shifts the pattern. amount: strength of the pattern's own knob,
    [0, 1]. gloss: [0, 1]. bump: strength of surface relief in shading, [0, 1]. glow: emitted
    light relative to colour. extra: what the pattern documents in materials.glsl.
    """

    pattern: str = 'plain'
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    second: tuple[float, float, float] = (0.3, 0.3, 0.3)
    scale: float = 1.0
    seed: float = 0.0
    amount: float = 0.5
    gloss: float = 0.0
    bump: float = 0.0
    glow: float = 0.0
    extra: tuple[float, float] = (0.0, 0.0)


class Relief(NamedTuple):
    """What a shader does to an instance's geometry: part of its shape, kept by `restyle`.

    displacement: fraction of the mesh's own size that noise pushes vertices along normals.
    holes: index into HOLE_KINDS. amount: [0, 1] how much is cut away. scale: holes per metre.
    """

    displacement: float = 0.0
    holes: int = 0
    amount: float = 0.0
    scale: float = 1.0


SOLID = Relief()


class Instance(NamedTuple):
    """A mesh placed in the world.

    mesh: a primitive's name or a key of Scene.meshes. matrix: 12 floats, the row-major 3x4
    transform from mesh to world. material: index into Scene.materials.
    """

    mesh: str
    matrix: tuple[float, ...]
    material: int
    relief: Relief = SOLID


@dataclass(frozen=True)
class Mesh:
    """An indexed triangle mesh, seen from both sides.

    positions, normals: float32 [V, 3]; uvs: float32 [V, 2] (v up, repeats outside [0, 1]);
    triangles: int32 [T, 3]; texture: uint8 [H, W, 4] RGBA for the 'textured' pattern, or None.
    Where the texture's alpha is under one half, the surface has a hole.
    """

    positions: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    uvs: np.ndarray | None = None
    texture: np.ndarray | None = None


@dataclass(frozen=True)
class Sky:
    """Sky dome colours (linear rgb), cloud cover [0, 1] and the seed of the clouds."""

    zenith: tuple[float, float, float] = (0.25, 0.45, 0.85)
    horizon: tuple[float, float, float] = (0.75, 0.82, 0.9)
    cloud: tuple[float, float, float] = (1.0, 1.0, 1.0)
    cover: float = 0.4
    seed: float = 0.0


@dataclass
class Scene:
    """Geometry, look and light of one world.

    ambient_up, ambient_down: linear rgb light on surfaces that face up and down.
    fog_density: 1/m, toward fog_colour. exposure: relative to the metering that brings each view
    near middle grey. occlusion: strength of ambient occlusion, [0, 1].
    far: m, nothing beyond it is drawn. kind: name of the source. meshes: this scene's own.
    A scene that was drawn must not be changed in place: make another with dataclasses.replace.
    roles: what each material is for ('wall', 'wood', ...), from which `restyle` draws anew.
    geometry: what the source keeps for sampling cameras (free floor, road axis, ...).
    """

    instances: list[Instance]
    materials: list[Material]
    lights: list[Light]
    kind: str = 'scene'
    roles: list[str] = field(default_factory=list)
    meshes: dict[str, Mesh] = field(default_factory=dict)
    sky: Sky = field(default_factory=Sky)
    ambient_up: tuple[float, float, float] = (0.4, 0.4, 0.4)
    ambient_down: tuple[float, float, float] = (0.25, 0.25, 0.25)
    fog_colour: tuple[float, float, float] = (0.7, 0.7, 0.7)
    fog_density: float = 0.0
    exposure: float = 1.0
    occlusion: float = 0.5
    far: float = 100.0
    geometry: dict[str, Any] = field(default_factory=dict)
