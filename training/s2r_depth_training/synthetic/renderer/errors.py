"""What the renderer refuses."""

from __future__ import annotations

from s2r_depth_ros.errors import UserError


class RendererError(UserError, RuntimeError):
    """No usable OpenGL 4.3 context, or a scene that the renderer cannot draw."""
