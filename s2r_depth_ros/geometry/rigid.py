"""Rigid transforms between frames as 4x4 matrices, made of quaternions or of angles.

A point p of the source frame is ``T @ p`` in the target frame, p = (x, y, z, 1) in metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from s2r_depth_ros.geometry.checks import ROTATION_TOLERANCE

Matrix = NDArray[np.float64]


def rotation_of_quaternion(quaternion: Sequence[float]) -> Matrix:
    """Return the rotation [3, 3] of a quaternion x, y, z, w of any length above 0.

    Raises ValueError unless its numbers are finite and not all 0, which is how drivers say that
    they know of no rotation.
    """
    length = math.hypot(*quaternion)
    if not 0 < length < math.inf:
        raise ValueError(f'the quaternion {tuple(quaternion)} (x y z w) is no rotation')
    x, y, z, w = (value / length for value in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of_rotation(rotation: Matrix) -> tuple[float, float, float, float]:
    """Return the quaternion x, y, z, w, of length 1, of a rotation [3, 3].

    I. Y. Bar-Itzhack, J. Guidance 23(6), 2000: exact near half a turn, too.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    # eigh reads the lower triangle alone.
    lower = [
        [xx - yy - zz, 0, 0, 0],
        [yx + xy, yy - xx - zz, 0, 0],
        [zx + xz, zy + yz, zz - xx - yy, 0],
        [zy - yz, xz - zx, yx - xy, xx + yy + zz],
    ]
    x, y, z, w = np.linalg.eigh(np.array(lower))[1][:, -1].tolist()
    return x, y, z, w


def rotation_of_rpy(roll: float, pitch: float, yaw: float) -> Matrix:
    """Return the rotation [3, 3] of angles about the fixed axes x, then y, then z, radians.

    As URDF and static_transform_publisher have them (REP-103). Raises ValueError unless finite.
    """
    angles = (roll, pitch, yaw)
    if not all(map(math.isfinite, angles)):
        raise ValueError(f'roll, pitch and yaw are {angles}, not finite numbers')
    (cr, cp, cy), (sr, sp, sy) = map(math.cos, angles), map(math.sin, angles)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rigid(rotation: Matrix, translation: ArrayLike) -> Matrix:
    """Return the transform [4, 4] of a rotation [3, 3] and a translation [3], metres.

    Raises ValueError as ``rigid_parts`` does.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = translation
    rigid_parts(matrix)
    return matrix


def rigid_of(message: Any) -> Matrix:
    """Return the transform [4, 4] of a geometry_msgs/Transform, of rclpy or of a recording.

    Raises ValueError for a quaternion that is no rotation, and numbers that are not finite.
    """
    turn, move = message.rotation, message.translation
    rotation = rotation_of_quaternion((turn.x, turn.y, turn.z, turn.w))
    return rigid(rotation, (move.x, move.y, move.z))


def inverse(transform: Matrix) -> Matrix:
    """Return the transform [4, 4] the other way. Raises ValueError as ``rigid_parts`` does."""
    rotation, translation = rigid_parts(transform)
    return rigid(rotation.T, -rotation.T @ translation)


def rigid_parts(transform: ArrayLike) -> tuple[Matrix, Matrix]:
    """Return rotation [3, 3] and translation [3] of a rigid transform [4, 4].

    Raises ValueError if it is none.
    """
    matrix = np.asarray(transform, np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError(f'the transform {matrix.tolist()} is not 4x4 finite numbers')
    rotation = matrix[:3, :3]
    turned = np.abs(rotation @ rotation.T - np.eye(3)).max() <= ROTATION_TOLERANCE
    if not turned or np.linalg.det(rotation) < 0 or np.any(matrix[3] != (0, 0, 0, 1)):
        raise ValueError(f'the transform {matrix.tolist()} is not a rotation and a translation')
    return rotation, matrix[:3, 3]
