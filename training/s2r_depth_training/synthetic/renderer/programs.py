"""Shader programs and what they share with Python: constants, uniforms, materials."""

from __future__ import annotations

import re
from pathlib import Path

import moderngl
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import (
    HOLE_KINDS,
    MATERIAL_PATTERNS,
    Material,
    Scene,
)
from s2r_depth_training.synthetic.renderer.projection import clip_from_world

SHADERS = Path(__file__).parent / 'shaders'
LIGHTS_MAX = 8
_FRAME_FLOATS = 2 * 16 + 2 * 4 + 3 * LIGHTS_MAX * 4 + 5 * 4


def shader_source(name: str, defines: tuple[str, ...] = ()) -> str:
    """Read a shader with its includes and the constants it shares with Python."""
    text = (SHADERS / name).read_text()
    text = re.sub(r'#include "(.+)"', lambda m: (SHADERS / m[1]).read_text(), text)
    constants = [f'#define PATTERN_{n.upper()} {i}' for i, n in enumerate(MATERIAL_PATTERNS)]
    constants += [f'#define HOLES_{n.upper()} {i}' for i, n in enumerate(HOLE_KINDS)]
    constants.append(f'#define LIGHTS_MAX {LIGHTS_MAX}')
    constants += [f'#define {name}' for name in defines]
    return '#version 430\n' + '\n'.join(constants) + '\n' + text.replace('#version 430', '')


def compile_program(
    context: moderngl.Context, vertex: str, fragment: str, defines: tuple[str, ...] = ()
) -> moderngl.Program:
    """Compile two files of ``SHADERS`` with the same defines."""
    return context.program(
        vertex_shader=shader_source(vertex, defines),
        fragment_shader=shader_source(fragment, defines),
    )


def set_uniform(
    program: moderngl.Program, name: str, value: ArrayLike, dtype: DTypeLike = np.float32
) -> None:
    """Write a uniform; the driver may have removed one that a shader does not need."""
    if name in program:
        uniform = program[name]
        assert isinstance(uniform, moderngl.Uniform)
        uniform.write(np.ascontiguousarray(value, dtype).tobytes())


class FrameUniforms:
    """The block of uniforms that all surface shaders share: view, shadow, lights and fog."""

    def __init__(self, context: moderngl.Context) -> None:
        self._buffer = context.buffer(reserve=4 * _FRAME_FLOATS)

    def use_view(self, scene: Scene, camera: Camera, shadow: NDArray[np.float64]) -> None:
        """Write and bind the block for what a camera sees. shadow: from the world, [4, 4]."""
        self.use(scene, camera, clip_from_world(camera, scene.far * 1.2), shadow)

    def use(
        self, scene: Scene, camera: Camera, clip: NDArray[np.float64], shadow: NDArray[np.float64]
    ) -> None:
        """Write and bind the block for any projection. clip, shadow: from the world, [4, 4]."""
        self._buffer.write(_frame_block(scene, camera, clip, shadow).tobytes())
        self._buffer.bind_to_uniform_block(0)


def _frame_block(
    scene: Scene, camera: Camera, clip: NDArray[np.float64], shadow: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Pack what frame.glsl declares, [_FRAME_FLOATS]."""
    lights = np.zeros((3, LIGHTS_MAX, 4))
    used = scene.lights[:LIGHTS_MAX]
    for i, light in enumerate(used):
        direction = np.array(light.direction) / np.linalg.norm(light.direction)
        lights[0, i] = (*(light.position or (0, 0, 0)), light.position is not None)
        lights[1, i] = (*direction, light.cone)
        lights[2, i, :3] = light.colour
    horizon = scene.sky.horizon if used[0].position is None else scene.ambient_up
    rows = [
        (*camera.position, 0.0), (*camera.rotation[:, 2], 0.0), *lights.reshape(-1, 4),
        (*scene.ambient_up, 0.0), (*scene.ambient_down, 0.0), (*horizon, 0.0),
        (*scene.fog_colour, scene.fog_density), (len(used), used[0].softness, 0.0, 0.0),
    ]  # fmt: skip
    return np.concatenate([clip.T.ravel(), shadow.T.ravel(), np.ravel(rows)]).astype(np.float32)


def pack_materials(materials: list[Material]) -> NDArray[np.float32]:
    """Make the rows of the shader's material texture, [N, 16]."""
    codes = {name: i for i, name in enumerate(MATERIAL_PATTERNS)}
    rows = [
        (codes[m.pattern], m.scale, m.seed, m.amount, *m.colour, m.gloss, *m.second, m.bump,
         m.glow, *m.extra, 0.0)
        for m in materials
    ]  # fmt: skip
    return np.array(rows, np.float32)
