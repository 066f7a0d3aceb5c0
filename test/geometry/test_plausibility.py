"""Which intrinsics are believed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.geometry import (
    Calibration,
    ImplausibleError,
    RegionOfInterest,
    check_focal_length,
    check_plausible,
)

I9 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
I12 = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
NO_P = (0.0,) * 12
sides = st.integers(64, 4096)


def k_of(fx: float, fy: float, cx: float, cy: float) -> tuple[float, ...]:
    return (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)


def p_of(fx: float, fy: float, cx: float, cy: float, tx: float = 0.0) -> tuple[float, ...]:
    return (fx, 0.0, cx, tx, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0)


def camera(width: int = 320, height: int = 240, fx: float = 300.0, **changes: Any) -> Calibration:
    numbers = (fx, fx, (width - 1) / 2, (height - 1) / 2)
    fields: dict[str, Any] = {'distortion_model': 'plumb_bob', 'd': (), 'k': k_of(*numbers)}
    fields['p'] = p_of(*numbers)
    return Calibration(width, height, **{**fields, **changes})


@given(sides, sides, st.floats(3.0, 140.0), st.floats(0.35, 0.65), st.floats(0.4, 0.6))
def test_cameras_are_believed(width: int, height: int, view: float, x: float, y: float) -> None:
    fx = max(width, height) / 2 / math.tan(math.radians(view / 2))
    numbers = (fx, 1.05 * fx, x * width, y * height)
    for p in (NO_P, p_of(*numbers), p_of(0.7 * fx, 0.5 * fx, *numbers[2:], -0.1 * fx)):
        check_plausible(camera(width, height, k=k_of(*numbers), p=p))


@given(sides, sides, st.floats(0.001, 1.9) | st.floats(172.0, 179.99))
def test_no_lens_has_such_a_view(width: int, height: int, view: float) -> None:
    fx = max(width, height) / 2 / math.tan(math.radians(view / 2))
    with pytest.raises(ImplausibleError, match=r'K of camera_info.*field of view.*[Cc]alibrate'):
        check_plausible(camera(width, height, fx, p=NO_P))
    with pytest.raises(ImplausibleError, match=r'P of camera_info.*field of view'):
        check_plausible(
            camera(width, height, float(max(width, height)), p=camera(width, height, fx).p)
        )
    with pytest.raises(ImplausibleError, match=f'--fx is .* {max(width, height)} px wide'):
        check_focal_length(fx, max(width, height), '--fx')


@pytest.mark.parametrize('view', [2.1, 169.0])
def test_views_at_the_limits_are_believed(view: float) -> None:
    fx = 160 / math.tan(math.radians(view / 2))
    check_focal_length(fx, 320, '--fx')
    check_plausible(camera(fx=fx))


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'k': I9}, 'K of camera_info has fx=1, fy=1'),
        ({'k': I9, 'p': NO_P}, 'K of camera_info has fx=1, fy=1'),
        ({'p': I12}, 'P of camera_info has fx=1, fy=1'),
        ({'fx': 1.0}, 'K of camera_info has fx=1, fy=1'),
        ({'fx': 0.94}, 'K of camera_info has fx=0.94'),  # in units of the width
        ({'fx': 3.6}, 'K of camera_info has fx=3.6'),  # in millimetres
        ({'k': k_of(300.0, 30.0, 159.5, 119.5)}, 'no pixels are so oblong'),
        ({'k': k_of(300.0, 300.0, 900.0, 119.5)}, 'principal point'),
        ({'k': k_of(300.0, 300.0, 0.0, 0.0)}, 'principal point'),
        ({'k': k_of(600.0, 600.0, 319.5, 239.5)}, 'another image size'),
        ({'k': k_of(600.0, 600.0, 319.5, 179.5)}, 'another image size'),  # 640x360
        ({'p': p_of(600.0, 600.0, 319.5, 239.5)}, 'another image size'),
        ({'p': p_of(150.0, 150.0, 79.5, 59.5)}, 'another image size'),
        ({'p': p_of(405.0, 405.0, 215.3, 161.3)}, 'P of camera_info contradicts K'),
        ({'p': p_of(30.0, 300.0, 159.5, 119.5)}, 'oblong'),
        ({'p': p_of(30.0, 30.0, 159.5, 119.5)}, 'P of camera_info contradicts K'),
        ({'p': p_of(1300.0, 1300.0, 159.5, 119.5)}, 'P of camera_info contradicts K'),
        ({'p': p_of(300.0, 140.0, 159.5, 119.5)}, 'P of camera_info contradicts K'),
        ({'distortion_model': 'fisheye', 'k': I9}, 'K of camera_info has fx=1, fy=1'),
    ],
)  # fmt: skip
def test_placeholders_and_contradictions_are_not_believed(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ImplausibleError, match=reason):
        check_plausible(camera(**changes))


@given(sides, sides, st.floats(1.5, 8.0) | st.floats(1 / 8, 1 / 1.5), st.floats(0.96, 1.04))
def test_the_matrix_of_another_image_size_is_not_believed(
    width: int, height: int, scale: float, off: float
) -> None:
    fx = 0.8 * max(width, height)
    numbers = (fx, fx, off * width / 2 - 0.5, height / 2 - 0.5)
    other = tuple(scale * number for number in numbers)
    good_k, bad_k = k_of(*numbers), k_of(*other)
    good_p, bad_p = p_of(*numbers), p_of(*other)
    check_plausible(camera(width, height, k=good_k, p=good_p))
    for k, p in ((bad_k, NO_P), (bad_k, bad_p), (bad_k, good_p), (good_k, bad_p)):
        with pytest.raises(ImplausibleError):
            check_plausible(camera(width, height, k=k, p=p))


@given(sides, st.floats(60.0, 220.0))
def test_a_fisheye_is_judged_by_its_own_angle(side: int, view: float) -> None:
    fx = side / math.radians(view)
    check_plausible(camera(side, side, fx, distortion_model='fisheye', p=NO_P))


@pytest.mark.parametrize(
    ('width', 'height', 'binning', 'k'),
    [
        (516, 386, 4, k_of(75.0, 75.0, 257.5, 192.5)),
        (2064, 1544, 4, k_of(299.5, 300.1, 254.1, 183.9)),  # a Mako G319
        (640, 480, 2, k_of(250.0, 250.0, 159.5, 119.5)),
    ],
)
def test_binning_is_not_applied_twice(
    width: int, height: int, binning: int, k: tuple[float, ...]
) -> None:
    bad = camera(width, height, k=k, p=NO_P, binning_x=binning, binning_y=binning)
    with pytest.raises(ImplausibleError, match=r'binning'):
        check_plausible(bad)
    (fx, _, cx), (_, fy, cy) = (k[:3], k[3:6])
    full = k_of(binning * fx, binning * fy, width / 2 + cx / 99, height / 2 + cy / 99)
    good = camera(width, height, k=full, p=NO_P, binning_x=binning, binning_y=binning)
    check_plausible(good)


def test_a_window_is_judged_by_its_sensor() -> None:
    check_plausible(camera(640, 480, 600.0, roi=RegionOfInterest(600, 440, 40, 40)))
