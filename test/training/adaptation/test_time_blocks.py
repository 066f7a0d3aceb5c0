"""Frames that judge are apart in time from those that are learnt from."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_training.adaptation.blocks import time_blocks

_STAMPS = st.lists(st.floats(0, 2000), min_size=2, max_size=200, unique=True)


@given(stamps=_STAMPS, share=st.floats(0.05, 0.9))
def test_no_frame_is_on_both_sides(stamps: list[float], share: float) -> None:
    blocks = time_blocks(stamps, share)
    assert not (blocks.learning & blocks.judging).any()
    order = np.argsort(stamps)
    again = time_blocks(np.array(stamps)[order], share)
    assert np.array_equal(blocks.learning[order], again.learning)
    assert np.array_equal(blocks.judging[order], again.judging)


@given(length=st.floats(1, 1000), share=st.floats(0.1, 0.6), start=st.floats(0, 1e6))
def test_sides_are_apart_by_a_gap_and_have_their_share(
    length: float, share: float, start: float
) -> None:
    stamps = start + np.linspace(0, length, 3000)
    blocks = time_blocks(stamps, share)
    assert abs(blocks.judging.mean() - share) < 0.02
    assert blocks.learning.mean() > 1 - share - 0.1
    learnt, judged = stamps[blocks.learning], stamps[blocks.judging]
    apart = np.abs(learnt[:, None] - judged[None, ::7]).min()
    group = length / max(1, round(length / 120))
    assert apart >= 0.9 * min(1.0, 0.02 * group) - length / 3000
    assert abs(np.diff(blocks.judging.astype(int))).sum() >= 2 * round(length / 120) - 1


def test_nothing_and_a_single_frame() -> None:
    assert not time_blocks([], 0.5).judging.size
    alone = time_blocks([5.0], 0.5)
    assert alone.learning.sum() + alone.judging.sum() <= 1
