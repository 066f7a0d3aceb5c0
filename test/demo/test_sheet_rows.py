"""The rows of the contact sheet hold what the recorded messages hold."""

from __future__ import annotations

import numpy as np
import pytest
import written_bags as bags
from made_up_frames import HEIGHT, INVALID_ROWS, WIDTH, depth, rgb, structure

from s2r_depth_ros.demo.sheet_rows import depth_metres, read_rows
from s2r_depth_ros.rig.recording import Recording


def test_rows_are_whole_frames_spread_over_the_recording(recording: Recording) -> None:
    rows = read_rows(recording, count=3)
    assert len(rows) == 3
    for row, index in zip(rows, (0, 2, 6)):  # of 0 1 2 4 5 6, which alone have everything
        np.testing.assert_array_equal(row.image, rgb(index))
        np.testing.assert_array_equal(row.structure[..., 0], structure(index))
        np.testing.assert_array_equal(row.depth, depth(index))
        assert len(row.points) == len(row.colors) == (HEIGHT - INVALID_ROWS) * WIDTH
        assert row.points[:, 2].min() == pytest.approx(np.nanmin(depth(index)))
        assert tuple(row.colors[0]) == tuple(rgb(index)[0, 0])
    assert '40 ms' in rows[0].caption


@pytest.mark.parametrize('order', ['<', '>'])
def test_millimetre_depth_of_either_byte_order_is_metres(order: str) -> None:
    values = np.array([[1500, 0], [65535, 1]], f'{order}u2')
    message = bags.image(0.0, values, '16UC1')
    message.is_bigendian = int(order == '>')
    metres = depth_metres(message)
    np.testing.assert_allclose(metres, [[1.5, np.nan], [65.535, 0.001]])
