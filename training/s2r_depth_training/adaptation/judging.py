"""How far off a model's depth is on frames whose depth is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import MetricsError, depth_metrics
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.dataset.format import StoredFrame

FARTHEST = {'indoor': CAPS['indoor'], 'outdoor': CAPS['driving'], 'universal': CAPS['driving']}
"""m that count, by a model's scenes."""


class Judged(NamedTuple):
    """One frame to judge by. fx: px. depth: m, 0 = unknown."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    fx: float


class Errors(NamedTuple):
    """Means over frames: as the robot gets depth, and with every frame's scale set right."""

    abs_rel: float
    delta1: float
    abs_rel_scaled: float
    delta1_scaled: float
    frames: int

    @property
    def middle(self) -> float:
        """What a run is judged by: the mean of abs_rel with and without scale."""
        return (self.abs_rel + self.abs_rel_scaled) / 2


def recorded(pairs: Iterable[RecordedPair]) -> list[Judged]:
    """Return frames of a recording to judge by."""
    return [Judged(pair.rgb, pair.depth, pair.intrinsics.fx) for pair in pairs]


def rendered(frames: Iterable[StoredFrame]) -> list[Judged]:
    """Return rendered frames to judge by."""
    return [Judged(frame.rgb, frame.depth.astype(np.float32), frame.fx) for frame in frames]


def errors_of(estimator: DepthEstimator, frames: Sequence[Judged]) -> Errors:
    """Return a model's errors, NaN if no frame has depth within what counts."""
    cap = FARTHEST[estimator.metadata.scene]
    rows = []
    for frame in frames:
        predicted = estimator.predict(frame.rgb, fx=frame.fx).depth
        try:
            plain, scaled = (
                depth_metrics(predicted, frame.depth, cap=cap, alignment=alignment)
                for alignment in ('none', 'median')
            )
        except MetricsError:  # nothing known within the cap
            continue
        rows.append([plain['abs_rel'], plain['delta1'], scaled['abs_rel'], scaled['delta1']])
    if not rows:
        return Errors(np.nan, np.nan, np.nan, np.nan, 0)
    abs_rel, delta1, abs_rel_scaled, delta1_scaled = np.mean(rows, 0).tolist()
    return Errors(abs_rel, delta1, abs_rel_scaled, delta1_scaled, len(rows))
