"""Scale from one number: a fixed one, a known distance, a range reading."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_views import CAMERA, LevelPlane, room_depth
from numpy.typing import NDArray

from s2r_depth_ros.geometry.scale import (
    CameraHeight,
    FixedScale,
    KnownDistance,
    NoScale,
    RangeCone,
    RangeReading,
    Reason,
    ReferencePoints,
    ScaleEstimate,
    ScaleSource,
    UnscaledView,
    depth_image_points,
)

ROOM = room_depth((LevelPlane(1.2),), wall=6.0)
AHEAD = (0.0, 0.0, 1.0)
NO_NUMBERS = [0.0, -1.0, math.nan, math.inf, -math.inf]


def scale_of(source: ScaleSource, depth: NDArray[np.float32] = ROOM) -> ScaleEstimate:
    answer = source.estimate(UnscaledView(depth, CAMERA))
    assert isinstance(answer, ScaleEstimate), answer
    assert answer.source == source.name
    return answer


def reason_of(source: ScaleSource, depth: NDArray[np.float32] = ROOM) -> Reason:
    answer = source.estimate(UnscaledView(depth, CAMERA))
    assert isinstance(answer, NoScale), answer
    assert answer.reason.value in answer.text
    return answer.reason


def test_a_view_has_the_size_of_its_camera() -> None:
    with pytest.raises(ValueError, match='depth'):
        UnscaledView(ROOM[1:], CAMERA)


@given(scale=st.floats(0.04, 25))
def test_a_fixed_scale_is_kept(scale) -> None:
    answer = scale_of(FixedScale(scale, 7.0), np.full_like(ROOM, np.nan))
    assert answer.scale == pytest.approx(scale)
    assert answer.stamp == 7.0


@pytest.mark.parametrize('scale', NO_NUMBERS)
def test_a_fixed_scale_is_above_0(scale) -> None:
    assert reason_of(FixedScale(scale, 0.0)) is Reason.BAD_SCALE


# ---- one known distance


@given(
    depth=st.floats(0.5, 20),
    x=st.floats(-0.5, CAMERA.width - 1.0),
    y=st.floats(-0.5, CAMERA.height - 1.0),
)
def test_a_known_distance_gives_the_scale_there(depth, x, y) -> None:
    there = float(ROOM[round(y), round(x)])
    # The floor changes over the window by less than a tenth.
    expected = pytest.approx(depth / there, rel=0.1)
    assert scale_of(KnownDistance(depth, (x, y), 0.0)).scale == expected


def test_one_wrong_pixel_does_not_matter() -> None:
    depth = ROOM.copy()
    depth[100, 160] = 60.0
    depth[101, 160] = np.nan
    assert scale_of(KnownDistance(3.0, (160, 100), 0.0), depth).scale == pytest.approx(0.5)


@pytest.mark.parametrize('depth', NO_NUMBERS)
def test_a_known_distance_is_above_0(depth) -> None:
    assert reason_of(KnownDistance(depth, (160, 120), 0.0)) is Reason.BAD_DISTANCE


@pytest.mark.parametrize('pixel', [(-1, 0), (0, 240), (320, 0), (math.nan, 0), (0, math.inf)])
def test_the_pixel_is_in_the_image(pixel) -> None:
    assert reason_of(KnownDistance(1.0, pixel, 0.0)) is Reason.BAD_PIXEL


def test_a_pixel_without_depth_gives_no_scale() -> None:
    depth = np.where(ROOM < 6.0, ROOM, np.nan).astype(np.float32)
    assert reason_of(KnownDistance(1.0, (160, 60), 0.0), depth) is Reason.NO_DEPTH


# ---- a range sensor


def cone(distance: float, *, nearest: bool = False, **changed) -> RangeCone:
    numbers = {'field_of_view': 0.3, 'min_range': 0.02, 'max_range': 15.0, **changed}
    return RangeCone(RangeReading(distance, **numbers, nearest=nearest), (0, 0, 0), AHEAD, 3.0)


@given(scale=st.floats(0.1, 2.4), nearest=st.booleans(), fov=st.floats(0, 0.3))
def test_a_range_reading_gives_the_scale_of_a_wall(scale, nearest, fov) -> None:
    answer = scale_of(cone(6.0 * scale, nearest=nearest, field_of_view=fov))
    assert answer.scale == pytest.approx(scale, rel=0.02)
    assert answer.stamp == 3.0
    assert answer.used > 0


def test_a_maximum_of_zero_is_no_limit() -> None:
    assert scale_of(cone(12.0, max_range=0.0)).scale == pytest.approx(2, rel=0.02)


def test_ultrasound_sees_what_is_nearest_and_infrared_what_fills_the_cone() -> None:
    depth = np.full_like(ROOM, 4.0)
    depth[110:130, 150:172] = 2.0  # about a third of the cone
    assert scale_of(cone(2.0, nearest=True), depth).scale == pytest.approx(1.0, rel=0.02)
    assert scale_of(cone(4.0, nearest=False), depth).scale == pytest.approx(1.0, rel=0.02)


@given(scale=st.floats(0.5, 2.0), side=st.floats(-0.3, 0.3), ahead=st.floats(-0.3, 0.3))
def test_the_place_of_the_sensor_counts(scale, side, ahead) -> None:
    reading = RangeReading(6.0 - ahead, 0.1, 0.02, 15.0, nearest=False)
    source = RangeCone(reading, (side, 0.0, ahead), (0.0, 0.0, 5.0), 0.0)
    depth = (ROOM / scale).astype(np.float32)
    assert scale_of(source, depth).scale == pytest.approx(scale, rel=0.02)


@pytest.mark.parametrize('distance', [*NO_NUMBERS, 0.01, 15.0, 16.0])
def test_a_reading_that_saw_nothing_is_none(distance) -> None:
    assert reason_of(cone(distance)) is Reason.NO_REFERENCE


@pytest.mark.parametrize('fov', [math.nan, math.inf, -0.1, 4.0, 15.0])
def test_the_cone_must_be_one(fov) -> None:
    """As drivers that state degrees make it."""
    assert reason_of(cone(2.0, field_of_view=fov)) is Reason.BAD_CONE


@given(fov=st.floats(0.1, 0.6), nearest=st.booleans())
def test_a_cone_of_which_the_camera_sees_a_part_is_refused(fov, nearest) -> None:
    """What the sensor has seen may be where the camera does not look."""
    edge = math.atan(CAMERA.cx / CAMERA.fx)
    reading = cone(2.0, nearest=nearest, field_of_view=fov).reading

    def aside(angle: float) -> RangeCone:
        return RangeCone(reading, (0, 0, 0), (math.sin(angle), 0, math.cos(angle)), 0.0)

    assert reason_of(aside(edge)) is Reason.NOT_IN_VIEW
    assert reason_of(aside(-edge - fov)) is Reason.NOT_IN_VIEW
    scale_of(aside(edge - fov / 2 - 0.02))
    # Nor may depth be unknown there.
    half = ROOM.copy()
    half[:, : CAMERA.width // 2] = np.nan
    assert reason_of(RangeCone(reading, (0, 0, 0), AHEAD, 0.0), half) is Reason.NOT_IN_VIEW


@pytest.mark.parametrize('axis', [(0, 0, 0), (math.nan, 0, 1), (math.inf, 0, 0)])
def test_the_sensor_must_look_somewhere(axis) -> None:
    reading = cone(2.0).reading
    assert reason_of(RangeCone(reading, (0, 0, 0), axis, 0.0)) is Reason.NO_REFERENCE


def test_a_sensor_that_looks_elsewhere_gives_no_scale() -> None:
    reading = cone(2.0).reading
    assert reason_of(RangeCone(reading, (0, 0, 0), (0, 0, -1), 0.0)) is Reason.NOT_IN_VIEW
    assert reason_of(cone(2.0), np.full_like(ROOM, np.nan)) is Reason.NO_DEPTH


@given(
    numbers=st.tuples(*[st.floats()] * 4),
    origin=st.tuples(*[st.floats()] * 3),
    axis=st.tuples(*[st.floats()] * 3),
    values=st.lists(st.floats(width=32), min_size=1, max_size=20),
)
def test_any_reading_and_depth_give_a_scale_or_a_reason(numbers, origin, axis, values) -> None:
    depth = np.random.default_rng(0).choice(np.array(values, np.float32), ROOM.shape)
    reading = RangeReading(*numbers)
    for source in (
        RangeCone(reading, origin, axis, 0.0),
        RangeCone(cone(2.0).reading, origin, axis, 0.0),
        RangeCone(cone(2.0).reading, (0, 0, 0), AHEAD, 0.0),
        KnownDistance(numbers[0], (numbers[1], 5.0), 0.0),
        KnownDistance(2.0, (50.0, 5.0), 0.0),
        FixedScale(numbers[0], 0.0),
    ):
        assert isinstance(source.estimate(UnscaledView(depth, CAMERA)), NoScale | ScaleEstimate)


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (1, 40), (40, 1), (1920, 1200)])
def test_images_of_any_size_give_a_scale_or_a_reason(size) -> None:
    camera = CAMERA.resized(*size)
    depth = room_depth((LevelPlane(1.2),), 6.0, camera=camera)
    points = depth_image_points(depth, camera)
    for source in (
        RangeCone(cone(2.0).reading, (0, 0, 0), AHEAD, 0.0),
        KnownDistance(2.0, (0.0, 0.0), 0.0),
        CameraHeight(1.2, 0.0),
        ReferencePoints(points, 0.0),
    ):
        answer = source.estimate(UnscaledView(depth, camera))
        assert isinstance(answer, NoScale | ScaleEstimate)
        if size == (1920, 1200):
            assert isinstance(answer, ScaleEstimate)


def test_a_distance_that_numbers_cannot_hold_is_no_scale() -> None:
    reading = RangeReading(5e-324, 0.3, 0.0, 15.0)
    assert reason_of(RangeCone(reading, (0, 0, 0), AHEAD, 3.0)) is Reason.NO_ANCHORS
