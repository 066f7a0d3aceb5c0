"""Headless OpenGL renderer: RGB and linear Z depth of a Scene seen by a Camera.

Runs on EGL: Mesa's llvmpipe on a machine without a GPU (packages libegl1, libgl1-mesa-dri),
NVIDIA's driver on one with. The same scene and camera give the same image on the same driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import Scene
from s2r_depth_training.synthetic.renderer.errors import RendererError
from s2r_depth_training.synthetic.renderer.passes import (
    DepthPass,
    DevelopPass,
    LightPass,
    ShadowPass,
)
from s2r_depth_training.synthetic.renderer.programs import FrameUniforms
from s2r_depth_training.synthetic.renderer.surfaces import Surfaces

# Rasterisers that run on the CPU: with them multisampling is slower than it is worth.
_SOFTWARE = ('llvmpipe', 'softpipe')
_SAMPLES = 4  # a pixel, which every GPU has


@dataclass(frozen=True)
class Render:
    """rgb: [H, W, 3]. depth: [H, W], metres along the optical axis, 0 where nothing was hit."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]


class Renderer:
    """Draws scenes at one image size.

    width, height: of the image, px. supersampling: samples per pixel along one axis.
    shadow_size: side of the shadow map, texels. multisampling: samples per pixel that are shaded
    once, in the place of supersampling, 0 for none; by default 4 on a GPU, 0 where the CPU draws.
    device: what draws. Raises RendererError where EGL is missing.
    """

    def __init__(
        self,
        width: int,
        height: int,
        supersampling: int = 2,
        shadow_size: int = 1024,
        multisampling: int | None = None,
    ) -> None:
        self._context = _create_context()
        self.width, self.height = width, height
        self.device = str(self._context.info['GL_RENDERER'])
        self._surfaces = Surfaces(self._context)
        shared = (self._context, self._surfaces, FrameUniforms(self._context))
        if multisampling is None:
            multisampling = 0 if self.device.startswith(_SOFTWARE) else _SAMPLES
        scale = 1 if multisampling else supersampling
        size, fine = (width, height), (width * scale, height * scale)
        self._depth = DepthPass(*shared, size)
        self._shadow = ShadowPass(*shared, shadow_size)
        self._light = LightPass(*shared, fine, multisampling)
        self._develop = DevelopPass(self._context, size, scale, multisampling)
        self._scene: Scene | None = None
        self._drawn: tuple[Scene, Camera, NDArray[np.float32]] | None = None

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

    def depth(self, scene: Scene, camera: Camera) -> NDArray[np.float32]:
        """Draw only the depth ([H, W], m): a pre-pass at the camera's size.

        Raises RendererError if the camera has more pixels than the renderer.
        """
        if camera.width > self.width or camera.height > self.height:
            raise RendererError(
                f'the camera has {camera.width}x{camera.height} pixels, the renderer only '
                f'{self.width}x{self.height}'
            )
        with self._context:
            self._load(scene)
            self._depth.draw(scene, camera)
            depth = self._depth.read(scene, camera)
        self._drawn = (scene, camera, depth)
        return depth

    def render(self, scene: Scene, camera: Camera) -> Render:
        """Draw the image and depth of a scene.

        Raises RendererError if the camera's size is not the renderer's.
        """
        if (camera.width, camera.height) != (self.width, self.height):
            raise RendererError(
                f'the camera has {camera.width}x{camera.height} pixels, the renderer '
                f'{self.width}x{self.height}: use Camera.resized'
            )
        depth = self._depth_of(scene, camera)
        with self._context:
            shadow = self._shadow.draw(scene, camera)
            self._light.draw(scene, camera, shadow, self._shadow.map)
            exposure = scene.exposure * self._light.metering(scene.sky)
            self._develop.draw(self._light.map, self._depth.map, scene, camera, exposure)
            return Render(self._develop.read(), depth)

    def _depth_of(self, scene: Scene, camera: Camera) -> NDArray[np.float32]:
        """Return the depth that the device has if it is this view's, perhaps in another style."""
        if self._drawn is None:
            return self.depth(scene, camera)
        drawn, seen, depth = self._drawn
        geometry_is_same = drawn.instances is scene.instances and drawn.far == scene.far
        if seen is not camera or not geometry_is_same:
            return self.depth(scene, camera)
        with self._context:
            self._load(scene)
        return depth

    def _load(self, scene: Scene) -> None:
        """Bring a scene to the device; a restyled one shares the geometry that is there."""
        if scene is self._scene:
            return
        if self._scene is None or scene.instances is not self._scene.instances:
            self._surfaces.load(scene)
            self._shadow.forget()
        self._light.load(scene.materials)
        self._scene = scene
        self._context.gc()


def _create_context() -> moderngl.Context:
    backend: Any = 'egl'  # moderngl's annotation says that it is a dict
    try:
        context = moderngl.create_context(standalone=True, require=430, backend=backend)
    except Exception as error:  # moderngl raises plain Exception
        raise RendererError(
            f'no OpenGL 4.3 context by EGL ({error}); install a driver, for a machine without '
            'a GPU: apt install libegl1 libgl1-mesa-dri'
        ) from error
    context.gc_mode = 'context_gc'
    return context
