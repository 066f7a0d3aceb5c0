"""Plain data describing a scene: what the sources build and the renderer draws.

World frame: metres, z up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
"""x, y, z in metres, or a direction."""

Colour = tuple[float, float, float]
"""Linear red, green, blue."""

MATERIAL_PATTERNS = (
    'plain', 'mottled', 'tiles', 'bricks', 'planks', 'stripes', 'dots', 'facade', 'poster',
    'foliage', 'books', 'textured', 'cobbles', 'marble', 'panels', 'grain', 'weave', 'road',
    'corrugated', 'screen', 'glass',
)  # fmt: skip
"""Names of the procedural materials; the shader gets them as PATTERN_<NAME> constants."""

HOLE_KINDS = ('none', 'leaves', 'grid')
"""Ways of cutting holes into a surface: leaf-sized noise, a wire mesh."""


def colour_of(channels: Iterable[float]) -> Colour:
    """Take three channels as a colour. Raises ValueError if there are not three."""
    red, green, blue = channels
    return (red, green, blue)


@dataclass(frozen=True)
class Light:
    """A lamp or the sun; of a scene's lights only the first casts shadows.

    colour: the irradiance at 1 m for a lamp, of the surface for the sun.
    position: m, None for the sun. direction: unit vector the light travels along.
    cone: cosine of the half angle of a spot light, -1 for all around.
    softness: blur of the shadow's edge, as a fraction of the shadow map.
    """

    colour: Colour
    direction: Vector = (0.0, 0.0, -1.0)
    position: Vector | None = None
    cone: float = -1.0
    softness: float = 0.004


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface looks; nothing in here moves or removes geometry.

    pattern: one of ``MATERIAL_PATTERNS``. colour, second: channels in [0, 1]. scale: pattern
    repeats per metre. seed: shifts the pattern. amount: strength of the pattern's own knob,
    [0, 1]. gloss: [0, 1]. bump: strength of surface relief in shading, [0, 1]. glow: emitted
    light relative to colour. extra: what the pattern documents in materials.glsl.
    """

    pattern: str = 'plain'
    colour: Colour = (0.5, 0.5, 0.5)
    second: Colour = (0.3, 0.3, 0.3)
    scale: float = 1.0
    seed: float = 0.0
    amount: float = 0.5
    gloss: float = 0.0
    bump: float = 0.0
    glow: float = 0.0
    extra: tuple[float, float] = (0.0, 0.0)


class Relief(NamedTuple):
    """What a shader does to an instance's geometry: part of its shape, kept by ``restyle``.

    displacement: fraction of the mesh's own size that noise pushes vertices along normals.
    holes: index into ``HOLE_KINDS``. amount: [0, 1] how much is cut away. scale: holes per metre.
    """

    displacement: float = 0.0
    holes: int = 0
    amount: float = 0.0
    scale: float = 1.0


SOLID = Relief()


class Instance(NamedTuple):
    """A mesh placed in the world.

    mesh: a primitive's name or a key of ``Scene.meshes``. matrix: 12 floats, the row-major 3x4
    transform from mesh to world. material: index into ``Scene.materials``.
    """

    mesh: str
    matrix: tuple[float, ...]
    material: int
    relief: Relief = SOLID

    def in_world(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Bring points of the mesh, [N, 3], into the world, m."""
        matrix = np.array(self.matrix).reshape(3, 4)
        return points @ matrix[:, :3].T + matrix[:, 3]


@dataclass(frozen=True)
class Mesh:
    """An indexed triangle mesh, seen from both sides.

    positions, normals: [V, 3]; triangles: [T, 3]; uvs: [V, 2] (v up, repeats outside [0, 1]);
    texture: [H, W, 4] RGBA for the ``textured`` pattern, or None. Where the texture's alpha is
    under one half, the surface has a hole.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    triangles: NDArray[np.int32]
    uvs: NDArray[np.float32] | None = None
    texture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Sky:
    """Colours of the sky dome, cloud cover in [0, 1] and the seed of the clouds."""

    zenith: Colour = (0.25, 0.45, 0.85)
    horizon: Colour = (0.75, 0.82, 0.9)
    cloud: Colour = (1.0, 1.0, 1.0)
    cover: float = 0.4
    seed: float = 0.0


@dataclass
class Scene:
    """Geometry, look and light of one world: all that the renderer needs.

    Each source builds a subclass that adds what it needs to sample cameras (free floor, road).
    A scene that was drawn must not be changed in place: make another with ``dataclasses.replace``.

    roles: what each material is for ('wall', 'wood', ...), from which ``restyle`` draws anew.
    meshes: this scene's own. ambient_up, ambient_down: light on surfaces that face up and down.
    fog_density: 1/m, toward fog_colour. exposure: relative to the metering that brings each view
    near middle grey. occlusion: strength of ambient occlusion, [0, 1]. far: m, nothing beyond it
    is drawn.
    """

    instances: list[Instance]
    materials: list[Material]
    lights: list[Light]
    roles: list[str] = field(default_factory=list)
    meshes: dict[str, Mesh] = field(default_factory=dict)
    sky: Sky = field(default_factory=Sky)
    ambient_up: Colour = (0.4, 0.4, 0.4)
    ambient_down: Colour = (0.25, 0.25, 0.25)
    fog_colour: Colour = (0.7, 0.7, 0.7)
    fog_density: float = 0.0
    exposure: float = 1.0
    occlusion: float = 0.5
    far: float = 100.0


AnyScene = TypeVar('AnyScene', bound=Scene)
"""The scenes of one source."""
