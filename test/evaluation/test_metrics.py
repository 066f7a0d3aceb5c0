from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.metrics import CROPS, METRICS, MetricsError, crop_mask, depth_metrics
from s2r_depth_ros.evaluation.protocols import PROTOCOLS

REFERENCE = json.loads(
    (Path(__file__).parents[1] / 'data/parity/train_and_metrics.json').read_text()
)
NAMES = dict(zip(('a1', 'a2', 'a3'), ('delta1', 'delta2', 'delta3')))


def formula_maps(
    height: int, width: int, cap: float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The inputs that the reference values were made on (metrics_formula in the fixture)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    truth = cap * (0.05 + 0.9 * np.abs(np.sin(0.013 * x + 0.021 * y)))
    truth[(3 * x + 5 * y) % 7 != 0] = 0
    truth[10:20, 10:20] = 1.2 * cap
    wave = np.abs(np.sin(0.013 * x + 0.021 * y + 0.15))
    return cap * (0.06 + 0.7 * wave) + 0.1 * np.cos(0.05 * x), truth


@pytest.mark.parametrize(
    ('name', 'shape', 'protocol', 'kind'),
    [
        ('metrics_kitti_375x1242', (375, 1242), 'kitti-eigen', 'driving'),
        ('metrics_nyu_480x640', (480, 640), 'nyu', 'indoor'),
    ],
)
def test_values_equal_the_authors_protocol(
    name: str, shape: tuple[int, int], protocol: str, kind: str
) -> None:
    rule = PROTOCOLS[protocol]
    predicted, truth = formula_maps(*shape, rule.caps[kind])
    got = depth_metrics(predicted, truth, cap=rule.caps[kind], crop=rule.crop_of(kind))
    for key, value in REFERENCE[name].items():
        assert got[NAMES.get(key, key)] == pytest.approx(value, rel=1e-9), key


@given(st.floats(0.2, 5.0), st.floats(-0.5, 0.5), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_alignments_undo_what_they_name(scale: float, shift: float, seed: int) -> None:
    truth = np.random.default_rng(seed).uniform(1.0, 5.0, (12, 16))
    scaled = depth_metrics(truth * scale, truth, cap=100.0)
    assert scaled['abs_rel'] < 1e-9
    assert scaled['scale'] == pytest.approx(1 / scale)
    moved = depth_metrics(truth * scale + 0.6 + shift, truth, cap=100.0, alignment='scale_shift')
    assert moved['rmse'] < 1e-9
    raw = depth_metrics(truth * scale, truth, cap=100.0, alignment='none')
    assert raw['abs_rel'] == pytest.approx(abs(scale - 1))


def test_pixels_beyond_the_cap_and_outside_the_crop_do_not_count() -> None:
    truth = np.full((100, 200), 5.0)
    predicted = truth.copy()
    truth[50, 100] = 11.0
    crop = CROPS['garg']['driving']
    predicted[~crop_mask(100, 200, crop)] = 9.0
    result = depth_metrics(predicted, truth, cap=10.0, alignment='none', crop=crop)
    assert all(result[k] == (1.0 if k.startswith('delta') else 0.0) for k in METRICS)


@pytest.mark.parametrize(
    ('name', 'kind', 'size', 'rows', 'columns'),
    [
        ('garg', 'driving', (375, 1242), (153, 371), (44, 1197)),
        ('eigen', 'driving', (375, 1242), (124, 342), (44, 1197)),
        ('eigen', 'indoor', (480, 640), (45, 471), (41, 601)),
    ],
)
def test_crops_are_those_of_the_literature(
    name: str, kind: str, size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    y, x = np.nonzero(crop_mask(*size, CROPS[name][kind]))
    assert (y.min(), y.max() + 1) == rows
    assert (x.min(), x.max() + 1) == columns


@pytest.mark.parametrize(
    ('predicted', 'truth', 'kwargs', 'message'),
    [
        (np.ones((4, 4)), np.ones((4, 5)), {}, 'ground truth is'),
        (np.ones((4, 4)), np.zeros((4, 4)), {}, 'no ground truth'),
        (np.full((4, 4), np.nan), np.ones((4, 4)), {}, 'not finite'),
        (np.ones((4, 4)), np.ones((4, 4)), {'alignment': 'best'}, 'unknown alignment'),
    ],
)
def test_what_cannot_be_compared_is_refused(
    predicted: NDArray[np.floating],
    truth: NDArray[np.floating],
    kwargs: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(MetricsError, match=message):
        depth_metrics(predicted, truth, cap=10.0, **kwargs)
