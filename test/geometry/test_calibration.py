from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry import Calibration, CalibrationError, Intrinsics, RegionOfInterest

K = (500.0, 0.0, 319.5, 0.0, 510.0, 200.0, 0.0, 0.0, 1.0)
P = (480.0, 0.0, 310.0, -48.0, 0.0, 490.0, 205.0, 0.0, 0.0, 0.0, 1.0, 0.0)
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
D = (-0.3, 0.1, 0.001, -0.002, 0.01)


def make(**changes: Any) -> Calibration:
    fields: dict[str, Any] = {
        'width': 640,
        'height': 480,
        'distortion_model': 'plumb_bob',
        'd': D,
        'k': K,
        'r': IDENTITY,
        'p': P,
    }
    return Calibration(**{**fields, **changes})


def test_intrinsics_halved_by_hand() -> None:
    half = Intrinsics(500.0, 510.0, 319.5, 200.0, 640, 480).resized(320, 240)
    # The centre of a 640 image, 319.5, becomes the centre of a 320 image, 159.5 (not 159.75).
    assert half == Intrinsics(250.0, 255.0, 159.5, 99.75, 320, 240)


def test_intrinsics_resized_unevenly_by_hand() -> None:
    resized = Intrinsics(500.0, 510.0, 319.5, 200.0, 640, 480).resized(1280, 120)
    assert resized == Intrinsics(1000.0, 127.5, 639.5, 49.625, 1280, 120)


def test_intrinsics_matrix() -> None:
    matrix = Intrinsics(500.0, 510.0, 319.5, 200.0, 640, 480).matrix
    np.testing.assert_array_equal(matrix, [[500, 0, 319.5], [0, 510, 200], [0, 0, 1]])


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_resizing_there_and_back_is_nothing(width: int, height: int) -> None:
    before = Intrinsics(500.0, 510.0, 319.5, 200.0, 640, 480)
    after = before.resized(width, height).resized(640, 480)
    np.testing.assert_allclose(dataclasses.astuple(after), dataclasses.astuple(before), rtol=1e-9)


@pytest.mark.parametrize('values', [(0, 1, 1, 1), (1, -1, 1, 1), (1, 1, float('nan'), 1)])
def test_bad_intrinsics_are_refused(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(CalibrationError):
        Intrinsics(*values, 640, 480)


def test_resized_calibration_by_hand() -> None:
    half = make().resized(320, 240)
    assert (half.width, half.height) == (320, 240)
    assert half.k == (250.0, 0.0, 159.5, 0.0, 255.0, 99.75, 0.0, 0.0, 1.0)
    assert half.p == (240.0, 0.0, 154.75, -24.0, 0.0, 245.0, 102.25, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert half.d == D
    assert half.r == IDENTITY


def test_resized_calibration_agrees_with_resized_intrinsics() -> None:
    resized = make().resized(200, 333)
    assert dataclasses.astuple(resized.intrinsics) == pytest.approx(
        dataclasses.astuple(make().intrinsics.resized(200, 333))
    )


def test_rectified_calibration() -> None:
    rectified = make().rectified()
    assert rectified.d == (0.0,) * 5
    assert rectified.r == IDENTITY
    assert rectified.k == (480.0, 0.0, 310.0, 0.0, 490.0, 205.0, 0.0, 0.0, 1.0)
    assert rectified.p == P


def test_all_zero_p_means_k() -> None:
    calibration = make(p=(0.0,) * 12)
    assert calibration.intrinsics == calibration.raw_intrinsics
    assert calibration.rectified().k == K
    assert calibration.rectified().p == (*K[:3], 0.0, *K[3:6], 0.0, *K[6:], 0.0)
    assert calibration.resized(320, 240).intrinsics.cx == 159.5


def test_all_zero_r_means_identity() -> None:
    np.testing.assert_array_equal(make(r=(0.0,) * 9).rotation, np.eye(3))


def test_intrinsics_come_from_p_without_tx() -> None:
    assert make().intrinsics == Intrinsics(480.0, 490.0, 310.0, 205.0, 640, 480)
    assert make().raw_intrinsics == Intrinsics(500.0, 510.0, 319.5, 200.0, 640, 480)


def test_binning_by_hand() -> None:
    binned = make(binning_x=2, binning_y=4)
    assert binned.image_size == (320, 120)
    # A super-pixel covers 2x4 pixels: cx (319.5 + .5) / 2 - .5, cy (200 + .5) / 4 - .5.
    assert binned.raw_intrinsics == Intrinsics(250.0, 127.5, 159.5, 49.625, 320, 120)
    assert binned.captured().p[3] == -24.0


def test_roi_by_hand() -> None:
    window = make(roi=RegionOfInterest(100, 50, 400, 300))
    assert window.image_size == (400, 300)
    assert window.raw_intrinsics == Intrinsics(500.0, 510.0, 219.5, 150.0, 400, 300)
    assert window.intrinsics == Intrinsics(480.0, 490.0, 210.0, 155.0, 400, 300)
    assert window.captured().p[3] == -48.0


def test_roi_is_in_unbinned_pixels() -> None:
    both = make(roi=RegionOfInterest(100, 50, 400, 300), binning_x=2, binning_y=2)
    assert both.image_size == (200, 150)
    # 319.5 - 100 = 219.5, then (219.5 + .5) / 2 - .5 = 109.5; 200 - 50 = 150 -> 74.75.
    assert both.raw_intrinsics == Intrinsics(250.0, 255.0, 109.5, 74.75, 200, 150)


def test_captured_forgets_the_window() -> None:
    captured = make(roi=RegionOfInterest(100, 50, 400, 300), binning_x=2, binning_y=2).captured()
    assert captured.image_size == (captured.width, captured.height) == (200, 150)
    assert captured.captured() == captured


@pytest.mark.parametrize('binning', [0, 1])
def test_no_binning_and_zero_roi_are_the_whole_sensor(binning: int) -> None:
    assert make(binning_x=binning, binning_y=binning).image_size == (640, 480)


def test_sequences_become_tuples_that_compare_and_hash_equal() -> None:
    arrays = make(d=np.array(D), k=np.array(K), r=list(IDENTITY), p=np.array(P))
    assert arrays == make()
    assert hash(arrays) == hash(make())
    assert arrays != make(d=(0.0,) * 5)


def changed(values: tuple[float, ...], index: int, value: float) -> tuple[float, ...]:
    return (*values[:index], value, *values[index + 1 :])


SKEWED_ROTATION = (1.0, 0.2, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
MIRROR = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ('changes', 'named', 'remedy'),
    [
        ({'k': (0.0,) * 9}, 'K of camera_info is all zero', 'calibrate'),
        ({'k': changed(K, 0, 0.0)}, 'K of camera_info begins with 0', 'calibrate'),
        ({'k': changed(K, 0, -500.0)}, 'K of camera_info .*fx=-500', 'positive'),
        ({'k': changed(K, 1, 51.0)}, 'K of camera_info has a skew of 51', 'correct'),
        ({'k': changed(K, 3, 1.0)}, 'K of camera_info is not', 'correct'),
        ({'k': changed(K, 4, -5.0)}, 'K of camera_info .*fy=-5', 'positive'),
        ({'k': tuple(np.reshape(K, (3, 3)).T.ravel())}, 'K of camera_info is not', 'correct'),
        ({'k': changed(K, 8, 0.0)}, 'K of camera_info is not', 'correct'),
        ({'k': K[:8]}, 'k of camera_info has 8 numbers', 'needs 9'),
        ({'k': changed(K, 2, float('nan'))}, 'k contains nan', 'calibrate'),
        ({'d': changed(D, 1, float('inf'))}, 'd contains inf', 'calibrate'),
        ({'p': changed(P, 3, float('nan'))}, 'p contains nan', 'calibrate'),
        ({'r': changed(IDENTITY, 3, float('nan'))}, 'r contains nan', 'calibrate'),
        ({'p': changed(P, 5, 0.0)}, 'P of camera_info .*fy=0', 'positive'),
        ({'p': changed(P, 4, 3.0)}, 'P of camera_info is not', 'all zero to use K'),
        ({'p': changed(P, 1, 49.0)}, 'P of camera_info has a skew of 49', 'correct'),
        ({'p': P[:9]}, 'p of camera_info has 9 numbers', 'needs 12'),
        ({'r': SKEWED_ROTATION}, 'R of camera_info', 'identity'),
        ({'r': MIRROR}, 'R of camera_info', 'identity'),
        ({'width': 0}, 'image size 0x480', 'resolution'),
        ({'roi': RegionOfInterest(500, 0, 200, 480)}, 'roi 200x480', 'full-resolution'),
        ({'roi': RegionOfInterest(0, 0, 4, 4), 'binning_x': 8}, 'roi 4x4', 'full-resolution'),
    ],
)
def test_bad_calibrations_name_the_field_and_the_remedy(
    changes: dict[str, Any], named: str, remedy: str
) -> None:
    with pytest.raises(CalibrationError, match=named) as error:
        make(**changes)
    assert remedy in str(error.value)


def test_the_lens_is_kept_as_opencv_has_it() -> None:
    orbbec = make(distortion_model='plumb_bob', d=(*D, 0.0, 0.0, 0.0))
    assert (orbbec.distortion_model, orbbec.d) == ('plumb_bob', D)
    assert orbbec == make()
    with pytest.raises(CalibrationError, match=r"'fisheye62'.*rectify"):
        make(distortion_model='fisheye62')


def test_a_skew_is_of_the_raw_image_only() -> None:
    skewed = make(k=changed(K, 1, 3.0), p=changed(P, 1, 3.0), d=())
    assert skewed.captured().camera_matrix[0, 1] == 3.0
    assert skewed.intrinsics == make().intrinsics
    assert skewed.rectified() == make().rectified()
    assert make(k=changed(K, 1, 3.0), p=(0.0,) * 12).rectified().k == K
    with pytest.raises(CalibrationError, match=r'a skew of 3 pixels.*rectify: auto'):
        _ = skewed.raw_intrinsics
    # 240 px above and below the middle the skew moves 2 px * 240 / 510.
    assert make(k=changed(K, 1, 2.0)).raw_intrinsics == make().raw_intrinsics


def test_a_projection_without_rows_is_none() -> None:
    assert make(p=(0.0,) * 10 + (1.0, 0.0)) == make(p=(0.0,) * 12)


def test_image_size_must_be_the_captured_one() -> None:
    binned = make(binning_x=2, binning_y=2)
    binned.check_image_size(320, 240)
    with pytest.raises(CalibrationError, match=r'640x480.*320x240.*binning 2x2.*publish'):
        binned.check_image_size(640, 480)
