"""Draws a point cloud as seen by a second camera that stands off to the side; numpy and OpenCV."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

BACKGROUND = (24, 26, 31)
GRID_COLOR = (64, 68, 78)
FRUSTUM_COLOR = (255, 196, 64)
SAMPLES = 20_000


@dataclass(frozen=True)
class View:
    """A camera that looks at ``pivot`` (metres, optical frame) from ``distance`` metres.

    ``yaw`` and ``pitch`` (radians) turn it about the pivot: to the right of the recording camera
    and above it, so that what is far from that camera is on the right. ``focal`` and ``centre``
    (where the pivot is shown) are in picture widths and heights.
    """

    pivot: tuple[float, float, float]
    distance: float
    yaw: float = math.radians(42.0)
    pitch: float = math.radians(26.0)
    focal: float = 1.0
    centre: tuple[float, float] = (0.5, 0.5)

    def rotation(self) -> np.ndarray:
        """Return the 3x3 rotation from the optical frame to the viewing camera's axes."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
        about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
        return about_x @ about_y

    def project(self, points: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel positions [N, 2] and distances along the view axis [N] of points [N, 3]."""
        seen = (points - np.asarray(self.pivot)) @ self.rotation().T
        depth = seen[:, 2] + self.distance
        with np.errstate(divide='ignore', invalid='ignore'):
            scale = self.focal * width / depth
        centre = np.array([width * self.centre[0], height * self.centre[1]])
        return seen[:, :2] * scale[:, None] + centre, depth


def view_of(points: np.ndarray, aspect: float) -> View:
    """Return a view in which points [N, 3] and their camera at the origin fill the picture.

    ``aspect`` is the picture's width / height. The farthest and outermost hundredth of the points
    may lie outside.
    """
    low, high = np.percentile(points, (2, 98), axis=0)
    pivot = tuple(float(v) for v in (low + high) / 2)
    view = View(pivot, 1.8 * float(np.linalg.norm(np.append(high - low, pivot[2]))))
    pixels, _ = view.project(points, 1, 1)
    origin, _ = view.project(np.zeros((1, 3)), 1, 1)
    low, high = np.percentile(pixels, (1, 99), axis=0)
    low, high = np.minimum(low, origin[0]), np.maximum(high, origin[0])
    # In units of the picture's width both ways; a border of 6 % stays free.
    zoom = 0.88 * min(1.0 / (high[0] - low[0]), 1.0 / aspect / (high[1] - low[1]))
    middle = (low + high) / 2 - 0.5
    centre = (float(0.5 - zoom * middle[0]), float(0.5 - zoom * middle[1] * aspect))
    return replace(view, focal=zoom, centre=centre)


def draw_cloud(points: np.ndarray, colors: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return an RGB picture [height, width, 3] of points [N, 3] in their uint8 colours [N, 3].

    Nearer points hide farther ones; a metre grid lies at floor height and the recording camera's
    place is marked. Points must be finite.
    """
    # Drawn at twice the size and reduced: splats and lines come out smooth.
    canvas = np.full((2 * height, 2 * width, 3), BACKGROUND, np.uint8)
    if len(points):
        view = view_of(points[:: 1 + len(points) // SAMPLES], width / height)
        draw_grid(canvas, points, view)
        splat(canvas, points, colors, view)
        draw_frustum(canvas, view)
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)


def splat(canvas: np.ndarray, points: np.ndarray, colors: np.ndarray, view: View) -> None:
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


def draw_grid(canvas: np.ndarray, points: np.ndarray, view: View) -> None:
    """Draw lines on the floor, as many metres apart as keeps them countable."""
    floor = float(np.percentile(points[:, 1], 98))
    far = float(np.percentile(points[:, 2], 90))
    step = grid_step(points)
    far = max(far, step)
    reach = step * math.ceil(far / step)
    half = step * math.ceil(max(far / 2, step) / step)
    for x in np.arange(-half, half + step / 2, step):
        draw_line(canvas, (x, floor, 0.0), (x, floor, reach), view, GRID_COLOR)
    for z in np.arange(0.0, reach + step / 2, step):
        draw_line(canvas, (-half, floor, z), (half, floor, z), view, GRID_COLOR)


def grid_step(points: np.ndarray) -> float:
    """Return 0.1, 0.2, 0.5, 1, 2, 5, ... metres: at most eight of them reach the farther points."""
    far = float(np.percentile(points[:, 2], 90))
    steps = (digit * 10.0**power for power in range(-1, 4) for digit in (1.0, 2.0, 5.0))
    return next((step for step in steps if far <= 8 * step), 10_000.0)


def draw_frustum(canvas: np.ndarray, view: View) -> None:
    """Mark the recording camera at the origin by a small pyramid that looks along z."""
    size = 0.03 * view.distance
    corners = [
        (x * size, y * size, 1.5 * size)
        for x, y in ((-1, -0.75), (1, -0.75), (1, 0.75), (-1, 0.75))
    ]
    for index, corner in enumerate(corners):
        draw_line(canvas, (0.0, 0.0, 0.0), corner, view, FRUSTUM_COLOR, 3)
        draw_line(canvas, corner, corners[index - 1], view, FRUSTUM_COLOR, 3)


def draw_line(
    canvas: np.ndarray,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    view: View,
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
