"""Draws a point cloud as seen from the side, with a metre grid and the recording camera."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.demo.viewpoint import FROM_THE_RIGHT, CloudViewpoint, viewpoint_of
from s2r_depth_ros.media.captions import BACKGROUND

_GRID_COLOR = (64, 68, 78)
_FRUSTUM_COLOR = (255, 196, 64)
# So many points are enough to find the viewpoint.
_SAMPLES = 20_000

_Point = tuple[float, float, float]


def draw_cloud(
    points: NDArray[np.float32],
    colors: NDArray[np.uint8],
    width: int,
    height: int,
    yaw: float = FROM_THE_RIGHT,
) -> NDArray[np.uint8]:
    """Return an RGB picture [height, width, 3] of points [N, 3] in their uint8 colours [N, 3].

    Nearer points hide farther ones; a metre grid lies at floor height and the recording camera's
    place is marked. Points must be finite. ``yaw``: as of CloudViewpoint.
    """
    # Drawn at twice the size and reduced: splats and lines come out smooth.
    canvas = np.full((2 * height, 2 * width, 3), BACKGROUND, np.uint8)
    if len(points):
        view = viewpoint_of(points[:: 1 + len(points) // _SAMPLES], width / height, yaw)
        _draw_grid(canvas, points, view)
        _splat(canvas, points, colors, view)
        _draw_frustum(canvas, view)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _splat(
    canvas: NDArray[np.uint8],
    points: NDArray[np.float32],
    colors: NDArray[np.uint8],
    view: CloudViewpoint,
) -> None:
    """Paint the points far to near as 3x3 pixel squares."""
    height, width = canvas.shape[:2]
    pixels, depth = view.project(points, width, height)
    inside = (depth > 1e-3) & (pixels > 1).all(axis=1)
    inside &= (pixels[:, 0] < width - 2) & (pixels[:, 1] < height - 2)
    order = np.argsort(-depth[inside], kind='stable')
    columns, rows = pixels[inside][order].astype(np.int32).T
    painted = colors[inside][order]
    flat = canvas.reshape(-1, 3)
    # For repeated indices numpy keeps the last assignment, which is the nearest point.
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            flat[(rows + dy) * width + columns + dx] = painted


def _draw_grid(
    canvas: NDArray[np.uint8], points: NDArray[np.float32], view: CloudViewpoint
) -> None:
    """Draw lines on the floor, as many metres apart as keeps them countable."""
    floor = float(np.percentile(points[:, 1], 98))
    far = float(np.percentile(points[:, 2], 90))
    step = grid_step(points)
    far = max(far, step)
    reach = step * math.ceil(far / step)
    half = step * math.ceil(max(far / 2, step) / step)
    for x in np.arange(-half, half + step / 2, step).tolist():
        _draw_line(canvas, (x, floor, 0.0), (x, floor, reach), view, _GRID_COLOR)
    for z in np.arange(0.0, reach + step / 2, step).tolist():
        _draw_line(canvas, (-half, floor, z), (half, floor, z), view, _GRID_COLOR)


def grid_step(points: NDArray[np.float32]) -> float:
    """Return 0.1, 0.2, 0.5, 1, 2, 5, ... metres: at most eight of them reach the farther points."""
    far = float(np.percentile(points[:, 2], 90))
    steps = (digit * 10.0**power for power in range(-1, 4) for digit in (1.0, 2.0, 5.0))
    return next((step for step in steps if far <= 8 * step), 10_000.0)


def _draw_frustum(canvas: NDArray[np.uint8], view: CloudViewpoint) -> None:
    """Mark the recording camera at the origin by a small pyramid that looks along z."""
    size = 0.03 * view.distance
    corners = [
        (x * size, y * size, 1.5 * size)
        for x, y in ((-1, -0.75), (1, -0.75), (1, 0.75), (-1, 0.75))
    ]
    for index, corner in enumerate(corners):
        _draw_line(canvas, (0.0, 0.0, 0.0), corner, view, _FRUSTUM_COLOR, 3)
        _draw_line(canvas, corner, corners[index - 1], view, _FRUSTUM_COLOR, 3)


def _draw_line(
    canvas: NDArray[np.uint8],
    start: _Point,
    end: _Point,
    view: CloudViewpoint,
    color: tuple[int, int, int],
    thickness: int = 2,
) -> None:
    """Draw a segment between two points in metres; the part behind the viewer is cut off."""
    height, width = canvas.shape[:2]
    ends = np.array([start, end], float)
    _, depth = view.project(ends, width, height)
    near = 0.05 * view.distance
    if depth.max() <= near:
        return
    if depth.min() < near:
        behind = int(depth.argmin())
        share = (near - depth[1 - behind]) / (depth[behind] - depth[1 - behind])
        ends[behind] = ends[1 - behind] + share * (ends[behind] - ends[1 - behind])
    pixels, _ = view.project(ends, width, height)
    first, second = (tuple(int(v) for v in np.rint(np.clip(p, -1e6, 1e6))) for p in pixels)
    cv2.line(canvas, first, second, color, thickness, cv2.LINE_AA)
