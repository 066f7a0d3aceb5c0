from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from s2r_depth_ros.geometry.rigid import (
    Matrix,
    inverse,
    rigid,
    rotation_of_quaternion,
    rotation_of_rpy,
)

ANGLE = st.floats(-7, 7)
METRES = st.floats(-100, 100)
QUATERNION = st.tuples(*[st.floats(-1, 1)] * 4)


@st.composite
def transforms(draw) -> Matrix:
    rotation = rotation_of_rpy(draw(ANGLE), draw(ANGLE), draw(ANGLE))
    return rigid(rotation, [draw(METRES), draw(METRES), draw(METRES)])


@given(QUATERNION)
def test_a_quaternion_of_any_length_is_what_scipy_makes_of_it(quaternion) -> None:
    assume(math.hypot(*quaternion) > 1e-6)
    expected = Rotation.from_quat(quaternion).as_matrix()
    np.testing.assert_allclose(rotation_of_quaternion(quaternion), expected, atol=1e-9)


@given(ANGLE, ANGLE, ANGLE)
def test_roll_pitch_yaw_is_about_fixed_axes(roll, pitch, yaw) -> None:
    expected = Rotation.from_euler('xyz', [roll, pitch, yaw]).as_matrix()
    np.testing.assert_allclose(rotation_of_rpy(roll, pitch, yaw), expected, atol=1e-9)


def test_the_optical_frame_of_a_level_camera() -> None:
    """REP-103: z of the optical frame is ahead (x of the body), x is to the right (-y)."""
    rotation = rotation_of_rpy(-math.pi / 2, 0, -math.pi / 2)
    np.testing.assert_allclose(rotation @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation @ [1, 0, 0], [0, -1, 0], atol=1e-12)


@given(transforms(), transforms())
def test_the_inverse_of_a_chain_is_the_chain_of_inverses(first, second) -> None:
    np.testing.assert_allclose(inverse(first) @ first, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(inverse(first @ second), inverse(second) @ inverse(first), atol=1e-9)


@pytest.mark.parametrize('quaternion', [(0, 0, 0, 0), (math.nan, 0, 0, 1), (math.inf, 0, 0, 1)])
def test_what_is_no_rotation_is_refused(quaternion) -> None:
    with pytest.raises(ValueError, match='is no rotation'):
        rotation_of_quaternion(quaternion)


@pytest.mark.parametrize('angle', [math.nan, math.inf, -math.inf])
def test_angles_must_be_finite(angle) -> None:
    with pytest.raises(ValueError, match='roll, pitch and yaw'):
        rotation_of_rpy(0, angle, 0)


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_a_translation_must_be_finite(bad) -> None:
    with pytest.raises(ValueError, match='finite'):
        rigid(np.eye(3), [0, bad, 0])
