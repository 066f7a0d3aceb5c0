"""The rows of the contact sheet hold what the recorded messages hold."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_frames import HEIGHT, INVALID_ROWS, WIDTH, depth, rgb, structure

from s2r_depth_ros.demo.sheet_rows import read_rows
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
