"""Point clouds of any layout are read, or refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from foreign_clouds import DATATYPES, cloud_message, foreign_cloud
from sensor_msgs.msg import PointCloud2

from s2r_depth_ros.media.point_clouds import CloudError, coordinates, structured_points

LAYOUTS = st.fixed_dictionaries(
    {
        'kind': st.sampled_from(sorted(DATATYPES)),
        'big': st.booleans(),
        'order': st.permutations('xyz').map(''.join),
        'before': st.integers(0, 9),
        'after': st.integers(0, 9),
        'row_padding': st.integers(0, 9),
    }
)


def read(cloud: PointCloud2) -> Any:
    return coordinates(structured_points(cloud, 'xyz'))


@given(layout=LAYOUTS, size=st.tuples(st.integers(0, 4), st.integers(0, 5)), seed=st.integers(0))
def test_points_of_any_layout_are_read(layout, size, seed) -> None:
    points = np.random.default_rng(seed).integers(0, 100, (*size, 3)).astype(float)
    cloud = cloud_message(points, **layout)
    np.testing.assert_array_equal(read(cloud), points.reshape(-1, 3))


@given(layout=LAYOUTS, cut=st.integers(1, 50))
def test_what_comes_after_the_points_is_of_no_account(layout, cut) -> None:
    points = np.arange(12.0).reshape(2, 2, 3)
    cloud = cloud_message(points, **layout)
    # The padding of the last row may be missing, and more may follow.
    short = cloud.data[: len(cloud.data) - layout['row_padding']]
    for data in (short, cloud.data + cloud.data[:1] * cut):
        cloud.data = data
        np.testing.assert_array_equal(read(cloud), points.reshape(-1, 3))


def test_of_one_row_the_step_may_be_left_out() -> None:
    cloud = cloud_message(np.arange(6.0).reshape(2, 3))
    cloud.row_step = 0
    assert read(cloud).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda c: setattr(c, 'data', c.data[:-6]), 'truncated'),
        (lambda c: setattr(c, 'width', 200), 'truncated'),
        (lambda c: setattr(c, 'height', 3), 'truncated'),
        (lambda c: setattr(c, 'row_step', 5), 'truncated'),
        (lambda c: setattr(c, 'fields', []), 'no field x; its fields: none'),
        (lambda c: setattr(c, 'fields', c.fields[:2]), 'no field y'),
        (lambda c: setattr(c.fields[0], 'datatype', 9), 'unknown datatype 9'),
        (lambda c: setattr(c.fields[0], 'offset', 28), 'ends at byte 36'),
        (lambda c: setattr(c, 'point_step', 8), 'point_step is 8'),
        (lambda c: setattr(c, 'point_step', 0), 'point_step is 0'),
        (lambda c: setattr(c, 'point_step', 2**31), 'a point of 2147483648 bytes'),
        (lambda c: setattr(c.fields[1], 'count', 2), 'count above 1'),
    ],
)
def test_impossible_clouds_are_named(change, reason) -> None:
    cloud = foreign_cloud()
    change(cloud)
    with pytest.raises(CloudError, match=reason):
        read(cloud)


def test_a_cloud_without_fields_is_named() -> None:
    with pytest.raises(CloudError, match='no fields'):
        structured_points(PointCloud2(width=1, height=1))
