"""Which of a scene's instances a pass has to draw, and how finely."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.primitives import COARSE
from s2r_depth_training.synthetic.geometry.scene import Instance, Light
from s2r_depth_training.synthetic.renderer.errors import RendererError
from s2r_depth_training.synthetic.renderer.meshes import MeshRange
from s2r_depth_training.synthetic.renderer.projection import NEAR, SUN_SPAN

INSTANCE_FLOATS = 17
COARSE_RADIUS = 14.0  # px under which a round thing needs few triangles


class Selection(NamedTuple):
    """Which instances a pass draws, and which of them with few triangles; [N] each."""

    drawn: NDArray[np.bool_]
    coarse: NDArray[np.bool_]

    def only(self, condition: NDArray[np.bool_]) -> Selection:
        """Draw only those of the selection for which the condition, [N], holds."""
        return Selection(self.drawn & condition, self.coarse)


class InstanceTable:
    """A scene's instances as arrays, with bounding spheres for culling.

    rows: [N, INSTANCE_FLOATS] as the shader reads them. materials: [N], indices. has_holes: [N].
    Raises RendererError for an instance of a mesh that is not in ``ranges``.
    """

    def __init__(self, instances: list[Instance], ranges: dict[str, MeshRange]) -> None:
        unknown = {i.mesh for i in instances} - ranges.keys()
        if unknown:
            raise RendererError(f'the scene uses meshes that it does not bring: {sorted(unknown)}')
        order = {name: i for i, name in enumerate(ranges)}
        self._mesh = np.array([order[i.mesh] for i in instances])
        self._coarse_mesh = np.array([order[COARSE.get(i.mesh, i.mesh)] for i in instances])
        holes = [bool(i.relief.holes) or ranges[i.mesh].has_texture for i in instances]
        self.has_holes = np.array(holes)
        rows = [(*i.matrix, *i.relief, i.material) for i in instances]
        self.rows = np.array(rows, np.float32).reshape(-1, INSTANCE_FLOATS)
        self.materials = self.rows[:, -1].astype(int)
        self._bound(list(ranges.values()))
        self._commands = np.array(
            [(r.index_count, 0, r.first_index, r.base_vertex, 0) for r in ranges.values()], np.int32
        )

    def _bound(self, ranges: list[MeshRange]) -> None:
        """Compute the bounding spheres in the world; noise may push vertices out of a mesh's."""
        matrices = self.rows[:, :12].reshape(-1, 3, 4)
        centres = np.array([r.centre for r in ranges])[self._mesh]
        radii = np.array([r.radius for r in ranges])[self._mesh]
        self._centres = np.einsum('nij,nj->ni', matrices[:, :, :3], centres) + matrices[:, :, 3]
        stretch = np.linalg.norm(matrices[:, :, :3], axis=1).max(axis=1)
        self._radii = radii * stretch * (1.0 + self.rows[:, 12])

    def seen_by(self, camera: Camera, far: float) -> Selection:
        """Select what touches the view and covers half a pixel; small things in coarse."""
        x, y, z = ((self._centres - camera.position) @ camera.rotation).T
        r = self._radii
        left, right = (camera.cx + 0.5) / camera.fx, (camera.width - 0.5 - camera.cx) / camera.fx
        top, bottom = (camera.cy + 0.5) / camera.fy, (camera.height - 0.5 - camera.cy) / camera.fy
        seen = (z + r > NEAR) & (z - r < far) & (r * camera.fx > 0.25 * z)
        for along, slope in ((x, right), (-x, left), (y, bottom), (-y, top)):
            seen &= along - slope * z < r * np.hypot(1.0, slope)
        return Selection(seen, r * camera.fx < COARSE_RADIUS * z)

    def lit_by(self, light: Light, centre: NDArray[np.float64]) -> Selection:
        """Select what can throw a shadow into the shadow map; by the sun in coarse.

        centre: [3], m, of the sun's shadow map.
        """
        if light.position is not None:
            return Selection(np.ones(len(self.rows), bool), self._radii < 0.12)
        direction = np.array(light.direction) / np.linalg.norm(light.direction)
        offset = self._centres - centre
        across = offset - np.outer(offset @ direction, direction)
        near = np.linalg.norm(across, axis=1) - self._radii < SUN_SPAN * 1.42
        return Selection(near, np.ones(len(self.rows), bool))

    def commands_for(self, selection: Selection) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Pick the chosen rows and one indirect draw command per mesh that occurs.

        Returns rows, [M, INSTANCE_FLOATS], and commands, [K, 5], as glMultiDrawElementsIndirect
        reads them.
        """
        drawn = np.flatnonzero(selection.drawn)
        mesh = np.where(selection.coarse, self._coarse_mesh, self._mesh)[drawn]
        by_mesh = np.argsort(mesh, kind='stable')
        counts = np.bincount(mesh, minlength=len(self._commands))
        commands = self._commands.copy()
        commands[:, 1] = counts
        commands[:, 4] = np.cumsum(counts) - counts
        return self.rows[drawn[by_mesh]], commands[counts > 0]
