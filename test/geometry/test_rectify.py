from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_ros.geometry import (
    Calibration,
    CalibrationError,
    ImplausibleError,
    Rectifier,
    RegionOfInterest,
)
from s2r_depth_ros.geometry.distortion import is_one_to_one, rectification_maps


def rotation_about(x: float, y: float, z: float) -> tuple[float, ...]:
    """Return the matrix of a rotation vector (radians), row by row."""
    return tuple(float(v) for v in cv2.Rodrigues(np.array([x, y, z]))[0].ravel())


WIDTH, HEIGHT = 160, 120
ROTATION = rotation_about(0.02, -0.03, 0.05)
K = (120.0, 0.0, 81.0, 0.0, 122.0, 58.0, 0.0, 0.0, 1.0)
P = (100.0, 0.0, 78.0, 0.0, 0.0, 104.0, 60.0, 0.0, 0.0, 0.0, 1.0, 0.0)
LENSES: dict[str, tuple[str, tuple[float, ...]]] = {
    'plumb_bob 4': ('plumb_bob', (-0.25, 0.06, 0.002, -0.001)),
    'plumb_bob 5': ('plumb_bob', (-0.25, 0.06, 0.002, -0.001, 0.01)),
    'rational 8': ('rational_polynomial', (0.4, -0.1, 0.001, 0.002, 0.02, 0.6, -0.05, 0.03)),
    'rational 12': (
        'rational_polynomial',
        (0.4, -0.1, 0.001, 0.002, 0.02, 0.6, -0.05, 0.03, 0.002, 0.001, -0.002, 0.001),
    ),
    'rational 14': (
        'rational_polynomial',
        (0.4, -0.1, 0.001, 0.002, 0.02, 0.6, -0.05, 0.03, 0.002, 0.001, -0.002, 0.001, 0.01, 0.02),
    ),
    'equidistant': ('equidistant', (0.05, -0.01, 0.004, -0.001)),
    'equidistant of zeros': ('equidistant', (0.0, 0.0, 0.0, 0.0)),
}


def pattern(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a smooth checkerboard (float32, 0 to 255) at pixel positions of the ideal camera."""
    return (127.5 * (1 + np.sin(0.35 * x) * np.sin(0.31 * y))).astype(np.float32)


def undistort(calibration: Calibration, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rectified positions of raw pixels (Nx2) by OpenCV's inverse of the lens model."""
    d = np.array(calibration.d)
    camera = calibration.camera_matrix
    rotation, ideal = calibration.rotation, calibration.projection[:, :3]
    points = pixels.reshape(-1, 1, 2).astype(np.float64)
    if calibration.distortion_model == 'equidistant':
        ideal_points = cv2.fisheye.undistortPoints(points, camera, d, R=rotation, P=ideal)
    else:
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)
        ideal_points = cv2.undistortPointsIter(points, camera, d, rotation, ideal, criteria)
    return np.asarray(ideal_points, np.float64)[:, 0]


def raw_grid() -> NDArray[np.int64]:
    u, v = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return np.stack([u, v], axis=-1).reshape(-1, 2)


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize('rotation', [(0.0,) * 9, ROTATION], ids=['no R', 'R'])
@pytest.mark.parametrize('projection', [(0.0,) * 12, P], ids=['no P', 'P'])
def test_a_checkerboard_through_the_lens_is_recovered(
    lens: str, rotation: tuple[float, ...], projection: tuple[float, ...]
) -> None:
    model, d = LENSES[lens]
    calibration = Calibration(WIDTH, HEIGHT, model, d, K, rotation, projection)
    ideal = undistort(calibration, raw_grid())
    raw = pattern(ideal[:, 0], ideal[:, 1]).reshape(HEIGHT, WIDTH)
    rectifier = Rectifier(calibration)
    u, v = raw_grid().T
    expected = pattern(u, v).reshape(HEIGHT, WIDTH)
    error = np.abs(rectifier.rectify(raw) - expected)[rectifier.valid]
    untouched = np.abs(raw - expected)[rectifier.valid]
    # Bilinear sampling of a wave of 18 pixels costs a few grey levels; a wrong map costs tens.
    assert not rectifier.is_identity
    assert rectifier.valid.mean() > 0.5
    assert error.max() < 8
    assert untouched.mean() > 3 * error.mean() + 5


def distorted_line(k1: float) -> NDArray[np.uint8]:
    """Return a raw image (uint8) of the line y = 40 + 0.1 x of the ideal camera, by hand."""
    fx, cx, fy, cy = K[0], K[2], K[4], K[5]
    u = np.linspace(-60, WIDTH + 60, 4000)
    x, y = (u - cx) / fx, (10 + 0.1 * u - cy) / fy
    factor = 1 + k1 * (x**2 + y**2)
    curve = np.interp(np.arange(WIDTH), fx * x * factor + cx, fy * y * factor + cy)
    rows = np.arange(HEIGHT)[:, None]
    return np.round(255 * np.exp(-((rows - curve) ** 2) / (2 * 1.5**2))).astype(np.uint8)


def line_of(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the row of the bright line in each of the inner columns."""
    inner = image[:, 10:-10].astype(np.float64)
    return (inner * np.arange(HEIGHT)[:, None]).sum(axis=0) / inner.sum(axis=0)


def test_a_bent_line_becomes_the_straight_one_it_was() -> None:
    calibration = Calibration(WIDTH, HEIGHT, 'plumb_bob', (-0.2, 0.0, 0.0, 0.0, 0.0), K)
    raw = distorted_line(-0.2)
    straight = 10 + 0.1 * np.arange(WIDTH)[10:-10]
    assert np.abs(line_of(raw) - straight).max() > 2
    assert np.abs(line_of(Rectifier(calibration).rectify(raw)) - straight).max() < 0.1


@pytest.mark.parametrize(('model', 'count'), [('', 0), ('plumb_bob', 5), ('plumb_bob', 4)])
@pytest.mark.parametrize('p', [(0.0,) * 12, (*K[:3], -12.0, *K[3:6], 0.0, *K[6:], 0.0)])
def test_an_ideal_camera_is_left_alone(model: str, count: int, p: tuple[float, ...]) -> None:
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, model, (0.0,) * count, K, p=p))
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert rectifier.is_identity
    assert rectifier.rectify(image) is image
    assert rectifier.valid.shape == (HEIGHT, WIDTH)
    assert rectifier.valid.all()


@pytest.mark.parametrize(
    'changes',
    [
        {'d': (0.01, 0.0, 0.0, 0.0, 0.0)},
        {'r': ROTATION},
        {'p': P},
        {'distortion_model': 'equidistant', 'd': (0.0,) * 4},
    ],
)
def test_anything_else_is_not_the_identity(changes: dict[str, Any]) -> None:
    fields = {'width': WIDTH, 'height': HEIGHT, 'distortion_model': 'plumb_bob', 'd': (), 'k': K}
    assert not Rectifier(Calibration(**{**fields, **changes})).is_identity


def test_valid_marks_what_the_raw_image_shows() -> None:
    # P sees twice as wide as K: exactly the middle half of the rectified image is filled.
    k = (100.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0)
    p = (50.0, 0.0, 79.5, 0.0, 0.0, 50.0, 59.5, 0.0, 0.0, 0.0, 1.0, 0.0)
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, 'plumb_bob', (), k, p=p))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[30:90, 40:120] = True
    np.testing.assert_array_equal(rectifier.valid, expected)
    rectified = rectifier.rectify(np.full((HEIGHT, WIDTH), 200, np.uint8))
    np.testing.assert_array_equal(rectified, np.where(expected, 200, 0))


@pytest.mark.parametrize(
    ('model', 'd', 'fold'),
    [
        ('plumb_bob', (-0.3, 0.0, 0.0, 0.0), (1 / 0.9) ** (1 / 2)),
        ('plumb_bob', (0.0, -0.1, 0.0, 0.0, 0.0), (1 / 0.5) ** (1 / 4)),
        ('plumb_bob', (0.0, 0.0, 0.0, 0.0, -0.1), (1 / 0.7) ** (1 / 6)),
        ('rational_polynomial', (0.0,) * 5 + (0.8, 0.0, 0.0), (1 / 0.8) ** (1 / 2)),
        ('rational_polynomial', (0.0,) * 6 + (0.3, 0.0), (1 / 0.9) ** (1 / 4)),
        ('rational_polynomial', (0.0,) * 7 + (0.1,), (1 / 0.5) ** (1 / 6)),
        ('equidistant', (-0.3, 0.0, 0.0, 0.0), np.tan((1 / 0.9) ** (1 / 2))),
        ('equidistant', (0.0, -0.2, 0.0, 0.0), np.tan(1.0)),
    ],
)
def test_pixels_where_the_lens_polynomial_folds_back_are_invalid(
    model: str, d: tuple[float, ...], fold: float
) -> None:
    # For example r (1 - 0.3 r^2) grows up to r = 1 / sqrt(0.9) only; further out it comes back.
    k = (50.0, 0.0, 79.5, 0.0, 50.0, 59.5, 0.0, 0.0, 1.0)
    p = (40.0, 0.0, 79.5, 0.0, 0.0, 40.0, 59.5, 0.0, 0.0, 0.0, 1.0, 0.0)
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, model, d, k, p=p))
    u, v = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    radius = np.hypot(u - 79.5, v - 59.5) / 40
    assert (radius > fold + 0.02).any()
    assert not rectifier.valid[radius > fold + 0.02].any()
    assert rectifier.valid[radius < fold - 0.02].all()


def raw_position(calibration: Calibration, x: float, y: float) -> tuple[float, float]:
    """Return the raw pixel of a ray (x, y, 1), by the formulas of OpenCV's documentation."""
    k, d, r2 = calibration.k, calibration.d, x * x + y * y
    if calibration.distortion_model == 'equidistant':
        radius = math.sqrt(r2)
        theta = math.atan(radius)
        even = sum(c * theta ** (2 * i) for i, c in enumerate((1.0, *d)))
        x, y = (theta * even / radius * c if radius else c for c in (x, y))
    else:
        k1, k2, p1, p2, k3, k4, k5, k6 = (*d, *(0.0,) * 3)[:8]
        radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    return k[0] * x + k[1] * y + k[2], k[4] * y + k[5]


@pytest.mark.parametrize('lens', ['plumb_bob 5', 'rational 8', 'equidistant', 'none'])
@pytest.mark.parametrize('skew', [0.0, 4.0, -7.5])
@pytest.mark.parametrize('skew_of_p', [None, 0.0, 3.0])
def test_a_skew_of_the_raw_camera_is_taken_out(
    lens: str, skew: float, skew_of_p: float | None
) -> None:
    """As ROS's own fisheye calibration has it, in K and in P; OpenCV leaves it out."""
    k = (K[0], skew, *K[2:])
    p = (0.0,) * 12 if skew_of_p is None else (P[0], skew_of_p, *P[2:])
    calibration = Calibration(WIDTH, HEIGHT, *LENSES.get(lens, ('none', ())), k, p=p)
    rectifier = Rectifier(calibration)
    ideal = rectifier.intrinsics
    # A picture whose grey levels say from which raw pixel they came.
    u, v = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    raw = np.stack([u, v], axis=-1)
    rectified = rectifier.rectify(raw)
    for column, row in itertools.product(range(8, WIDTH, 24), range(8, HEIGHT, 26)):
        if rectifier.valid[row, column]:
            ray = (column - ideal.cx) / ideal.fx, (row - ideal.cy) / ideal.fy
            expected = raw_position(calibration, *ray)
            assert rectified[row, column] == pytest.approx(expected, abs=0.03)
    assert rectifier.valid.mean() > 0.5
    assert rectifier.calibration.k[1] == rectifier.calibration.p[1] == 0.0


# Of OAK-D cameras: D, then fx, cx, cy of 250x250 pixels. The first has a pole at r = 0.674, beside
# a zero.
OAK_POLE = (-4.86082888, 17.2819767, 0.00020376, 0.00102510, -25.1722507, -4.94364738, 17.5144253,
            -25.2907600)  # fmt: skip
OAK = (-3.47516704, -38.5734748, 0.00034310, -9.377e-05, 286.440094, -3.64080453, -36.6889801,
       279.052368)  # fmt: skip


def inside_raw(calibration: Calibration) -> NDArray[np.bool_]:
    """Return where the formula, evaluated everywhere as OpenCV does, stays in the raw image."""
    x, y = cv2.initUndistortRectifyMap(
        calibration.camera_matrix, np.array(calibration.d), np.eye(3), calibration.camera_matrix,
        calibration.image_size, cv2.CV_32FC1,
    )  # fmt: skip
    inside = (x >= 0) & (x <= calibration.width - 1) & (y >= 0) & (y <= calibration.height - 1)
    return np.asarray(inside)


@pytest.mark.parametrize(('d', 'lost'), [(OAK, 0.0), (OAK_POLE, 0.03)])
def test_a_pole_costs_its_ring_only(d: tuple[float, ...], lost: float) -> None:
    k = (196.5, 0.0, 126.9, 0.0, 196.5, 125.8, 0.0, 0.0, 1.0)
    calibration = Calibration(250, 250, 'rational_polynomial', d, k)
    rectifier = Rectifier(calibration)
    inside = inside_raw(calibration)
    assert inside.mean() > 0.93
    assert (inside & ~rectifier.valid).mean() <= lost
    # What is kept comes from where it should: its distorted place, undistorted, is itself.
    u, v = np.meshgrid(np.arange(250), np.arange(250))
    radius = np.hypot(u - k[2], v - k[5]) / k[0]
    away = rectifier.valid & (np.abs(radius - 0.674) > 0.05)
    assert away[radius > 0.73].mean() > 0.7
    pixels = np.stack([u, v], axis=-1)[away]
    rays = (pixels - (k[2], k[5])) / k[0]
    there = np.array([raw_position(calibration, *ray) for ray in rays])
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    matrix = calibration.camera_matrix
    back = cv2.undistortPointsIter(there[:, None], matrix, np.array(d), np.eye(3), matrix, criteria)
    assert np.abs(back[:, 0] - pixels).max() < 0.01


@given(
    st.floats(0.05, 0.8),
    st.floats(-0.02, 0.02).filter(lambda gap: abs(gap) > 1e-5),
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.1),
)
def test_what_is_kept_beside_a_pole_is_one_to_one(
    pole: float, gap: float, rise: float, fall: float
) -> None:
    """(1 - t/a) (1 + rise t) / (1 - t/b) (1 + fall t) of t = r^2, with a near b."""
    zero = pole * (1 + gap)
    d = np.zeros(8)
    d[[0, 1]] = [rise - 1 / zero, -rise / zero]
    d[[5, 6]] = [fall - 1 / pole, -fall / pole]
    radius = np.linspace(0.0, 1.2, 1501)
    kept = is_one_to_one('rational_polynomial', d, radius)
    t = radius**2
    without = radius * (1 + rise * t) / (1 + fall * t)
    distorted = without * (1 - t / zero) / (1 - t / pole)
    assert (np.diff(distorted[kept]) > 0).all(), 'repeats a part of the image'
    # The pair alone stops growing 0.7 sqrt(gap b) from the pole.
    far = np.abs(radius - math.sqrt(pole)) > 2 * math.sqrt(abs(gap) * pole)
    assert kept[far].all(), 'loses what is fine'


def test_a_fold_is_none_though_the_formula_grows_again() -> None:
    # r (1 - 0.8 r^2 + 0.2 r^4) grows to r = 0.733 and falls; it grows again from r = 1.365 on.
    radius = np.linspace(0.0, 3.0, 301)
    kept = is_one_to_one('plumb_bob', np.array([-0.8, 0.2, 0.0, 0.0, 0.0]), radius)
    assert kept[radius < 0.72].all()
    assert not kept[radius > 0.74].any()


@pytest.mark.parametrize(('degrees', 'visible'), [(0, True), (180, False)])
def test_rays_behind_the_lens_are_invalid(degrees: float, visible: bool) -> None:
    rotation = rotation_about(0.0, math.radians(degrees), 0.0)
    k = (50.0, 0.0, 79.5, 0.0, 50.0, 59.5, 0.0, 0.0, 1.0)
    lens = ('plumb_bob', (0.001, 0.0, 0.0, 0.0))
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, *lens, k, rotation))
    assert rectifier.valid.any() == visible
    with nullcontext() if visible else pytest.raises(ImplausibleError, match=r'only 0\.00% of'):
        rectifier.check_something_is_left()


def test_calibration_of_the_rectified_images() -> None:
    binned = Calibration(
        WIDTH, HEIGHT, *LENSES['equidistant'], K, ROTATION, P, binning_x=2, binning_y=2
    )
    rectifier = Rectifier(binned)
    assert rectifier.calibration == binned.rectified()
    assert rectifier.calibration.image_size == (80, 60) == rectifier.valid.shape[::-1]
    assert rectifier.calibration.raw_intrinsics == rectifier.intrinsics
    assert Rectifier(rectifier.calibration).is_identity


def test_second_stereo_camera_uses_p_without_tx() -> None:
    stereo = (*P[:3], -12.0, *P[4:])
    lens = ('plumb_bob', (-0.1, 0.0, 0.0, 0.0, 0.0), K, ROTATION)
    left = Rectifier(Calibration(WIDTH, HEIGHT, *lens, P))
    right = Rectifier(Calibration(WIDTH, HEIGHT, *lens, stereo))
    assert right.intrinsics == left.intrinsics
    assert (right.intrinsics.fx, right.intrinsics.cx) == (100.0, 78.0)
    assert right.calibration.p == stereo
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    np.testing.assert_array_equal(right.rectify(image), left.rectify(image))


def test_a_window_of_the_raw_image_rectifies_like_the_whole() -> None:
    lens = ('plumb_bob', (-0.2, 0.03, 0.001, 0.001, 0.0), K, ROTATION, P)
    image = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    whole = Rectifier(Calibration(WIDTH, HEIGHT, *lens))
    roi = RegionOfInterest(30, 20, 100, 80)
    part = Rectifier(Calibration(WIDTH, HEIGHT, *lens, roi=roi))
    rectified = part.rectify(np.ascontiguousarray(image[20:100, 30:130])).astype(int)
    expected = whole.rectify(image)[20:100, 30:130].astype(int)
    # Both maps are rounded to 1/32 pixel, of neighbours up to 255 apart.
    assert part.valid.mean() > 0.5
    assert np.abs(rectified - expected)[part.valid].max() <= 20
    assert (rectified == expected)[part.valid].mean() > 0.8


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
def test_shape_and_dtype_are_kept(dtype: type[np.generic], channels: tuple[int, ...]) -> None:
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, *LENSES['plumb_bob 5'], K))
    rectified = rectifier.rectify(np.full((HEIGHT, WIDTH, *channels), 77, dtype))
    assert rectified.dtype == dtype
    assert rectified.shape == (HEIGHT, WIDTH, *channels)
    assert (rectified[rectifier.valid] == 77).all()


@pytest.mark.parametrize('d', [(), LENSES['plumb_bob 5'][1]])
def test_an_image_of_another_size_is_refused(d: tuple[float, ...]) -> None:
    rectifier = Rectifier(Calibration(WIDTH, HEIGHT, 'plumb_bob', d, K))
    with pytest.raises(CalibrationError, match=r'80x60.*160x120'):
        rectifier.rectify(np.zeros((60, 80, 3), np.uint8))


def test_an_image_that_folds_from_its_middle_on_shows_nothing_once() -> None:
    radius = np.linspace(0.0, 3.0, 31)
    kept = is_one_to_one('plumb_bob', np.array([-1e9, 0.0, 0.0, 0.0, 0.0]), radius)
    assert not kept[1:].any()


_COEFFICIENT = st.floats(-1.5, 1.5)


@given(
    st.sampled_from(['plumb_bob', 'rational_polynomial', 'equidistant']),
    st.lists(_COEFFICIENT, min_size=8, max_size=8),
    st.tuples(*(st.floats(-0.5, 0.5) for _ in range(3))),
    st.floats(30.0, 300.0),
)
def test_every_pixel_that_folds_is_found_where_few_are_looked_at(
    model: str, d: list[float], turned: tuple[float, float, float], focal: float
) -> None:
    """Most lenses fold nowhere, and are told by a few radii: never one that folds."""
    d = d[: {'plumb_bob': 5, 'equidistant': 4}.get(model, 8)]
    matrix = np.array([[focal, 0.0, 20.0], [0.0, focal, 14.0], [0.0, 0.0, 1.0]])
    rotation = np.array(rotation_about(*turned)).reshape(3, 3)
    x, _ = rectification_maps(model, d, matrix, rotation, matrix, (41, 29))
    pixels = np.stack([*np.meshgrid(np.arange(41), np.arange(29)), np.ones((29, 41))], axis=-1)
    rays = pixels @ np.linalg.inv(matrix @ rotation).T
    ahead = rays[..., 2] > 0
    z = np.where(ahead, rays[..., 2], np.nan)
    radius = np.hypot(rays[..., 0], rays[..., 1]) / z
    assert np.array_equal(~np.isnan(x), is_one_to_one(model, np.array(d), radius))


@pytest.mark.parametrize('lens', ['plumb_bob 5', 'rational 8', 'equidistant'])
def test_a_calibration_that_changes_with_every_frame_is_affordable(lens: str) -> None:
    """Maps take some times what OpenCV needs for them; it was thirty times."""
    k = (900.0, 0.0, 640.0, 0.0, 900.0, 360.0, 0.0, 0.0, 1.0)
    calibration = Calibration(1280, 720, *LENSES[lens], k)
    matrix, d, size = calibration.camera_matrix, np.array(calibration.d), (1280, 720)
    build = cv2.fisheye if lens == 'equidistant' else cv2
    alone = _processor_seconds(
        lambda: build.initUndistortRectifyMap(matrix, d, np.eye(3), matrix, size, cv2.CV_32FC1)
    )
    assert _processor_seconds(lambda: Rectifier(calibration)) < 8 * alone + 0.01


def _processor_seconds(work: Callable[[], object]) -> float:
    """Return the least of some runs: the machine may be busy."""
    times = []
    for _ in range(5):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)
