"""Models on rendered scenes that none of them has learnt from, as a robot gets their depth.

    held_out.py --models indoor-s indoor-m --json benchmarks/held_out/indoor.json \
        --sets rooms/manifest.json worlds/small_house/manifest.json
    held_out.py --models outdoor-s outdoor-m --cap 80 --json benchmarks/held_out/outdoor.json \
        --sets streets/manifest.json worlds/citysim/manifest.json

Each set is one for judging only (s2r_train render --validation 1, seeds from 900,000, that no
ledger has reached). Which worlds a model has learnt from its card says. Errors and edges are those
of ``evaluate``; means and intervals over scenes, edges over frames.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from comparison_of_stages.results import KEPT
from comparison_of_stages.tables import cell
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.boundaries import boundary_errors
from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.evaluation.scores import (
    FrameScore,
    edge_means,
    fill_invalid,
    summarise_scores,
)
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.option_values import positive
from s2r_depth_ros.tables import format_markdown_table
from s2r_depth_training.dataset.format import VALIDATION, read_shards

LEAST = 0.3
"""Share of the pixels within the cap that a frame needs to be judged."""


class HeldOutView(NamedTuple):
    """A view of a scene. rgb: uint8 [H, W, 3]. depth: float32 [H, W], m, 0 unknown. fx: px."""

    id: str
    set: str
    scene: str
    fx: float
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--models', nargs='+', required=True, help='names or files')
    parser.add_argument('--sets', nargs='+', type=Path, required=True, help='manifests')
    metres = partial(positive, unit='metres')
    parser.add_argument('--cap', type=metres, default=CAPS['indoor'], help='default: %(default)s m')
    parser.add_argument('--json', type=Path, required=True, help='file to write')
    args = parser.parse_args()
    return reported(lambda: run(args), 'held_out')


def run(args: argparse.Namespace) -> None:
    """Judge all models, print the table, write the JSON. Raises UserError for what cannot be."""
    check_output(args.json)
    torch.set_num_threads(1)
    models = [find_model(name) for name in args.models]
    frames = [frame for path in args.sets for frame in frames_of(path, args.cap)]
    if missing := {p.parent.name for p in args.sets} - {frame.set for frame in frames}:
        raise UserError(
            f'{min(missing)} has no held-out frame with depth within {args.cap:g} m; '
            'render one with --validation 1'
        )
    result = {'cap_m': args.cap, 'models': [judged(path, frames, args.cap) for path in models]}
    write_json(args.json, result)
    print(table(result))


def frames_of(manifest: Path, cap: float) -> Iterator[HeldOutView]:
    """Yield the validation frames of a set that show enough within the cap, m.

    Raises DataError for a set that cannot be read.
    """
    name = manifest.resolve().parent.name
    for number, shard in enumerate(read_shards(manifest, VALIDATION)):
        for i, scene in enumerate(shard.arrays['scene']):
            frame = shard.frame(i)
            depth = frame.depth.astype(np.float32)
            if ((depth > 0) & (depth < cap)).mean() >= LEAST:
                yield HeldOutView(
                    f'{name}/{number}/{i}', name, str(scene), frame.fx, frame.rgb, depth
                )


def judged(model: Path, frames: list[HeldOutView], cap: float) -> dict[str, Any]:
    """Return what a model's file says it is, and its errors on each set."""
    estimator = DepthEstimator(model, device='cpu', backend='torch')
    scores = [score for frame in frames for score in scores_of(estimator, frame, cap)]
    summary, edges = summarise_scores(scores), edge_means(scores)
    return {
        'model': estimator.metadata.name,
        'model_sha256': estimator.metadata.sha256,
        'input_size': list(estimator.input_size),
        'sets': {
            name: {
                'frames': len({s.frame for s in scores if s.kind == name}),
                'scenes': len({s.scene for s in scores if s.kind == name}),
                **{a: {k: rows['model'][k] for k in KEPT} for a, rows in alignments.items()},
                'edges_px': edges.get(name, {}).get('model'),
            }
            for name, alignments in summary.items()
        },
    }


def scores_of(estimator: DepthEstimator, frame: HeldOutView, cap: float) -> Iterator[FrameScore]:
    """Yield the errors on one frame, unscaled and median-scaled."""
    depth = fill_invalid(estimator.predict(frame.rgb, fx=frame.fx).depth)
    edges = boundary_errors(depth, frame.depth)
    for alignment in ('none', 'median'):
        errors = depth_metrics(depth, frame.depth, cap=cap, alignment=alignment)
        yield FrameScore(frame.id, frame.set, frame.scene, 'model', alignment, errors, edges)


def table(result: dict[str, Any]) -> str:
    """Return the result as Markdown: a row a set and model."""
    header = ('set', 'model', 'unscaled', 'median-scaled', 'edges, px: there, back')
    rows = []
    for name in result['models'][0]['sets']:
        for model in result['models']:
            values = model['sets'][name]
            errors = [_pair(values[alignment]) for alignment in ('none', 'median')]
            edges = values['edges_px']
            cell = f'{edges["accuracy"]:.1f}, {edges["completeness"]:.1f}' if edges else ''
            of = f'{name}: {values["frames"]} views of {values["scenes"]} scenes'
            rows.append((of, model['model'], *errors, cell))
    return format_markdown_table(header, rows)


def _pair(values: dict[str, Any]) -> str:
    error, delta = (values[key] for key in KEPT)
    return f'{cell(error)} / {delta["mean"]:.3f}'


if __name__ == '__main__':
    sys.exit(main())
