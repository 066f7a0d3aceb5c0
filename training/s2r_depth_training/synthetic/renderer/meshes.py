"""Meshes on the device."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.primitives import primitives
from s2r_depth_training.synthetic.geometry.scene import Mesh

_TEXTURE_SIZE = 256


@dataclass(frozen=True)
class MeshRange:
    """Where a mesh lies in the shared buffers, and its bounding sphere (centre [3], radius)."""

    first_index: int
    index_count: int
    base_vertex: int
    centre: NDArray[np.float32]
    radius: float
    has_texture: bool


class MeshStore:
    """All meshes in one vertex and one index buffer: primitives stay, a scene's own come and go.

    ranges: of all meshes that are there, by name. texture: the layers of all textures.
    """

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self.ranges: dict[str, MeshRange] = {}
        self._vertices: list[NDArray[np.float32]] = []
        self._indices: list[NDArray[np.int32]] = []
        self._textures: list[NDArray[np.uint8]] = []
        self._vertex_count, self._index_count = 0, 0
        self._owner: dict[str, Mesh] | None = None
        for name, mesh in primitives().items():
            self._append(name, mesh)
        self._primitives = dict(self.ranges)
        self._primitive_counts = (self._vertex_count, self._index_count)
        self._upload()

    def use(self, meshes: dict[str, Mesh]) -> bool:
        """Return whether the buffers were made anew to hold a scene's own meshes."""
        if meshes is self._owner or (not meshes and not self._owner):
            return False
        kept = len(self._primitives)
        del self._vertices[kept:], self._indices[kept:]
        self._textures, self.ranges = [], dict(self._primitives)
        self._vertex_count, self._index_count = self._primitive_counts
        for name, mesh in meshes.items():
            self._append(name, mesh)
        self._owner = meshes
        self._upload()
        return True

    def _append(self, name: str, mesh: Mesh) -> None:
        count = len(mesh.positions)
        layer = -1.0 if mesh.texture is None else float(self._layer_of(mesh.texture))
        uvs = np.zeros((count, 2)) if mesh.uvs is None else mesh.uvs
        block = np.c_[mesh.positions, mesh.normals, uvs, np.full(count, layer)]
        low, high = mesh.positions.min(0), mesh.positions.max(0)
        centre = (low + high) / 2
        radius = float(np.linalg.norm(mesh.positions - centre, axis=1).max())
        self.ranges[name] = MeshRange(
            self._index_count, mesh.triangles.size, self._vertex_count, centre, radius, layer >= 0
        )
        self._vertices.append(block.astype(np.float32))
        self._indices.append(mesh.triangles.astype(np.int32).ravel())
        self._vertex_count += count
        self._index_count += mesh.triangles.size

    def _layer_of(self, texture: NDArray[np.uint8]) -> int:
        """Return the layer of a texture; meshes may share one."""
        for i, known in enumerate(self._textures):
            if known is texture:
                return i
        self._textures.append(texture)
        return len(self._textures) - 1

    def _upload(self) -> None:
        self.vertex_buffer = self._context.buffer(np.concatenate(self._vertices).tobytes())
        self.index_buffer = self._context.buffer(np.concatenate(self._indices).tobytes())
        stack = [_texture_layer(t) for t in self._textures] or [np.zeros((1, 1, 4), np.uint8)]
        data = np.stack(stack)
        size = (data.shape[2], data.shape[1], len(data))
        self.texture = self._context.texture_array(size, 4, data.tobytes())
        self.texture.build_mipmaps()
        self.texture.anisotropy = 4.0


def _texture_layer(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a texture to the common size, first row at the bottom as OpenGL wants it."""
    size = (_TEXTURE_SIZE, _TEXTURE_SIZE)
    resized = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(resized[::-1])
