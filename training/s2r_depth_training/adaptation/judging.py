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

_DOUBT = 2.0  # times as far; in real rooms a model is off by 1.4


class Judged(NamedTuple):
    """One frame to judge by. fx: px. depth: m, 0 = unknown."""

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    fx: float


class Errors(NamedTuple):
    """Means over frames: as the robot gets depth, and with every frame's scale set right.

    scale: the factor that sets it right, the median over frames.
    """

    abs_rel: float
    delta1: float
    abs_rel_scaled: float
    delta1_scaled: float
    frames: int
    scale: float = 1.0

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
    rows, scales = [], []
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
        scales.append(scaled['scale'])
    if not rows:
        return Errors(np.nan, np.nan, np.nan, np.nan, 0)
    abs_rel, delta1, abs_rel_scaled, delta1_scaled = np.mean(rows, 0).tolist()
    scale = float(np.median(scales))
    return Errors(abs_rel, delta1, abs_rel_scaled, delta1_scaled, len(rows), scale)


def scale_doubt(before: Errors) -> str:
    """Return what is to be said of a recording with a scale that no unit of metres has, else ''."""
    if 1 / _DOUBT < before.scale < _DOUBT:
        return ''
    return (
        f'By the recording things are {before.scale:.2g} times as far as the model said before. '
        'Unless they are, depth is in the wrong unit (32FC1 is metres, 16UC1 millimetres) or '
        'camera_info is of another lens: the new model says what the recording says.'
    )
