"""Depth images of any encoding and layout are metres, or refused with the reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.media.pixels import ConversionError

KINDS = {'16UC1': 'u2', 'mono16': 'u2', '32FC1': 'f4', '64FC1': 'f8', ' 32fc1 ': 'f4'}


def image(values: Any, encoding: str, *, big: bool = False, padding: int = 0) -> SimpleNamespace:
    kind = np.dtype(('>' if big else '<') + KINDS[encoding])
    rows = np.ascontiguousarray(values, kind).view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    height, width = np.shape(values)
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, step=data.shape[1], is_bigendian=big,
        data=data.tobytes(),
    )  # fmt: skip


@given(
    encoding=st.sampled_from(sorted(KINDS)),
    big=st.booleans(),
    padding=st.integers(0, 9),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0),
)
def test_depth_is_metres(encoding, big, padding, size, seed) -> None:
    millimetres = np.random.default_rng(seed).integers(1, 65536, size).astype(float)
    unit = 1.0 if KINDS[encoding] == 'u2' else 1e-3
    metres = depth_in_metres(image(millimetres * unit, encoding, big=big, padding=padding))
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, millimetres * 1e-3, rtol=1e-6)


@pytest.mark.parametrize('encoding', ['32FC1', '64FC1'])
def test_what_is_unknown_is_nan(encoding) -> None:
    metres = depth_in_metres(image([[0.0, -1.0, np.nan, np.inf, 2.0]], encoding))
    np.testing.assert_array_equal(metres, [[np.nan, np.nan, np.nan, np.inf, 2.0]])
    np.testing.assert_array_equal(depth_in_metres(image([[0, 1500]], '16UC1')), [[np.nan, 1.5]])


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'encoding': 'rgb8'}, "'rgb8' is no depth: it must be one of 16UC1"),
        ({'encoding': ''}, 'is no depth'),
        ({'data': b'1234'}, 'truncated'),
        ({'step': 3}, 'step'),
        ({'width': 0}, 'empty'),
    ],
)
def test_what_is_no_depth_image_is_named(change, reason) -> None:
    message = image([[1.0, 2.0], [3.0, 4.0]], '32FC1')
    vars(message).update(change)
    with pytest.raises(ConversionError, match=reason):
        depth_in_metres(message)
