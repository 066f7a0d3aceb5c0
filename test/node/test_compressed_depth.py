"""Depth as image_transport's compressedDepth, read back by the formula of its plugin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from image_transport_format import decoded_depth
from std_msgs.msg import Header

from s2r_depth_ros.node.compressed_depth import compressed_depth


def _check(depth: NDArray[np.float32]) -> None:
    message = compressed_depth(Header(frame_id='camera'), depth)
    assert message.header.frame_id == 'camera'
    back = decoded_depth(message)
    valid = np.isfinite(depth) & (depth > 0)
    if valid.any():
        valid &= depth >= depth[valid].max() / 1000
    assert np.array_equal(np.isfinite(back), valid)
    np.testing.assert_allclose(back[valid], depth[valid], rtol=0.01)
    if valid.any():
        # Half a level, and the arithmetic of float32.
        near, far = depth[valid].min().astype(float), depth[valid].max().astype(float)
        inverse = (1 / near - 1 / far) / 65534
        error = np.abs(1 / back[valid].astype(float) - 1 / depth[valid].astype(float))
        assert error.max() <= 0.51 * inverse + 1e-6 / near


_SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))
_ODD = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 5.0, 1e-3, 80.0])


@given(
    st.floats(0.125, 10, width=32).flatmap(
        lambda near: arrays(
            np.float32, _SHAPES, elements=st.floats(near, 8 * near, width=32) | _ODD
        )
    )
)
def test_metres_come_back_and_invalid_ones_are_nan(depth: NDArray[np.float32]) -> None:
    _check(depth)


@pytest.mark.parametrize('values', [[5.0], [np.nan], [0.0], [3.0, 3.0], [1.0, 1.0000001]])
def test_flat_and_empty_images_come_back(values: list[float]) -> None:
    _check(np.array([values], np.float32))


@given(arrays(np.uint16, _SHAPES))
def test_millimetres_come_back_unchanged(depth: NDArray[np.uint16]) -> None:
    assert np.array_equal(decoded_depth(compressed_depth(Header(), depth)), depth)


def test_a_room_comes_back_within_millimetres() -> None:
    depth = np.geomspace(0.3, 10, 640 * 480, dtype=np.float32).reshape(480, 640)
    error = np.abs(decoded_depth(compressed_depth(Header(), depth)) - depth)
    assert error.max() < 0.003
    assert error[depth < 2].max() < 0.0002
