"""How far off a model's depth is on frames whose depth is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import MetricsError, depth_metrics
from s2r_depth_ros.evaluation.scores import fill_invalid
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.dataset.format import StoredFrame

FARTHEST = {'indoor': CAPS['indoor'], 'outdoor': CAPS['driving'], 'universal': CAPS['driving']}
"""m that count, by a model's scenes."""

_DOUBT = 2.0  # times as far; in real rooms a model is off by 1.4
# Times as far off; of eight rooms recorded upright a model is off by 0.99 times at least when they
# are turned, of seven of them by 1.4 to 3.4 times when they stand on their head.
_TURNED = 1.2


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
        # A network that training has broken has no depth: it is judged, and as the worst.
        predicted = fill_invalid(estimator.predict(frame.rgb, fx=frame.fx).depth)
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


def turn_doubt(estimator: DepthEstimator, frames: Sequence[Judged], as_they_are: Errors) -> str:
    """Return what is to be said of images on which the model is better once they are turned."""
    turned = [(errors_of(estimator, [_turned(f, n) for f in frames]), 90 * n) for n in (1, 2, 3)]
    best, degrees = min(turned, key=lambda one: one[0].abs_rel_scaled)
    if not _TURNED * best.abs_rel_scaled < as_they_are.abs_rel_scaled:
        return ''
    return (
        f'The model is off by {as_they_are.abs_rel_scaled:.0%} on images as they are, scaled, and '
        f'by {best.abs_rel_scaled:.0%} once they are turned by {degrees} degrees: the camera may '
        'have been on its side or upside down. The node turns such images upright (parameter '
        'level), and what is learnt here is of images as they are: turn images and depth of the '
        'recording, or run the node with level:=never.'
    )


def _turned(frame: Judged, quarters: int) -> Judged:
    rgb, depth = (np.ascontiguousarray(np.rot90(a, quarters)) for a in (frame.rgb, frame.depth))
    return Judged(rgb, depth, frame.fx)
