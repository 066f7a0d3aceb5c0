"""Images turned to the pose that a network was trained for, and its depth turned back, exactly.

A camera that only turns about its centre sees the same points: pixels move by the homography
K' R K^-1, whatever the scene. Pitch above 0 looks up; roll above 0 has the camera's right side
lower (it is turned clockwise, as seen from behind). Angles are in radians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import ray_slopes
from s2r_depth_ros.geometry.rigid import Matrix

# Of a ray of the image along the new optical axis: rays farther from it would fill the image.
_LEAST_FORWARD = 0.15
_ON_AN_EDGE = 33  # points of an edge of the image that are looked at
_QUARTER = 0.9  # sine of the turn in the image from which on it is a quarter turn

_Pixel = TypeVar('_Pixel', bound=np.uint8 | np.float32)


def pitch_and_roll(down: Sequence[float]) -> tuple[float, float]:
    """Return pitch, in [-pi/2, pi/2], and roll of a camera, by down in its optical frame."""
    x, y, z = (float(value) for value in down)
    return math.atan2(-z, math.hypot(x, y)), math.atan2(x, y)


def rotation_to_pose(down: Sequence[float], pitch: float, roll: float) -> Matrix:
    """Return the rotation [3, 3] from the optical frame to that of a camera of this pose.

    The camera keeps its heading: it is pitched and rolled, but not turned about the vertical.
    """
    return _axes(pitch, roll).T @ _axes(*pitch_and_roll(down))


def angle_of(rotation: Matrix) -> float:
    """Return by how much a rotation [3, 3] turns, in [0, pi]."""
    return math.acos(min(max((float(np.trace(rotation)) - 1) / 2, -1.0), 1.0))


def _axes(pitch: float, roll: float) -> Matrix:
    """Return right, down and forward of a camera (columns), in x ahead, y left, z up."""
    (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (pitch, roll))
    forward, right, down = ((cp, 0, sp), (0, -1, 0), (sp, 0, -cp))
    level = np.array([right, down, forward], np.float64)
    turned = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return (turned @ level).T


class TurnedView:
    """What a camera would see if it were turned about its centre, of the same size in pixels.

    intrinsics: of images without distortion. rotation: [3, 3], from its optical frame to the
    turned one. The turned view holds the whole image, so it is zoomed out; pixels keep their shape.
    Raises ValueError for a rotation that leaves a part of the image beside or behind the camera.

    Attribute ``intrinsics``: of the turned view.
    """

    def __init__(self, intrinsics: Intrinsics, rotation: Matrix) -> None:
        source = intrinsics.matrix
        edges = _edge_pixels(intrinsics) @ np.linalg.inv(source).T @ rotation.T
        if edges[:, 2].min() < _LEAST_FORWARD:
            raise ValueError('the rotation leaves a part of the image outside of any view')
        slopes = edges[:, :2] / edges[:, 2:]
        self.intrinsics = _that_holds(slopes.min(0), slopes.max(0), intrinsics)
        self._homography = self.intrinsics.matrix @ rotation @ np.linalg.inv(source)
        self._size = (intrinsics.width, intrinsics.height)
        # Upright beside an upright image its mirror image is the better background, beside a
        # slanting one its edge (benchmarks/level_camera.py).
        is_quarter = abs(rotation[1, 0]) > _QUARTER
        self._border = cv2.BORDER_REFLECT_101 if is_quarter else cv2.BORDER_REPLICATE
        columns, rows = ray_slopes(intrinsics)
        x, y, z = rotation[2].astype(np.float32)
        # Of every ray (x, y, 1) of the image, how far it goes along the turned axis.
        self._forward = x * columns + y * rows + z

    def turn(self, image: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """Return the turned image; beside it, its edge is repeated, or itself mirrored.

        image: uint8 or float32, [H, W] or [H, W, C].
        """
        turned = cv2.warpPerspective(image, self._homography, self._size, borderMode=self._border)
        return np.asarray(turned, image.dtype)

    def turn_back(self, image: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """Return what the camera itself would see, of a turned image as for ``turn``."""
        back = cv2.warpPerspective(
            image,
            self._homography,
            self._size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(back, image.dtype)

    def depth_back(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the camera's own depth, float32 [H, W], metres along its axis, NaN where unknown.

        depth: that of the turned view, > 0, NaN unknown. A pixel's ray with z = 1 is R r in the
        turned frame, so its point has the depth of the turned view over (R r)_z. Between pixels
        inverse depth is interpolated, in which planes stay planes.
        """
        with np.errstate(divide='ignore', invalid='ignore'):
            return np.reciprocal(self.turn_back(np.reciprocal(depth)) * self._forward)


def _edge_pixels(intrinsics: Intrinsics) -> NDArray[np.float64]:
    """Return points [N, 3], with 1 last, on the edges of an image between its outer pixels."""
    right, bottom = intrinsics.width - 1.0, intrinsics.height - 1.0
    steps = np.linspace(0, 1, _ON_AN_EDGE)
    ones, zeros = np.ones_like(steps), np.zeros_like(steps)
    across = [np.stack([right * steps, bottom * end, ones], 1) for end in (zeros, ones)]
    along = [np.stack([right * end, bottom * steps, ones], 1) for end in (zeros, ones)]
    return np.concatenate([*across, *along])


def _that_holds(low: Matrix, high: Matrix, intrinsics: Intrinsics) -> Intrinsics:
    """Return a camera of the same size whose outer pixels hold slopes x/z, y/z from low to high."""
    width, height = intrinsics.width, intrinsics.height
    across, along = high - low
    aspect = intrinsics.fx / intrinsics.fy
    fy = min((width - 1) / (aspect * across), (height - 1) / along)
    fx = aspect * fy
    x, y = (low + high) / 2
    return Intrinsics(fx, fy, (width - 1) / 2 - fx * x, (height - 1) / 2 - fy * y, width, height)
