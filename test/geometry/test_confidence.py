from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from source_files import ROOT

from s2r_depth_ros.geometry.cleaning import (
    INDOOR_CONFIDENCE,
    OUTDOOR_CONFIDENCE,
    ConfidenceCurve,
    ConfidenceFilter,
)
from s2r_depth_ros.geometry.settings import FilterError

images = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=200),
    elements=st.floats(width=32),
    fill=st.just(1.5),
)


@given(images, st.sampled_from([INDOOR_CONFIDENCE, OUTDOOR_CONFIDENCE]), st.floats(0, 1))
def test_confidence_is_a_chance_and_drops_what_is_below(
    depth: np.ndarray, curve: ConfidenceCurve, threshold: float
) -> None:
    result = depth.copy()
    confidence = ConfidenceFilter(curve, threshold).apply(result)
    assert confidence.shape == depth.shape
    assert ((confidence >= 0) & (confidence <= 1)).all()
    real = np.isfinite(depth) & (depth >= np.finfo(np.float32).tiny)
    assert (confidence[~real] == 0).all()
    kept = confidence >= np.float32(threshold)
    np.testing.assert_array_equal(result[kept], depth[kept])
    assert np.isnan(result[~kept]).all() or threshold == 0


@pytest.mark.parametrize('curve', [INDOOR_CONFIDENCE, OUTDOOR_CONFIDENCE])
def test_edges_are_less_sure_than_flat_surfaces(curve: ConfidenceCurve) -> None:
    depth = np.full((120, 160), 2.0, np.float32)
    depth[:, 80:] = 2.4
    confidence = ConfidenceFilter(curve).apply(depth)
    assert confidence[:, 78:82].max() < confidence[:, 20:60].min()
    assert confidence[60, 40] > 0.5


@given(st.integers(-4, 4))
def test_scale_does_not_matter(power: int) -> None:
    depth = np.random.default_rng(3).uniform(1, 5, (60, 80)).astype(np.float32)
    curve = ConfidenceFilter(INDOOR_CONFIDENCE)
    scaled = curve.apply(depth * np.float32(2.0**power))
    np.testing.assert_allclose(scaled, curve.apply(depth), atol=1e-4)


def test_one_filter_takes_images_of_any_size() -> None:
    confidence = ConfidenceFilter(INDOOR_CONFIDENCE)
    for shape in ((480, 640), (1, 640), (480, 1), (1, 1), (480, 640)):
        assert confidence.apply(np.full(shape, 2.0, np.float32)).shape == shape


@pytest.mark.parametrize('threshold', [-0.1, 1.1, math.nan])
def test_an_impossible_threshold_is_named(threshold: float) -> None:
    with pytest.raises(FilterError, match=r'confidence\.min is'):
        ConfidenceFilter(INDOOR_CONFIDENCE, threshold)


@pytest.mark.parametrize(
    ('scene', 'curve'), [('indoor', INDOOR_CONFIDENCE), ('outdoor', OUTDOOR_CONFIDENCE)]
)
def test_the_curves_are_those_that_were_fitted(scene: str, curve: ConfidenceCurve) -> None:
    fitted = json.loads((ROOT / f'benchmarks/confidence_{scene}.json').read_text())
    assert list(curve) == fitted['package_curve']
