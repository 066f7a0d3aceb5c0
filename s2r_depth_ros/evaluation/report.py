"""What an evaluation found, as one JSON object and as tables of text, Markdown or LaTeX."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from s2r_depth_ros.evaluation.metrics import METRICS
from s2r_depth_ros.evaluation.protocols import EVAL, Protocol
from s2r_depth_ros.evaluation.scores import (
    FrameScore,
    Interval,
    ScoreSummary,
    edge_means,
    image_means,
    summarise_scores,
)
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.tables import format_latex_table, format_markdown_table, format_table

TABLE_SUFFIXES = ('.md', '.tex')


def report(
    scores: Sequence[FrameScore],
    estimator: DepthEstimator | None,
    manifest: Path,
    protocol: Protocol = EVAL,
) -> dict[str, Any]:
    """Return everything worth keeping about one evaluation, ready for JSON.

    estimator: None where only predictions from files were scored. manifest, protocol: what the
    scores were made with.
    """
    return {
        **({} if estimator is None else _facts(estimator)),
        'manifest': manifest.name,
        'manifest_sha256': hashlib.sha256(manifest.read_bytes()).hexdigest(),
        'protocol': protocol.name,
        'caps_m': dict(protocol.caps),
        'crop': protocol.crop,
        'means': protocol.means,
        'counts': counts(scores),
        'summary': summarise_scores(scores, protocol.means),
        'image_means': image_means(scores),
        'edges_px': edge_means(scores),
        'frames': [asdict(frame_score) for frame_score in scores],
    }


def _facts(estimator: DepthEstimator) -> dict[str, Any]:
    return {
        'model': estimator.metadata.name,
        'model_sha256': estimator.metadata.sha256,
        'input_size': list(estimator.input_size),
        'backend': estimator.backend,
        'precision': estimator.precision,
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


class _Table(NamedTuple):
    """One kind and alignment: a row a predictor, which begins with its name."""

    kind: str
    alignment: str
    rows: dict[str, list[Interval]]


def _tables(summary: ScoreSummary) -> Iterator[_Table]:
    for kind, alignments in summary.items():
        for alignment, predictors in alignments.items():
            rows = {name: [errors[m] for m in METRICS] for name, errors in predictors.items()}
            yield _Table(kind, alignment, rows)


def format_summary(summary: ScoreSummary) -> str:
    """Return the summary as text, with intervals: one table a kind and alignment."""
    lines = []
    for kind, alignment, rows in _tables(summary):
        cells = [(name, *map(_cell, values)) for name, values in rows.items()]
        lines += [f'{kind}, alignment: {alignment}', format_table(('', *METRICS), cells), '']
    return '\n'.join(lines)


def _cell(value: Interval) -> str:
    return f'{value["mean"]:.3f} [{value["low"]:.3f} {value["high"]:.3f}]'


def format_for_paper(summary: ScoreSummary, protocol: Protocol, suffix: str) -> str:
    """Return the means as tables in Markdown or LaTeX, by a ``suffix`` of TABLE_SUFFIXES."""
    formatted = format_latex_table if suffix == '.tex' else format_markdown_table
    parts = []
    for kind, alignment, rows in _tables(summary):
        title = f'{kind}, alignment: {alignment}, {protocol.describe(kind)}'
        # Of what would end a cell; LaTeX's own are dealt with below.
        names = {name: name if suffix == '.tex' else name.replace('|', r'\|') for name in rows}
        cells = [(names[n], *(f'{v["mean"]:.3f}' for v in values)) for n, values in rows.items()]
        parts += [
            f'% {title}' if suffix == '.tex' else f'{title}:\n',
            formatted(('', *METRICS), cells) + '\n',
        ]
    return '\n'.join(parts)
