"""A scene's surfaces on the device: its meshes and instances, drawn by any program."""

from __future__ import annotations

import moderngl

from s2r_depth_training.synthetic.geometry.scene import Scene
from s2r_depth_training.synthetic.renderer.culling import (
    INSTANCE_FLOATS,
    InstanceTable,
    Selection,
)
from s2r_depth_training.synthetic.renderer.meshes import MeshStore
from s2r_depth_training.synthetic.renderer.programs import compile_program

_VERTEX = ('3f 3f 2f 1f', 'position', 'normal', 'uv', 'layer')
_INSTANCE = ('4f 4f 4f 4f 1f/i', 'row0', 'row1', 'row2', 'relief', 'material')


class Surfaces:
    """The buffers of one scene's surfaces. instances: the table of the scene that was loaded."""

    instances: InstanceTable

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._store = MeshStore(context)
        self._instance_buffer = context.buffer(reserve=4 * INSTANCE_FLOATS * 4096)
        # a shader that may discard is slow, so what has no holes is drawn without
        self._solid_program = compile_program(context, 'surface.vert', 'depth.frag')
        self._holes_program, self._fine_holes_program = (
            compile_program(context, 'surface.vert', 'depth.frag', ('WITH_HOLES', *place))
            for place in ((), ('PLACE sample',))
        )
        self._forget_arrays()

    def load(self, scene: Scene) -> None:
        """Bring a scene's geometry to the device. Raises RendererError for an unknown mesh."""
        is_new = self._store.use(scene.meshes)
        if is_new:
            self._forget_arrays()
        self.instances = InstanceTable(scene.instances, self._store.ranges)
        if self.instances.rows.nbytes > self._instance_buffer.size:
            self._instance_buffer = self._context.buffer(reserve=2 * self.instances.rows.nbytes)
            self._forget_arrays()

    def _forget_arrays(self) -> None:
        """Drop what points into buffers that were made anew."""
        self._command_buffer = self._context.buffer(reserve=20 * len(self._store.ranges))
        self._arrays: dict[moderngl.Program, moderngl.VertexArray] = {}

    def draw(self, program: moderngl.Program, selection: Selection) -> None:
        """Draw the selected instances with a program made of surface.vert."""
        rows, commands = self.instances.commands_for(selection)
        if not len(commands):
            return
        self._store.texture.use(0)
        self._instance_buffer.write(rows.tobytes())
        self._command_buffer.write(commands.tobytes())
        array = self._array_for(program)
        array.render_indirect(self._command_buffer, moderngl.TRIANGLES, len(commands))

    def draw_depth(self, selection: Selection, *, by_sample: bool = False) -> None:
        """Draw only depth, what has holes apart from what has none.

        by_sample: look for holes at every sample of a multisampled target, not once a pixel.
        """
        holes_program = self._fine_holes_program if by_sample else self._holes_program
        self.draw(self._solid_program, selection.only(~self.instances.has_holes))
        self.draw(holes_program, selection.only(self.instances.has_holes))

    def _array_for(self, program: moderngl.Program) -> moderngl.VertexArray:
        if program not in self._arrays:
            content = [(self._store.vertex_buffer, *_VERTEX), (self._instance_buffer, *_INSTANCE)]
            self._arrays[program] = self._context.vertex_array(
                program, content, self._store.index_buffer, skip_errors=True
            )
        return self._arrays[program]
