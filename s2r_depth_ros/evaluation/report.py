"""What an evaluation found, as one JSON object and as tables of text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import METRICS
from s2r_depth_ros.evaluation.scores import (
    FrameScore,
    Interval,
    ScoreSummary,
    edge_means,
    image_means,
    summarise_scores,
)
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.tables import format_table


def report(
    scores: Sequence[FrameScore], estimator: DepthEstimator, manifest: Path, *, garg: bool = False
) -> dict[str, Any]:
    """Return everything worth keeping about one evaluation, ready for JSON.

    manifest, garg: what the scores were made with.
    """
    return {
        'model': estimator.metadata.name,
        'model_sha256': estimator.metadata.sha256,
        'manifest': manifest.name,
        'manifest_sha256': hashlib.sha256(manifest.read_bytes()).hexdigest(),
        'input_size': list(estimator.input_size),
        'backend': estimator.backend,
        'precision': estimator.precision,
        'caps_m': CAPS,
        'garg_crop': garg,
        'counts': counts(scores),
        'summary': summarise_scores(scores),
        'image_means': image_means(scores),
        'edges_px': edge_means(scores),
        'frames': [asdict(frame_score) for frame_score in scores],
    }


def counts(scores: Sequence[FrameScore]) -> dict[str, dict[str, int]]:
    """Return kind -> how many frames and scenes the scores cover."""
    return {
        kind: {
            'frames': len({s.frame for s in scores if s.kind == kind}),
            'scenes': len({s.scene for s in scores if s.kind == kind}),
        }
        for kind in dict.fromkeys(s.kind for s in scores)
    }


def format_summary(summary: ScoreSummary) -> str:
    """Return the summary as text: one table a kind and alignment, one row a predictor."""
    lines = []
    for kind, alignments in summary.items():
        for alignment, predictors in alignments.items():
            rows = [
                (predictor, *(_cell(errors[name]) for name in METRICS))
                for predictor, errors in predictors.items()
            ]
            lines += [f'{kind}, alignment: {alignment}', format_table(('', *METRICS), rows), '']
    return '\n'.join(lines)


def _cell(value: Interval) -> str:
    return f'{value["mean"]:.3f} [{value["low"]:.3f} {value["high"]:.3f}]'
