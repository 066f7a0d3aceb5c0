"""A model's errors on real images beside the priors', by the protocol of docs/network.md 5.

Errors are averaged over the frames of a scene, then over the scenes of a kind, so that a long
recording of one room does not outweigh the rest; intervals come from resampling scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.boundaries import BoundaryErrors, boundary_errors
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, ManifestError
from s2r_depth_ros.evaluation.metrics import (
    ALIGNMENTS,
    METRICS,
    MIN_DEPTH,
    MetricsError,
    depth_metrics,
)
from s2r_depth_ros.evaluation.priors import PRIOR_OF_KIND, PRIORS, DepthPrior
from s2r_depth_ros.evaluation.protocols import EVAL, Protocol
from s2r_depth_ros.inference.estimator import DepthEstimator

# Of the bootstrap; the seed is fixed so that the same scores give the same intervals.
_RESAMPLINGS, _SEED = 2000, 0

DepthMap = NDArray[np.float32]
Predictor = Callable[[NDArray[np.uint8], float], DepthMap]
"""From an image uint8 [H, W, 3] RGB and its fx in px to depth float32 [H, W] m, NaN = invalid."""


@dataclass(frozen=True)
class FrameScore:
    """The errors of one predictor (``model`` or a prior) on one frame under one alignment.

    errors: the METRICS and ``scale``, the factor that the alignment applied.
    """

    frame: str
    kind: str
    scene: str
    predictor: str
    alignment: str
    errors: dict[str, float]
    edges: BoundaryErrors | None = None
    """Where the truth is dense, whatever the alignment."""


class Interval(TypedDict):
    """A mean over scenes and the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


ScoreSummary = dict[str, dict[str, dict[str, dict[str, Interval]]]]
"""Kind -> alignment -> predictor -> metric -> interval."""


def score(
    estimator: DepthEstimator,
    frames: Sequence[GroundTruthFrame],
    priors: Mapping[str, DepthPrior],
    protocol: Protocol = EVAL,
) -> list[FrameScore]:
    """Return the errors of the model and of the priors on every frame.

    The parameters and errors raised are those of ``evaluate_frame``.
    """

    def predictor(rgb: NDArray[np.uint8], fx: float) -> DepthMap:
        return estimator.predict(rgb, fx=fx).depth

    return [s for frame in frames for s in evaluate_frame(frame, predictor, priors, protocol)]


def evaluate_frame(
    frame: GroundTruthFrame,
    predictor: Predictor,
    priors: Mapping[str, DepthPrior],
    protocol: Protocol = EVAL,
    name: str = 'model',
) -> Iterator[FrameScore]:
    """Yield the errors of the predictor and of the priors on ``frame``, for every alignment.

    priors: kind of prior -> prior; without the one of the frame's kind only ``predictor`` is
    scored. name: what the scores call it. Raises ManifestError if the frame has no ground truth to
    compare with.
    """
    rgb, truth = frame.load()
    height, width = truth.shape
    predictions = {name: fill_invalid(predictor(rgb, frame.fx))}
    prior = priors.get(PRIOR_OF_KIND[frame.kind])
    if prior is not None:
        predictions.update({one: prior.predict(one, height, width, frame.fx) for one in PRIORS})
    cap, crop = protocol.caps[frame.kind], protocol.crop_of(frame.kind)
    for called, depth in predictions.items():
        edges = boundary_errors(depth, truth)
        for alignment in ALIGNMENTS:
            try:
                errors = depth_metrics(depth, truth, cap=cap, alignment=alignment, crop=crop)
            except MetricsError as error:
                raise ManifestError(f'frame {frame.id}: {error}') from error
            yield FrameScore(frame.id, frame.kind, frame.scene, called, alignment, errors, edges)


def fill_invalid(depth: DepthMap) -> DepthMap:
    """Replace NaN by the nearest depth that counts, so that leaving pixels out is no advantage."""
    return np.where(np.isfinite(depth), depth, MIN_DEPTH).astype(np.float32)


def summarise_scores(scores: Sequence[FrameScore], means: str = 'scenes') -> ScoreSummary:
    """Average the scores over scenes, or over ``images``, which intervals are drawn of, too.

    With a single one the bounds of the intervals equal the mean.
    """
    summary: ScoreSummary = {}
    for kind, alignment, predictor in dict.fromkeys(
        (s.kind, s.alignment, s.predictor) for s in scores
    ):
        chosen = [
            s for s in scores if (s.kind, s.alignment, s.predictor) == (kind, alignment, predictor)
        ]
        summary.setdefault(kind, {}).setdefault(alignment, {})[predictor] = {
            metric: interval(values) for metric, values in _means(chosen, means).items()
        }
    return summary


def image_means(scores: Sequence[FrameScore]) -> dict[str, dict[str, dict[str, float]]]:
    """Return kind -> predictor -> METRICS, median-scaled, averaged over images: the paper's way."""
    means: dict[str, dict[str, dict[str, float]]] = {}
    for kind, predictor, own in _median_scaled(scores):
        means.setdefault(kind, {})[predictor] = {
            metric: float(np.mean([s.errors[metric] for s in own])) for metric in METRICS
        }
    return means


def edge_means(scores: Sequence[FrameScore]) -> dict[str, dict[str, dict[str, float]]]:
    """Return kind -> predictor -> ``images`` and boundary errors, px, averaged over them.

    Kinds of which no image has dense truth are left out.
    """
    means: dict[str, dict[str, dict[str, float]]] = {}
    for kind, predictor, own in _median_scaled(scores):
        edges = [s.edges for s in own if s.edges]
        if edges:
            accuracy, completeness = np.mean(edges, 0)
            means.setdefault(kind, {})[predictor] = {
                'images': len(edges),
                'accuracy': float(accuracy),
                'completeness': float(completeness),
            }
    return means


def _median_scaled(
    scores: Sequence[FrameScore],
) -> Iterator[tuple[str, str, list[FrameScore]]]:
    """Yield kind, predictor and their median-scaled scores."""
    for kind, predictor in dict.fromkeys((s.kind, s.predictor) for s in scores):
        wanted = (kind, predictor, 'median')
        yield kind, predictor, [s for s in scores if (s.kind, s.predictor, s.alignment) == wanted]


def beats_prior(summary: Mapping[str, Any], kinds: Sequence[str]) -> bool:
    """Return whether the model's median-scaled abs_rel is below the row prior's on all ``kinds``.

    summary: a ScoreSummary, or one read back from JSON. Without one of the kinds, or without
    priors, the answer is False: nothing was shown.
    """
    try:
        rows = [summary[kind]['median'] for kind in kinds]
        return all(r['model']['abs_rel']['mean'] < r['row']['abs_rel']['mean'] for r in rows)
    except KeyError:
        return False


def _means(scores: Sequence[FrameScore], means: str) -> dict[str, NDArray[np.float64]]:
    """Return metric -> the mean of every scene, or of every one of the ``images``."""
    groups: dict[str, list[FrameScore]] = {}
    for one in scores:
        groups.setdefault(one.scene if means == 'scenes' else one.frame, []).append(one)
    return {
        metric: np.array([np.mean([s.errors[metric] for s in group]) for group in groups.values()])
        for metric in (*METRICS, 'scale')
    }


def interval(means: NDArray[np.float64]) -> Interval:
    """Return the mean of [n] scenes and the bounds of its 95 % bootstrap interval."""
    size = (_RESAMPLINGS, len(means))
    draws = np.random.default_rng(_SEED).integers(len(means), size=size)
    low, high = np.percentile(means[draws].mean(1), (2.5, 97.5))
    return {'mean': float(means.mean()), 'low': float(low), 'high': float(high)}
