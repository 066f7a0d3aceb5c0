from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from s2r_depth_ros.geometry.gravity import (
    STANDARD_GRAVITY,
    AccelerationFilter,
    DownHistory,
    down_from_orientation,
)

ANGLE = st.floats(-math.pi, math.pi)
NUMBER = st.floats(allow_nan=True, allow_infinity=True)


def assert_points(down: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(down, float), np.asarray(expected, float), atol=1e-6)


@given(ANGLE, st.floats(-1.5, 1.5), ANGLE)
def test_orientation_and_acceleration_at_rest_agree(roll, pitch, yaw) -> None:
    turn = Rotation.from_euler('xyz', [roll, pitch, yaw])
    # What an accelerometer at rest measures: the reaction to gravity, up in the world.
    felt = turn.inv().apply([0, 0, STANDARD_GRAVITY])
    down = down_from_orientation(turn.as_quat())
    assert down is not None
    assert_points(down, -felt / STANDARD_GRAVITY)
    by_acceleration = AccelerationFilter().add(1.0, felt)
    assert by_acceleration is not None
    assert_points(by_acceleration, down)


def test_a_level_unit_has_down_along_minus_z() -> None:
    assert_points(down_from_orientation((0, 0, 0, 1)), [0, 0, -1])
    assert_points(AccelerationFilter().add(0, (0, 0, 9.81)), [0, 0, -1])


@pytest.mark.parametrize('quaternion', [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, math.inf, 0, 1)])
def test_what_is_no_orientation_tells_nothing(quaternion) -> None:
    assert down_from_orientation(quaternion) is None


@given(NUMBER, NUMBER, NUMBER)
def test_only_accelerations_near_gravity_tell_where_down_is(x, y, z) -> None:
    down = AccelerationFilter().add(0.0, (x, y, z))
    if 0.91 < math.hypot(x, y, z) / STANDARD_GRAVITY < 1.09:
        assert down is not None
        assert np.linalg.norm(down) == pytest.approx(1)
    elif not 0.89 < math.hypot(x, y, z) / STANDARD_GRAVITY < 1.11:
        assert down is None


@pytest.mark.parametrize('size', [1.0, 0.0, 9.80665 * 1000, 15.0])
def test_other_units_and_hard_movements_are_left_out(size) -> None:
    assert AccelerationFilter().add(0.0, (0, 0, size)) is None


def test_vibration_is_averaged_out() -> None:
    filtered = AccelerationFilter()
    random = np.random.default_rng(0)
    for k in range(400):
        down = filtered.add(k / 100, np.array([0, 0, 9.8]) + random.normal(0, 0.3, 3))
    assert down is not None
    assert math.degrees(math.acos(-down[2])) < 1.0  # one measurement is 2.5 degrees off


def test_a_new_direction_is_followed_and_a_gap_begins_again() -> None:
    filtered = AccelerationFilter()
    filtered.add(0.0, (0, 0, 9.8))
    half = filtered.add(0.5, (9.8, 0, 0))
    assert half is not None
    assert -0.95 < half[0] < -0.5
    for stamp in (10.0, 3.0):  # after a pause, and when time begins again
        assert_points(filtered.add(stamp, (0, 9.8, 0)), [0, -1, 0])
        filtered.add(stamp + 0.1, (0, 0, 9.8))


def test_turning_upside_down_between_two_measurements_is_survived() -> None:
    filtered = AccelerationFilter()
    filtered.add(0.0, (0, 0, 9.8))
    for stamp in (0.3465735902799726, 5.0):  # half the weight: the mean has no length
        down = filtered.add(stamp, (0, 0, -9.8))
        assert down is not None
        assert np.isfinite(down).all()


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 100))
def test_the_nearest_measurement_of_what_was_not_undone(stamps, asked) -> None:
    history = DownHistory()
    kept: list[float] = []
    for number, stamp in enumerate(stamps):
        history.add(stamp, np.full(3, float(number)))
        kept = [other for other in kept if other < stamp] + [stamp]
    found = history.nearest(asked)
    assert found is not None
    assert abs(found[0] - asked) == min(abs(stamp - asked) for stamp in kept)
    assert found[0] == stamps[int(found[1][0])]


def test_of_nothing_nothing_is_the_nearest() -> None:
    assert DownHistory().nearest(1.0) is None
