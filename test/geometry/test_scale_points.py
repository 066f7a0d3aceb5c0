"""Scale from points: anchors, the robust factor, the curve."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_views import CAMERA, LevelPlane, room_depth
from numpy.typing import NDArray

from s2r_depth_ros.geometry import back_project
from s2r_depth_ros.geometry.scale import (
    Correction,
    NoScale,
    Reason,
    ReferencePoints,
    ScaleEstimate,
    UnscaledView,
    cloud_points,
)
from s2r_depth_ros.geometry.scale.anchors import MOST_ANCHORS, MOST_POINTS, find_anchors
from s2r_depth_ros.geometry.scale.correction import KNOTS, LEAST_SLOPE, LOG_KNOTS, monotone
from s2r_depth_ros.geometry.scale.estimate import LARGEST_LOG_SCALE
from s2r_depth_ros.geometry.scale.factor import robust_factor

ROOM = room_depth((LevelPlane(1.2),), wall=6.0)
SEEDS = st.integers(0, 2**32 - 1)


def points_of(depth: NDArray[np.float32], share: float = 1.0, seed: int = 0):
    """Some of the points of a depth image."""
    points = back_project(depth, CAMERA).reshape(-1, 3)
    return cloud_points(points[np.random.default_rng(seed).random(len(points)) < share])


def estimated(depth: NDArray[np.float32], points, *, curve: bool = True) -> ScaleEstimate:
    found = ReferencePoints(points, 1.0, curve=curve).estimate(UnscaledView(depth, CAMERA))
    assert isinstance(found, ScaleEstimate), found
    return found


def refused(depth: NDArray[np.float32], points) -> NoScale:
    found = ReferencePoints(points, 1.0).estimate(UnscaledView(depth, CAMERA))
    assert isinstance(found, NoScale)
    assert found.source in found.text
    return found


def smooth_noise(rng: np.random.Generator, deviation: float) -> NDArray[np.float32]:
    # Errors of a network are those of regions.
    coarse = rng.normal(0, deviation, (12, 16)).astype(np.float32)
    size = (CAMERA.width, CAMERA.height)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


# ---- anchors


def test_of_several_points_in_a_pixel_the_nearest_counts() -> None:
    ray = np.array([0.1, 0.1, 1.0])
    anchors = find_anchors(np.stack([5 * ray, 2 * ray, 3 * ray]), UnscaledView(ROOM, CAMERA))
    np.testing.assert_allclose(anchors.log_true, [np.log(2)])
    assert (anchors.column[0], anchors.row[0]) == (round(159.5 + 20), round(119.5 + 20))


def test_what_a_nearer_thing_hides_is_rejected() -> None:
    # The other sensor, above the camera, sees the wall behind a box that the camera sees.
    depth = np.full((CAMERA.height, CAMERA.width), 5.0, np.float32)
    depth[60:200, 100:220] = 2.0
    seen = points_of(depth, 0.035)
    hidden = np.stack([np.linspace(-1.2, 1.2, 60), np.linspace(-1, 1, 60), np.full(60, 5.0)], -1)
    anchors = find_anchors(np.vstack([seen, hidden]), UnscaledView(depth, CAMERA))
    behind = (depth[anchors.row, anchors.column] == 2.0) & (anchors.log_true > np.log(4))
    assert not behind.any()
    assert len(anchors) > 0.7 * len(seen)


@given(seed=SEEDS, share=st.floats(0.02, 0.3), nearer=st.floats(0.05, 0.4))
def test_dust_in_front_of_the_lidar_hides_nothing_and_changes_nothing(seed, share, nearer) -> None:
    rng = np.random.default_rng(seed)
    points = points_of(ROOM, 0.05, seed)
    dusty = points * np.where(rng.random(len(points)) < share, nearer, 1.0)[:, None]
    depth = (ROOM / 1.5 * np.exp(smooth_noise(rng, 0.1))).astype(np.float32)
    clean, found = estimated(depth, points), estimated(depth, dusty)
    assert found.used > 0.6 * (1 - share) * clean.used
    assert found.scale == pytest.approx(clean.scale, rel=0.1)


def test_no_anchor_lies_at_a_step_of_predicted_depth() -> None:
    depth = np.full((CAMERA.height, CAMERA.width), 5.0, np.float32)
    depth[:, 160:] = 2.0
    points = points_of(depth, 0.035)
    anchors = find_anchors(points, UnscaledView(depth, CAMERA))
    assert np.abs(anchors.column - 159.5).min() > 1
    assert len(anchors) > 0.9 * len(points)


def test_large_clouds_are_thinned() -> None:
    assert len(points_of(ROOM)) > 2 * MOST_POINTS
    anchors = find_anchors(points_of(ROOM), UnscaledView(ROOM, CAMERA))
    assert MOST_ANCHORS / 4 < len(anchors) <= MOST_ANCHORS


# ---- the factor


@given(seed=SEEDS, scale=st.floats(0.1, 10), outliers=st.floats(0, 0.4), noise=st.floats(0, 0.1))
def test_the_factor_is_found_under_noise_and_outliers(seed, scale, outliers, noise) -> None:
    rng = np.random.default_rng(seed)
    ratios = np.log(scale) + rng.normal(0, noise, 400)
    # All on one side, as hits on glass or on a person beside the camera are.
    wrong = rng.choice(400, int(outliers * 400), replace=False)
    ratios[wrong] += rng.choice([-1, 1]) * rng.uniform(1.5, 3, len(wrong))
    factor = robust_factor(ratios)
    assert abs(factor.log_scale - np.log(scale)) <= 0.02 + 0.5 * noise
    if noise < 0.05:
        assert not factor.kept[wrong].any()


@given(ratios=st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_the_factor_lies_among_the_ratios_that_count(ratios) -> None:
    factor = robust_factor(np.array(ratios))
    assert min(ratios) <= factor.log_scale <= max(ratios)
    assert factor.kept.any()
    assert factor.spread > 0


@given(seed=SEEDS, scale=st.floats(0.2, 5))
def test_a_known_scale_is_recovered_from_a_cloud_with_outliers(seed, scale) -> None:
    rng = np.random.default_rng(seed)
    points = points_of(ROOM, 0.01, seed)
    wrong = rng.random(len(points)) < 0.3
    # Off along their rays, so that they fall on the same pixels.
    points[wrong] *= rng.uniform(3, 6, (wrong.sum(), 1))
    depth = (ROOM / scale * np.exp(rng.normal(0, 0.05, ROOM.shape))).astype(np.float32)
    found = estimated(depth, points)
    assert found.scale == pytest.approx(scale, rel=0.03)
    assert abs(found.log_scale - np.log(scale)) < 3 * found.deviation
    assert found.rejected >= 0.5 * wrong.sum()
    assert found.stamp == 1.0


def test_points_that_are_as_far_as_little_of_the_image_tell_less() -> None:
    """As a scan that sees the far end of a room: what is off there may be right nearby."""
    points = points_of(ROOM, 0.02)
    far = points[points[:, 2] > 5.5]
    every, some = estimated(ROOM, points), estimated(ROOM, far)
    assert every.deviation < 0.1
    assert some.deviation > 1.5 * every.deviation
    wall = np.full_like(ROOM, 6.0)
    assert estimated(wall, far).deviation < 0.12


# ---- the curve


def bent(depth: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    return (depth**power).astype(np.float32)


def test_a_curve_is_used_where_depth_is_bent() -> None:
    depth = bent(ROOM, 0.6)
    points = points_of(ROOM, 0.02)
    curve, factor = (estimated(depth, points, curve=use) for use in (True, False))
    assert not curve.correction.is_constant
    assert factor.correction.is_constant
    assert curve.scale == factor.scale
    error, plain = (
        np.abs(np.log(e.correction.apply(depth) / ROOM)).mean() for e in (curve, factor)
    )
    assert error < 0.5 * plain


def test_a_curve_is_next_to_the_factor_where_depth_is_only_scaled() -> None:
    rng = np.random.default_rng(0)
    depth = (ROOM / 2 * np.exp(rng.normal(0, 0.02, ROOM.shape))).astype(np.float32)
    found = estimated(depth, points_of(ROOM, 0.02))
    bend = np.subtract(found.correction.log_factors, math.log(2))
    assert np.abs(bend).max() < 0.15
    known = np.isfinite(ROOM)
    assert np.abs(found.correction.apply(depth)[known] / ROOM[known] - 1).mean() < 0.02


@given(seed=SEEDS, power=st.floats(0.5, 1.6), noise=st.floats(0.01, 0.3))
def test_a_curve_is_never_much_worse_on_points_it_has_not_seen(seed, power, noise) -> None:
    rng = np.random.default_rng(seed)
    depth = bent(ROOM, power) * np.exp(smooth_noise(rng, noise))
    points = points_of(ROOM, 0.01, seed)
    with_curve, factor = (estimated(depth, points, curve=use) for use in (True, False))
    # All other pixels are held out.
    errors = [np.abs(np.log(e.correction.apply(depth) / ROOM)).mean() for e in (with_curve, factor)]
    assert errors[0] <= 1.02 * errors[1]


@given(seed=SEEDS)
def test_a_curve_never_turns_depth_around(seed) -> None:
    # What is predicted far is near in truth: no curve may follow that.
    rng = np.random.default_rng(seed)
    depth = (8.0 / ROOM * np.exp(rng.normal(0, 0.02, ROOM.shape))).astype(np.float32)
    found = ReferencePoints(points_of(ROOM, 0.02, seed), 0.0).estimate(UnscaledView(depth, CAMERA))
    assert isinstance(found, ScaleEstimate)
    assert np.all(np.diff(np.add(found.correction.log_factors, LOG_KNOTS)) > 0)


def test_beyond_the_anchors_the_curve_goes_back_to_the_factor() -> None:
    found = estimated(bent(ROOM, 0.6), points_of(ROOM, 0.02))
    away = np.subtract(found.correction.log_factors, found.log_scale)
    seen = np.percentile(bent(ROOM, 0.6), (2, 98))
    beyond = (seen[0] / KNOTS > 3) | (seen[1] / KNOTS < 1 / 3)
    assert beyond.sum() > 4
    # All alike: as far from the factor as all depths together may be.
    assert np.ptp(away[beyond]) < 0.01
    assert np.abs(away[beyond]).max() < 0.5 * np.abs(away).max()


@given(values=st.lists(st.floats(-3, 3), min_size=len(KNOTS), max_size=len(KNOTS)))
def test_monotone_gives_growing_depth_and_changes_nothing_that_grows(values) -> None:
    grown = monotone(values)
    steps = np.diff(grown + LOG_KNOTS) - LEAST_SLOPE * np.diff(LOG_KNOTS)
    assert steps.min() >= -1e-9
    np.testing.assert_allclose(monotone(grown), grown, atol=1e-9)
    # The nearest one has the same mean.
    assert grown.mean() == pytest.approx(np.mean(values), abs=1e-9)


@given(seed=SEEDS, factor=st.floats(-3.3, 3.3), apart=st.floats(2.0, 5.0), up=st.booleans())
def test_no_curve_goes_where_no_factor_may(seed, factor, apart, up) -> None:
    """A part of the image asks for more than thirtyfold, as through a window."""
    depth = np.geomspace(0.4, 30, CAMERA.height)[:, None].repeat(CAMERA.width, 1).astype(np.float32)
    points = points_of(depth, 0.02, seed) * math.exp(factor)
    farther = points[:, 2] > np.quantile(points[:, 2], 0.65)
    points[farther] *= math.exp(apart if up else -apart)
    found = ReferencePoints(points, 1.0).estimate(UnscaledView(depth, CAMERA))
    if isinstance(found, ScaleEstimate):
        assert np.abs(found.correction.log_factors).max() <= LARGEST_LOG_SCALE
        scaled = found.correction.apply(depth[:, 0])
        assert (np.diff(scaled) > 0).all()


# ---- corrections


@given(
    values=st.lists(st.floats(-2, 2), min_size=len(KNOTS), max_size=len(KNOTS)),
    depths=st.lists(st.floats(0.0009765625, 1024, width=32), min_size=1, max_size=30),
)
def test_the_table_of_a_curve_is_what_it_says(values, depths) -> None:
    correction = Correction(tuple(monotone(values).tolist()))
    depth = np.array([*depths, np.nan], np.float32)
    scaled = correction.apply(depth)
    assert scaled.dtype == np.float32
    assert np.isnan(scaled[-1])
    expected = np.log(depth[:-1]) + correction.log_factor(np.log(depth[:-1]))
    np.testing.assert_allclose(np.log(scaled[:-1]), expected, atol=0.007)  # of the steepest


@pytest.mark.parametrize('scale', [0.0, -1.0, np.nan, np.inf])
def test_a_factor_must_be_positive(scale) -> None:
    with pytest.raises(ValueError, match='above 0'):
        Correction.constant(scale)


def test_a_correction_has_a_finite_number_for_each_knot() -> None:
    with pytest.raises(ValueError, match='finite'):
        Correction((0.0,) * (len(KNOTS) - 1))
    with pytest.raises(ValueError, match='finite'):
        Correction((np.nan,) * len(KNOTS))


# ---- refusals


def test_without_points_there_is_no_reference() -> None:
    assert refused(ROOM, np.zeros((0, 3))).reason is Reason.NO_REFERENCE


@pytest.mark.parametrize('shift', [(0, 0, -20), (100, 0, 0), (0, -100, 0)])
def test_points_outside_the_image_are_no_anchors(shift) -> None:
    assert refused(ROOM, points_of(ROOM, 0.01) + shift).reason is Reason.NO_ANCHORS


def test_points_on_unknown_depth_are_no_anchors() -> None:
    found = refused(np.full_like(ROOM, np.nan), points_of(ROOM, 0.01))
    assert found.reason is Reason.NO_ANCHORS
    assert 'rejected' in found.detail


def test_too_few_points() -> None:
    assert refused(ROOM, points_of(ROOM, 0.01)[:12]).reason is Reason.TOO_FEW


def test_points_in_one_place() -> None:
    small = np.full_like(ROOM, np.nan)
    small[100:110, 100:110] = ROOM[100:110, 100:110]
    assert refused(ROOM, points_of(small)).reason is Reason.NOT_SPREAD


@given(seed=SEEDS)
def test_points_that_contradict_each_other(seed) -> None:
    points = points_of(ROOM, 0.01, seed)
    points *= np.exp(np.random.default_rng(seed).uniform(-3, 3, (len(points), 1)))
    assert refused(ROOM, points).reason is Reason.CONTRADICTING


@pytest.mark.parametrize('factor', [1e-3, 0.01, 100.0, 1e3])
def test_a_wrong_unit_is_implausible(factor) -> None:
    assert refused(ROOM, points_of(ROOM, 0.01) * factor).reason is Reason.IMPLAUSIBLE


@given(
    values=st.lists(
        st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-30, 1e30, 2.0, 3.0]),
        min_size=9,
        max_size=60,
    ),
    seed=SEEDS,
)
def test_any_depth_and_points_give_a_scale_or_a_reason(values, seed) -> None:
    rng = np.random.default_rng(seed)
    depth = rng.choice(np.array(values, np.float32), ROOM.shape)
    points = cloud_points(rng.choice(np.array(values), (200, 3)))
    for reference in (points, points_of(ROOM, 0.01)):
        found = ReferencePoints(reference, 0.0).estimate(UnscaledView(depth, CAMERA))
        assert isinstance(found, NoScale | ScaleEstimate)


def test_ratios_that_agree_in_nothing_come_to_an_end() -> None:
    """Of a series that grows without end each round drops a few more; there are so many rounds."""
    factor = robust_factor(np.float64(1.1) ** np.arange(400, dtype=np.float64))
    assert 27 < factor.kept.sum() < 100
    assert factor.kept[:27].all()
    assert math.isfinite(factor.log_scale)
