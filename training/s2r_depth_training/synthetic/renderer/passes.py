"""The passes that make a picture: depth, shadow, light, and development to 8 bits."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import Material, Scene, Sky
from s2r_depth_training.synthetic.renderer.programs import (
    FrameUniforms,
    compile_program,
    pack_materials,
    set_uniform,
)
from s2r_depth_training.synthetic.renderer.projection import SUN_SPAN, shadow_from_world
from s2r_depth_training.synthetic.renderer.surfaces import Surfaces

MIDDLE_GREY = 0.2


class _SurfacePass:
    """Draws surfaces into ``map``, a texture of ``channels`` of moderngl's type ``dtype``.

    samples: per pixel, 0 for a map that is not multisampled.
    """

    channels: int
    dtype: str

    def __init__(
        self,
        context: moderngl.Context,
        surfaces: Surfaces,
        uniforms: FrameUniforms,
        size: tuple[int, int],
        samples: int = 0,
    ) -> None:
        self._context, self._surfaces, self._uniforms = context, surfaces, uniforms
        self.map = context.texture(size, self.channels, samples=samples, dtype=self.dtype)
        depth = context.depth_renderbuffer(size, samples=samples)
        self._target = context.framebuffer([self.map], depth)


class DepthPass(_SurfacePass):
    """Linear depth along the optical axis. map: the texture, m, at the final size."""

    channels, dtype = 1, 'f4'

    def draw(self, scene: Scene, camera: Camera) -> None:
        """Draw the depth in the camera's size, which may be smaller than the target."""
        self._target.use()
        self._context.viewport = (0, 0, camera.width, camera.height)
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = '<'
        self._target.clear()
        self._uniforms.use_view(scene, camera, np.eye(4))
        self._surfaces.draw_depth(self._surfaces.instances.seen_by(camera, scene.far))

    def read(self, scene: Scene, camera: Camera) -> NDArray[np.float32]:
        """Read the depth back, [camera.height, camera.width], m, 0 where nothing was hit."""
        viewport = (0, 0, camera.width, camera.height)
        data = self._target.read(viewport, components=1, dtype='f4', alignment=1)
        depth = np.frombuffer(data, np.float32).reshape(camera.height, camera.width)
        return np.where(depth < scene.far, depth, np.float32(0.0))


class ShadowPass:
    """The shadow map of a scene's first light, kept while it stays right."""

    def __init__(
        self, context: moderngl.Context, surfaces: Surfaces, uniforms: FrameUniforms, size: int
    ) -> None:
        self._context, self._surfaces, self._uniforms = context, surfaces, uniforms
        self.map = context.depth_texture((size, size))
        self.map.compare_func = '<='
        self._target = context.framebuffer([], self.map)
        self._drawn: tuple[float, ...] | None = None

    def forget(self) -> None:
        """Draw the map anew next time: the geometry is another one."""
        self._drawn = None

    def draw(self, scene: Scene, camera: Camera) -> NDArray[np.float64]:
        """Fill the map unless it is right already; return shadow from world, [4, 4]."""
        light = scene.lights[0]
        ahead = camera.rotation[:, 2] * (1.0, 1.0, 0.0) * 0.7 * SUN_SPAN
        centre = camera.position + ahead
        matrix = shadow_from_world(light, centre)
        key = tuple(matrix.ravel())
        if key != self._drawn:
            self._drawn = key
            self._target.use()
            self._target.clear(depth=1.0)
            self._context.enable_only(moderngl.DEPTH_TEST)
            self._context.depth_func = '<'
            self._uniforms.use(scene, camera, matrix, matrix)
            self._surfaces.draw_depth(self._surfaces.instances.lit_by(light, centre))
        return matrix


class LightPass(_SurfacePass):
    """The shaded surfaces, with several samples a pixel of the picture.

    map: rgb and, in alpha, whether anything was hit; of ``size``, which is the picture's with
    ``multisampling`` (samples per pixel, shaded once), else the supersampled one.
    """

    channels, dtype = 4, 'f2'

    def __init__(
        self,
        context: moderngl.Context,
        surfaces: Surfaces,
        uniforms: FrameUniforms,
        size: tuple[int, int],
        multisampling: int,
    ) -> None:
        super().__init__(context, surfaces, uniforms, size, multisampling)
        self._multisampling = multisampling
        self._mean = context.texture(size, 4, dtype='f2') if multisampling else self.map
        self._mean_target = context.framebuffer([self._mean])
        self._programs: dict[tuple[str, bool], moderngl.Program] = {}

    def load(self, materials: list[Material]) -> None:
        """Bring a scene's materials to the device."""
        rows = pack_materials(materials)
        self._materials = self._context.texture((4, len(rows)), 4, rows.tobytes(), dtype='f4')
        self._materials.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._kinds = [(m.pattern, m.bump > 0) for m in materials]

    def draw(
        self,
        scene: Scene,
        camera: Camera,
        shadow: NDArray[np.float64],
        shadow_map: moderngl.Texture,
    ) -> None:
        """Shade what the camera sees, after an early-z pass with the same geometry.

        shadow: from the world to the shadow map, [4, 4].
        """
        surfaces = self._surfaces
        seen = surfaces.instances.seen_by(camera, scene.far)
        self._target.use()
        self._target.clear()
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = '<'
        self._target.color_mask = (False, False, False, False)
        self._uniforms.use_view(scene, camera, shadow)
        surfaces.draw_depth(seen, by_sample=self._multisampling > 0)
        self._target.color_mask = (True, True, True, True)
        self._context.depth_func = '=='
        self._materials.use(1)
        shadow_map.use(2)
        used = surfaces.instances.materials
        for kind in sorted({self._kinds[i] for i in np.unique(used[seen.drawn])}):
            alike = np.array([k == kind for k in self._kinds])
            surfaces.draw(self._program(*kind), seen.only(alike[used]))

    def _program(self, pattern: str, has_bump: bool) -> moderngl.Program:
        """Return what shades the surfaces of one pattern; compiled when first needed."""
        key = (pattern, has_bump)
        if key not in self._programs:
            defines = [f'PATTERN PATTERN_{pattern.upper()}']
            defines += ['WITH_BUMP'] if has_bump else []
            defines += ['MULTISAMPLED'] if self._multisampling else []
            self._programs[key] = compile_program(
                self._context, 'surface.vert', 'surface.frag', tuple(defines)
            )
        return self._programs[key]

    def metering(self, sky: Sky) -> float:
        """Choose the exposure that brings the view near middle grey, as a camera does."""
        if self._multisampling:
            self._context.copy_framebuffer(self._mean_target, self._target)
        level = max(min(self._mean.width, self._mean.height).bit_length() - 4, 0)
        self._mean.build_mipmaps(0, level)
        data = np.frombuffer(self._mean.read(level=level, alignment=1), np.float16)
        light = data.reshape(-1, 4).astype(np.float32)
        light[:, :3] += (1 - light[:, 3:]) * np.array(sky.horizon, np.float32)
        luminance = np.log(1e-4 + light[:, :3] @ (0.2126, 0.7152, 0.0722)).mean()
        return float(np.clip((MIDDLE_GREY / np.exp(luminance)) ** 0.85, 0.05, 20.0))


class DevelopPass:
    """From light and depth to the picture: sky, ambient occlusion, exposure, tone curve.

    size: of the picture, px. supersampling: samples along one axis. multisampling: of a pixel, in
    the place of supersampling if not 0.
    """

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        supersampling: int,
        multisampling: int,
    ) -> None:
        self._context, self._size = context, size
        self._samples = multisampling or supersampling
        defines = ('MULTISAMPLED',) if multisampling else ()
        self._program = compile_program(context, 'screen.vert', 'develop.frag', defines)
        self._target = context.framebuffer([context.texture(size, 4)])
        corners = context.buffer(np.array([-1, -1, 3, -1, -1, 3], 'f4').tobytes())
        self._screen = context.vertex_array(self._program, [(corners, '2f', 'corner')])

    def draw(
        self,
        light_map: moderngl.Texture,
        depth_map: moderngl.Texture,
        scene: Scene,
        camera: Camera,
        exposure: float,
    ) -> None:
        """Develop the maps. exposure: linear factor on the light."""
        self._target.use()
        self._context.disable(moderngl.DEPTH_TEST)
        light_map.use(0)
        depth_map.use(1)
        set_uniform(self._program, 'samples', self._samples, np.int32)
        sky, sun = scene.sky, scene.lights[0]
        for name, value in {
            'size': self._size,
            'intrinsics': (camera.fx, camera.fy, camera.cx, camera.cy),
            'rotation': camera.rotation.T,
            'sky_zenith': sky.zenith,
            'sky_horizon': sky.horizon,
            'sky_cloud': sky.cloud,
            'sky_cover': sky.cover,
            'sky_seed': sky.seed,
            'sun_direction': np.array(sun.direction) / np.linalg.norm(sun.direction),
            'sun_colour': sun.colour if sun.position is None else (0, 0, 0),
            'occlusion': scene.occlusion,
            'exposure': exposure,
        }.items():
            set_uniform(self._program, name, value)
        self._screen.render(moderngl.TRIANGLES, vertices=3)

    def read(self) -> NDArray[np.uint8]:
        """Read the picture back, rgb [H, W, 3]."""
        data = self._target.read(components=3, alignment=1)
        width, height = self._size
        return np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()
