"""OpenGL without a screen, which renders training sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from s2r_depth_ros.doctor.finding import NOTE, OK, Finding
from s2r_depth_ros.doctor.imports import optional
from s2r_depth_ros.errors import brief

_USE = 'only for rendering training sets'


def check() -> Iterator[Finding]:
    """Make a context."""
    library = optional('moderngl', _USE)
    yield library if library.state != OK else _context()


def _context() -> Finding:
    import moderngl

    backend: Any = 'egl'  # moderngl's annotation says that it is a dict
    try:
        context = moderngl.create_context(standalone=True, require=430, backend=backend)
    except Exception as error:  # moderngl raises plain Exception
        remedy = 'apt-get install libegl1 libgl1 libgl1-mesa-dri'
        return Finding('OpenGL', NOTE, f'not here ({brief(error)}): {_USE}', remedy)
    return Finding('OpenGL', OK, f'{context.info["GL_RENDERER"]}, {context.version_code}')
