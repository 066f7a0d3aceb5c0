"""Headless OpenGL renderer: RGB and linear Z depth of a Scene seen by a Camera.

Runs on EGL: Mesa's llvmpipe on a machine without a GPU (packages libegl1, libgl1-mesa-dri),
NVIDIA's driver on one with. The same scene and camera give the same image on the same driver.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import cv2
import moderngl
import numpy as np

from s2r_depth_training.synthetic.primitives import COARSE, primitives
from s2r_depth_training.synthetic.scene import (
    HOLE_KINDS,
    MATERIAL_PATTERNS,
    Camera,
    Light,
    Material,
    Mesh,
    Scene,
)

SHADERS = Path(__file__).parent / 'shaders'
NEAR = 0.05
LIGHTS_MAX = 8
TEXTURE_SIZE = 256
FRAME_FLOATS = 2 * 16 + 2 * 4 + 3 * LIGHTS_MAX * 4 + 5 * 4
INSTANCE_FLOATS = 17
MIDDLE_GREY = 0.2
COARSE_RADIUS = 14.0  # px under which a round thing needs few triangles
SUN_SPAN = 45.0  # metres to each side of the shadow's centre
_VERTEX = ('3f 3f 2f 1f', 'position', 'normal', 'uv', 'layer')
_INSTANCE = ('4f 4f 4f 4f 1f/i', 'row0', 'row1', 'row2', 'relief', 'material')


class RendererError(RuntimeError):
    """No usable OpenGL 4.3 context, or a scene that the renderer cannot draw."""


@dataclass(frozen=True)
class Render:
    """rgb: uint8 [H, W, 3]. depth: float32 [H, W], metres along the optical axis, 0 = no hit."""

    rgb: np.ndarray
    depth: np.ndarray


def shader_source(name: str, defines: tuple[str, ...] = ()) -> str:
    """Read a shader with its includes and the constants it shares with Python."""
    text = (SHADERS / name).read_text()
    text = re.sub(r'#include "(.+)"', lambda m: (SHADERS / m[1]).read_text(), text)
    constants = [f'#define PATTERN_{n.upper()} {i}' for i, n in enumerate(MATERIAL_PATTERNS)]
    constants += [f'#define HOLES_{n.upper()} {i}' for i, n in enumerate(HOLE_KINDS)]
    constants.append(f'#define LIGHTS_MAX {LIGHTS_MAX}')
    constants += [f'#define {name}' for name in defines]
    return '#version 430\n' + '\n'.join(constants) + '\n' + text.replace('#version 430', '')


def clip_from_camera(camera: Camera, far: float) -> np.ndarray:
    """Project optical-frame points to OpenGL clip space, float64 [4, 4].

    Row 0 of the framebuffer is the top row of the image, so nothing is flipped when read back.
    """
    width, height = camera.width, camera.height
    return np.array([
        [2 * camera.fx / width, 0, (2 * camera.cx + 1) / width - 1, 0],
        [0, 2 * camera.fy / height, (2 * camera.cy + 1) / height - 1, 0],
        [0, 0, (far + NEAR) / (far - NEAR), -2 * far * NEAR / (far - NEAR)],
        [0, 0, 1, 0],
    ])  # fmt: skip


def camera_from_world(position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Invert a camera pose, float64 [4, 4]."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T
    matrix[:3, 3] = -rotation.T @ position
    return matrix


def shadow_from_world(light: Light, centre: np.ndarray) -> np.ndarray:
    """Project the world into the shadow map of a lamp or of the sun about `centre`."""
    forward = np.array(light.direction, float)
    forward /= np.linalg.norm(forward)
    side = np.cross(forward, (0.0, 0.0, 1.0) if abs(forward[2]) < 0.9 else (0.0, 1.0, 0.0))
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(forward, side), forward], axis=1)
    if light.position is None:
        reach = 4 * SUN_SPAN
        projection = np.diag([1 / SUN_SPAN, 1 / SUN_SPAN, 2 / reach, 1.0])
        projection[2, 3] = -1.0
        return projection @ camera_from_world(centre - forward * reach / 2, rotation)
    tangent = np.tan(np.radians(75.0))
    near, far = 0.08, 40.0
    projection = np.array([
        [1 / tangent, 0, 0, 0],
        [0, 1 / tangent, 0, 0],
        [0, 0, (far + near) / (far - near), -2 * far * near / (far - near)],
        [0, 0, 1, 0],
    ])  # fmt: skip
    return projection @ camera_from_world(np.array(light.position, float), rotation)


def pack_materials(materials: list[Material]) -> np.ndarray:
    """Make the rows of the shader's material texture, float32 [N, 16]."""
    codes = {name: i for i, name in enumerate(MATERIAL_PATTERNS)}
    rows = [
        (codes[m.pattern], m.scale, m.seed, m.amount, *m.colour, m.gloss, *m.second, m.bump,
         m.glow, *m.extra, 0.0)
        for m in materials
    ]  # fmt: skip
    return np.array(rows, np.float32)


@dataclass(frozen=True)
class _Range:
    """Where a mesh lies in the shared buffers, and its bounding sphere."""

    first_index: int
    index_count: int
    base_vertex: int
    centre: np.ndarray
    radius: float
    has_texture: bool


class _MeshStore:
    """All meshes in one vertex and one index buffer: primitives stay, a scene's own come and go."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self.ranges: dict[str, _Range] = {}
        self._vertices: list[np.ndarray] = []
        self._indices: list[np.ndarray] = []
        self._textures: list[np.ndarray] = []
        self._counts = [0, 0]
        self._owner: dict[str, Mesh] | None = None
        for name, mesh in primitives().items():
            self._append(name, mesh)
        self._kept = (len(self._vertices), list(self._counts), dict(self.ranges))
        self._upload()

    def use(self, meshes: dict[str, Mesh]) -> bool:
        """Make a scene's own meshes available; True if the buffers were made anew."""
        if meshes is self._owner or (not meshes and not self._owner):
            return False
        kept, counts, ranges = self._kept
        del self._vertices[kept:], self._indices[kept:]
        self._textures, self._counts, self.ranges = [], list(counts), dict(ranges)
        for name, mesh in meshes.items():
            self._append(name, mesh)
        self._owner = meshes
        self._upload()
        return True

    def _append(self, name: str, mesh: Mesh) -> None:
        count = len(mesh.positions)
        layer = -1.0
        if mesh.texture is not None:
            known = [i for i, t in enumerate(self._textures) if t is mesh.texture]
            layer = float(known[0] if known else len(self._textures))
            if not known:
                self._textures.append(mesh.texture)
        uvs = np.zeros((count, 2)) if mesh.uvs is None else mesh.uvs
        block = np.c_[mesh.positions, mesh.normals, uvs, np.full(count, layer)]
        low, high = mesh.positions.min(0), mesh.positions.max(0)
        centre = (low + high) / 2
        radius = float(np.linalg.norm(mesh.positions - centre, axis=1).max())
        self.ranges[name] = _Range(
            self._counts[1], mesh.triangles.size, self._counts[0], centre, radius, layer >= 0
        )
        self._vertices.append(block.astype(np.float32))
        self._indices.append(mesh.triangles.astype(np.int32).ravel())
        self._counts[0] += count
        self._counts[1] += mesh.triangles.size

    def _upload(self) -> None:
        self.vertex_buffer = self._context.buffer(np.concatenate(self._vertices).tobytes())
        self.index_buffer = self._context.buffer(np.concatenate(self._indices).tobytes())
        stack = [_texture_layer(t) for t in self._textures] or [np.zeros((1, 1, 4), np.uint8)]
        data = np.stack(stack)
        size = (data.shape[2], data.shape[1], len(data))
        self.texture = self._context.texture_array(size, 4, data.tobytes())
        self.texture.build_mipmaps()
        self.texture.anisotropy = 4.0


def _frame_block(scene: Scene, camera: Camera, clip: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """Pack what frame.glsl declares, float32 [FRAME_FLOATS]."""
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


def _texture_layer(image: np.ndarray) -> np.ndarray:
    """Bring a texture to the common size, first row at the bottom as OpenGL wants it."""
    resized = cv2.resize(image, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized[::-1])


class _Selection(NamedTuple):
    """Which instances a pass draws, and which of them with few triangles; bool [N] each."""

    drawn: np.ndarray
    coarse: np.ndarray

    def only(self, condition: np.ndarray) -> _Selection:
        return _Selection(self.drawn & condition, self.coarse)


class _Instances:
    """A scene's instances as arrays, with bounding spheres for culling."""

    def __init__(self, scene: Scene, ranges: dict[str, _Range]) -> None:
        unknown = {i.mesh for i in scene.instances} - ranges.keys()
        if unknown:
            raise RendererError(f'the scene uses meshes that it does not bring: {sorted(unknown)}')
        order = {name: i for i, name in enumerate(ranges)}
        mesh = np.array([order[i.mesh] for i in scene.instances])
        rows = [(*i.matrix, *i.relief, i.material) for i in scene.instances]
        self.mesh = mesh
        self.coarse_mesh = np.array([order[COARSE.get(i.mesh, i.mesh)] for i in scene.instances])
        holes = [bool(i.relief.holes) or ranges[i.mesh].has_texture for i in scene.instances]
        self.has_holes = np.array(holes)
        self.rows = np.array(rows, np.float32).reshape(-1, INSTANCE_FLOATS)
        matrices = self.rows[:, :12].reshape(-1, 3, 4)
        centres = np.array([r.centre for r in ranges.values()])[self.mesh]
        radii = np.array([r.radius for r in ranges.values()])[self.mesh]
        self.centres = np.einsum('nij,nj->ni', matrices[:, :, :3], centres) + matrices[:, :, 3]
        stretch = np.linalg.norm(matrices[:, :, :3], axis=1).max(axis=1)
        self.radii = radii * stretch * (1.0 + self.rows[:, 12])
        self.commands = np.array(
            [(r.index_count, 0, r.first_index, r.base_vertex, 0) for r in ranges.values()], np.int32
        )

    def seen_by(self, camera: Camera, far: float) -> _Selection:
        """Select what touches the view and covers half a pixel; small things in coarse."""
        x, y, z = ((self.centres - camera.position) @ camera.rotation).T
        r = self.radii
        left, right = (camera.cx + 0.5) / camera.fx, (camera.width - 0.5 - camera.cx) / camera.fx
        top, bottom = (camera.cy + 0.5) / camera.fy, (camera.height - 0.5 - camera.cy) / camera.fy
        seen = (z + r > NEAR) & (z - r < far) & (r * camera.fx > 0.25 * z)
        for along, slope in ((x, right), (-x, left), (y, bottom), (-y, top)):
            seen &= along - slope * z < r * np.hypot(1.0, slope)
        return _Selection(seen, r * camera.fx < COARSE_RADIUS * z)

    def lit_by(self, light: Light, centre: np.ndarray) -> _Selection:
        """Select what can throw a shadow into the shadow map; by the sun in coarse."""
        if light.position is not None:
            return _Selection(np.ones(len(self.rows), bool), self.radii < 0.12)
        direction = np.array(light.direction) / np.linalg.norm(light.direction)
        offset = self.centres - centre
        across = offset - np.outer(offset @ direction, direction)
        near = np.linalg.norm(across, axis=1) - self.radii < SUN_SPAN * 1.42
        return _Selection(near, np.ones(len(self.rows), bool))

    def commands_for(self, selection: _Selection) -> tuple[np.ndarray, np.ndarray]:
        """Pick the chosen rows and one indirect draw command per mesh that occurs."""
        drawn = np.flatnonzero(selection.drawn)
        mesh = np.where(selection.coarse, self.coarse_mesh, self.mesh)[drawn]
        by_mesh = np.argsort(mesh, kind='stable')
        counts = np.bincount(mesh, minlength=len(self.commands))
        commands = self.commands.copy()
        commands[:, 1] = counts
        commands[:, 4] = np.cumsum(counts) - counts
        return self.rows[drawn[by_mesh]], commands[counts > 0]


class Renderer:
    """Draws scenes at one image size.

    width, height: of the image, px. supersampling: samples per pixel along one axis.
    shadow_size: side of the shadow map, texels. Raises RendererError where EGL is missing.
    """

    def __init__(
        self, width: int, height: int, supersampling: int = 2, shadow_size: int = 1024
    ) -> None:
        try:
            self._context = moderngl.create_context(standalone=True, backend='egl', require=430)
        except Exception as error:  # moderngl raises plain Exception
            raise RendererError(
                f'no OpenGL 4.3 context by EGL ({error}); install a driver, for a machine without '
                'a GPU: apt install libegl1 libgl1-mesa-dri'
            ) from error
        self._context.gc_mode = 'context_gc'
        self.width, self.height, self.samples = width, height, supersampling
        self.device = str(self._context.info['GL_RENDERER'])
        self._make_programs()
        self._make_targets(shadow_size)
        self._store = _MeshStore(self._context)
        self._frame_buffer = self._context.buffer(reserve=4 * FRAME_FLOATS)
        self._instance_buffer = self._context.buffer(reserve=4 * INSTANCE_FLOATS * 4096)
        self._make_arrays()
        self._scene: Scene | None = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the OpenGL context back; the renderer cannot be used afterwards."""
        self._context.release()

    def _make_programs(self) -> None:
        # a shader that may discard is slow, so what has no holes is drawn without
        self._solid_program = self._compile('surface.vert', 'depth.frag')
        self._holes_program = self._compile('surface.vert', 'depth.frag', ('WITH_HOLES',))
        self._develop_program = self._compile('screen.vert', 'develop.frag')
        self._colour_programs: dict[tuple[str, bool], moderngl.Program] = {}

    def _compile(
        self, vertex: str, fragment: str, defines: tuple[str, ...] = ()
    ) -> moderngl.Program:
        return self._context.program(
            vertex_shader=shader_source(vertex), fragment_shader=shader_source(fragment, defines)
        )

    def _colour_array(self, pattern: str, has_bump: bool) -> moderngl.VertexArray:
        """Return what draws the surfaces of one pattern; compiled when first needed."""
        key = (pattern, has_bump)
        if key not in self._colour_programs:
            bump = ('WITH_BUMP',) if has_bump else ()
            defines = (f'PATTERN PATTERN_{pattern.upper()}', *bump)
            self._colour_programs[key] = self._compile('surface.vert', 'surface.frag', defines)
        if key not in self._colour_arrays:
            self._colour_arrays[key] = self._array(self._colour_programs[key])
        return self._colour_arrays[key]

    def _make_targets(self, shadow_size: int) -> None:
        context, size = self._context, (self.width, self.height)
        fine = (self.width * self.samples, self.height * self.samples)
        self._depth_map = context.texture(size, 1, dtype='f4')
        self._depth_target = context.framebuffer(
            [self._depth_map], context.depth_renderbuffer(size)
        )
        self._light_map = context.texture(fine, 4, dtype='f2')
        self._light_target = context.framebuffer(
            [self._light_map], context.depth_renderbuffer(fine)
        )
        self._pixels = context.framebuffer([context.texture(size, 4)])
        self._shadow_map = context.depth_texture((shadow_size, shadow_size))
        self._shadow_map.compare_func = '<='
        self._shadow_target = context.framebuffer([], self._shadow_map)
        corners = context.buffer(np.array([-1, -1, 3, -1, -1, 3], 'f4').tobytes())
        self._screen = context.vertex_array(self._develop_program, [(corners, '2f', 'corner')])

    def _make_arrays(self) -> None:
        self._command_buffer = self._context.buffer(reserve=20 * len(self._store.ranges))

        self._solid_array = self._array(self._solid_program)
        self._holes_array = self._array(self._holes_program)
        self._colour_arrays: dict[tuple[str, bool], moderngl.VertexArray] = {}

    def _array(self, program: moderngl.Program) -> moderngl.VertexArray:
        content = [(self._store.vertex_buffer, *_VERTEX), (self._instance_buffer, *_INSTANCE)]
        return self._context.vertex_array(
            program, content, self._store.index_buffer, skip_errors=True
        )

    def depth(self, scene: Scene, camera: Camera) -> np.ndarray:
        """Draw only the depth, at the camera's size if that is not larger: the pre-pass."""
        if camera.width > self.width or camera.height > self.height:
            raise RendererError(
                f'the camera has {camera.width}x{camera.height} pixels, the renderer only '
                f'{self.width}x{self.height}'
            )
        with self._context:
            self._load(scene)
            self._draw_depth(scene, camera)
            viewport = (0, 0, camera.width, camera.height)
            data = self._depth_target.read(viewport, components=1, dtype='f4', alignment=1)
        depth = np.frombuffer(data, np.float32).reshape(camera.height, camera.width)
        return np.where(depth < scene.far, depth, np.float32(0.0))

    def render(self, scene: Scene, camera: Camera) -> Render:
        """Draw the image and depth of a scene; the camera must have the renderer's size."""
        if (camera.width, camera.height) != (self.width, self.height):
            raise RendererError(
                f'the camera has {camera.width}x{camera.height} pixels, the renderer '
                f'{self.width}x{self.height}: use Camera.resized'
            )
        depth = self.depth(scene, camera)
        with self._context:
            self._draw_light(scene, camera)
            self._develop(scene, camera, scene.exposure * self._metering(scene))
            data = self._pixels.read(components=3, alignment=1)
        rgb = np.frombuffer(data, np.uint8).reshape(self.height, self.width, 3).copy()
        return Render(rgb, depth)

    def _load(self, scene: Scene) -> None:
        """Bring a scene to the device; a restyled one shares the geometry that is there."""
        if scene is self._scene:
            return
        if self._scene is None or scene.instances is not self._scene.instances:
            self._load_geometry(scene)
        rows = pack_materials(scene.materials)
        self._materials = self._context.texture((4, len(rows)), 4, rows.tobytes(), dtype='f4')
        self._materials.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._patterns = [(m.pattern, m.bump > 0) for m in scene.materials]
        self._scene = scene
        self._context.gc()

    def _load_geometry(self, scene: Scene) -> None:
        if self._store.use(scene.meshes):
            self._make_arrays()
        self._instances = _Instances(scene, self._store.ranges)
        if self._instances.rows.nbytes > self._instance_buffer.size:
            self._instance_buffer = self._context.buffer(reserve=2 * self._instances.rows.nbytes)
            self._make_arrays()
        self._shadow_key: tuple[float, ...] | None = None

    def _draw(self, array: moderngl.VertexArray, selection: _Selection) -> None:
        rows, commands = self._instances.commands_for(selection)
        if not len(commands):
            return
        self._instance_buffer.write(rows.tobytes())
        self._command_buffer.write(commands.tobytes())
        array.render_indirect(self._command_buffer, moderngl.TRIANGLES, len(commands))

    def _draw_depth(self, scene: Scene, camera: Camera) -> None:
        self._depth_target.use()
        self._context.viewport = (0, 0, camera.width, camera.height)
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = '<'
        self._depth_target.clear()
        self._set_view(scene, camera, np.eye(4))
        self._draw_surfaces(self._instances.seen_by(camera, scene.far))

    def _draw_surfaces(self, selection: _Selection) -> None:
        """Draw depth only, what has holes apart from what has none."""
        self._draw(self._solid_array, selection.only(~self._instances.has_holes))
        self._draw(self._holes_array, selection.only(self._instances.has_holes))

    def _set_view(self, scene: Scene, camera: Camera, shadow: np.ndarray) -> None:
        view = camera_from_world(camera.position, camera.rotation)
        clip = clip_from_camera(camera, scene.far * 1.2) @ view
        self._use_frame(_frame_block(scene, camera, clip, shadow))

    def _use_frame(self, block: np.ndarray) -> None:
        self._frame_buffer.write(block.tobytes())
        self._frame_buffer.bind_to_uniform_block(0)
        self._store.texture.use(0)

    def _draw_light(self, scene: Scene, camera: Camera) -> None:
        """Shade at the supersampled size, after an early-z pass with the same geometry."""
        shadow = self._draw_shadow(scene, camera)
        seen = self._instances.seen_by(camera, scene.far)
        self._light_target.use()
        self._light_target.clear()
        self._context.depth_func = '<'
        self._light_target.color_mask = (False, False, False, False)
        self._set_view(scene, camera, shadow)
        self._draw_surfaces(seen)
        self._light_target.color_mask = (True, True, True, True)
        self._context.depth_func = '=='
        self._materials.use(1)
        self._shadow_map.use(2)
        used = self._instances.rows[:, -1].astype(int)
        for key in sorted({self._patterns[i] for i in np.unique(used[seen.drawn])}):
            alike = np.array([k == key for k in self._patterns])
            self._draw(self._colour_array(*key), seen.only(alike[used]))

    def _draw_shadow(self, scene: Scene, camera: Camera) -> np.ndarray:
        """Fill the shadow map unless it is right already; return shadow from world."""
        light = scene.lights[0]
        ahead = camera.rotation[:, 2] * (1.0, 1.0, 0.0) * 0.7 * SUN_SPAN
        centre = camera.position + ahead
        matrix = shadow_from_world(light, centre)
        key = tuple(matrix.ravel())
        if key != self._shadow_key:
            self._shadow_key = key
            self._shadow_target.use()
            self._shadow_target.clear(depth=1.0)
            self._context.depth_func = '<'
            self._use_frame(_frame_block(scene, camera, matrix, matrix))
            self._draw_surfaces(self._instances.lit_by(light, centre))
        return matrix

    def _metering(self, scene: Scene) -> float:
        """Choose the exposure that brings the view near middle grey, as a camera does."""
        level = max(min(self._light_map.width, self._light_map.height).bit_length() - 4, 0)
        self._light_map.build_mipmaps(0, level)
        data = np.frombuffer(self._light_map.read(level=level, alignment=1), np.float16)
        light = data.reshape(-1, 4).astype(np.float32)
        light[:, :3] += (1 - light[:, 3:]) * np.array(scene.sky.horizon, np.float32)
        luminance = np.log(1e-4 + light[:, :3] @ (0.2126, 0.7152, 0.0722)).mean()
        return float(np.clip((MIDDLE_GREY / np.exp(luminance)) ** 0.85, 0.05, 20.0))

    def _develop(self, scene: Scene, camera: Camera, exposure: float) -> None:
        program, sky, sun = self._develop_program, scene.sky, scene.lights[0]
        self._pixels.use()
        self._context.disable(moderngl.DEPTH_TEST)
        self._light_map.use(0)
        self._depth_map.use(1)
        program['samples'].value = self.samples
        _set(program, 'size', (self.width, self.height))
        _set(program, 'intrinsics', (camera.fx, camera.fy, camera.cx, camera.cy))
        _set(program, 'rotation', camera.rotation.T)
        _set(program, 'sky_zenith', sky.zenith)
        _set(program, 'sky_horizon', sky.horizon)
        _set(program, 'sky_cloud', sky.cloud)
        _set(program, 'sky_cover', sky.cover)
        _set(program, 'sky_seed', sky.seed)
        _set(program, 'sun_direction', np.array(sun.direction) / np.linalg.norm(sun.direction))
        _set(program, 'sun_colour', sun.colour if sun.position is None else (0, 0, 0))
        _set(program, 'occlusion', scene.occlusion)
        _set(program, 'exposure', exposure)
        self._screen.render(moderngl.TRIANGLES, vertices=3)


def _set(program: moderngl.Program, name: str, value: object) -> None:
    """Write a uniform; the driver may have removed one that a shader does not need."""
    if name in program:
        program[name].write(np.ascontiguousarray(value, np.float32).tobytes())
