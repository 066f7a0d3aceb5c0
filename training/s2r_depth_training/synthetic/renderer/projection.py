"""Matrices that bring the world onto the picture and into the shadow map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import Light

NEAR = 0.05  # m, nothing closer to the camera is drawn
SUN_SPAN = 45.0  # m that the sun's shadow map reaches to each side of its centre


def clip_from_camera(camera: Camera, far: float) -> NDArray[np.float64]:
    """Project points of the optical frame to OpenGL's clip space, [4, 4]. far: m.

    Row 0 of the framebuffer is the top row of the image, so nothing is flipped when read back.
    """
    width, height = camera.width, camera.height
    return np.array([
        [2 * camera.fx / width, 0, (2 * camera.cx + 1) / width - 1, 0],
        [0, 2 * camera.fy / height, (2 * camera.cy + 1) / height - 1, 0],
        [0, 0, (far + NEAR) / (far - NEAR), -2 * far * NEAR / (far - NEAR)],
        [0, 0, 1, 0],
    ])  # fmt: skip


def camera_from_world(
    position: NDArray[np.float64], rotation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Invert the pose of a camera ([3] m, [3, 3]) to a transform, [4, 4]."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T
    matrix[:3, 3] = -rotation.T @ position
    return matrix


def clip_from_world(camera: Camera, far: float) -> NDArray[np.float64]:
    """Project the world to OpenGL's clip space as a camera sees it, [4, 4]. far: m."""
    view = camera_from_world(camera.position, camera.rotation)
    return clip_from_camera(camera, far) @ view


def shadow_from_world(light: Light, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project the world into the shadow map of a lamp, or of the sun about ``centre``, [4, 4]."""
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
