"""Which moments of a recording are learnt from, and which judge what was learnt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GROUP_S = 120.0  # each has one block to learn from and one to judge by
_GAP_S, _GAP_SHARE = 1.0, 0.02  # neither, on both sides of a block that judges: the least of both


class Blocks(NamedTuple):
    """Masks over the frames of a recording, bool [N]; a frame is in one of them or in neither."""

    learning: NDArray[np.bool_]
    judging: NDArray[np.bool_]


def time_blocks(stamps: ArrayLike, share: float) -> Blocks:
    """Part a recording by time: frames that follow each other are never on both sides.

    stamps: [N], s, of one run, in any order. share: of the time that judges, above 0 and below 1.
    The recording is parted into about two minutes each, of which the last ``share`` judges. At its
    borders frames are left out, as they show what the others show.
    """
    times = np.asarray(stamps, np.float64)
    if not len(times):
        return Blocks(np.zeros(0, bool), np.zeros(0, bool))
    length = float(np.ptp(times))
    groups = max(1, round(length / _GROUP_S))
    group = max(length / groups, 1e-9)
    gap = min(_GAP_S, _GAP_SHARE * group)
    # Within its group; the very last frame belongs to the last group.
    number = np.minimum((times - times.min()) // group, groups - 1)
    within = times - times.min() - number * group
    border = (1 - share) * group
    learning = within < border - gap
    # A judging block lies before the group; at the beginning of the recording there is none.
    learning &= (within >= gap) | (number == 0)
    return Blocks(learning, within >= border)
