from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.metrics import METRICS
from s2r_depth_ros.evaluation.report import format_summary
from s2r_depth_ros.evaluation.scores import (
    FrameScore,
    beats_prior,
    evaluate_frame,
    summarise_scores,
)


def test_a_perfect_predictor_has_no_error_and_a_scaled_one_only_without_scaling(
    manifest: Path,
) -> None:
    frame = read_ground_truth(manifest)[1]
    _, truth = frame.load()

    def twice(rgb: NDArray[np.uint8], fx: float) -> NDArray[np.float32]:
        assert fx == 50.0
        return np.where(truth > 0, 2 * truth, 3.0).astype(np.float32)

    errors = {s.alignment: s.errors for s in evaluate_frame(frame, twice, {})}
    # Without scaling the prediction is clamped to the cap of 10 m.
    assert errors['none']['abs_rel'] == pytest.approx(
        np.mean(np.abs(np.minimum(2 * truth, 10) - truth)[truth > 0] / truth[truth > 0]), rel=1e-5
    )
    for alignment in ('median', 'scale_shift'):
        assert errors[alignment]['scale'] == pytest.approx(0.5)
        assert errors[alignment]['abs_rel'] < 1e-6


def test_invalid_depth_counts_as_wrong_rather_than_not_at_all(manifest: Path) -> None:
    frame = read_ground_truth(manifest)[0]
    _, truth = frame.load()
    holes = truth.copy()
    holes[:20] = np.nan
    score = next(evaluate_frame(frame, lambda rgb, fx: holes, {}))
    assert score.alignment == 'none'
    assert score.errors['delta1'] == pytest.approx(40 / 60, abs=0.01)


def scores(kind: str, predictor: str, values: dict[str, list[float]]) -> list[FrameScore]:
    """One score a frame; values: scene -> abs_rel of its frames."""
    return [
        FrameScore(
            f'{scene}{i}',
            kind,
            scene,
            predictor,
            'median',
            {**dict.fromkeys(METRICS, v), 'scale': 1.0},
        )
        for scene, frames in values.items()
        for i, v in enumerate(frames)
    ]


def test_scenes_weigh_the_same_however_many_frames_they_have() -> None:
    summary = summarise_scores(scores('indoor', 'model', {'a': [0.1, 0.1, 0.1, 0.1], 'b': [0.5]}))
    value = summary['indoor']['median']['model']['abs_rel']
    assert value['mean'] == pytest.approx(0.3)
    assert (value['low'], value['high']) == pytest.approx((0.1, 0.5))
    assert '0.300 [0.100 0.500]' in format_summary(summary)


def test_beating_a_prior_takes_every_kind_that_is_named() -> None:
    good, bad = {'s': [0.2]}, {'s': [0.3]}
    both = ('indoor', 'driving')
    shown = scores('indoor', 'model', good) + scores('indoor', 'row', bad)
    assert beats_prior(summarise_scores(shown), ['indoor'])
    assert not beats_prior(summarise_scores(shown), both)
    shown += scores('driving', 'model', good)
    assert not beats_prior(summarise_scores(shown), both)
    assert beats_prior(summarise_scores(shown + scores('driving', 'row', bad)), both)
    assert not beats_prior(summarise_scores(shown + scores('driving', 'row', {'s': [0.1]})), both)
