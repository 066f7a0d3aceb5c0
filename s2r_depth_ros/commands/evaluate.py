"""``evaluate``: score a model, or depth maps of any tool, on images with ground truth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.contact_sheet import contact_sheet
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, read_ground_truth
from s2r_depth_ros.evaluation.metrics import CROPS
from s2r_depth_ros.evaluation.parts import CONSTANT, FORMULA, score_parts
from s2r_depth_ros.evaluation.predictions import find_predictions, score_predictions, unused
from s2r_depth_ros.evaluation.priors import PRIORS, DepthPrior, load_priors
from s2r_depth_ros.evaluation.protocols import EVAL, MEANS, NO_CROP, PROTOCOLS, Protocol
from s2r_depth_ros.evaluation.report import (
    TABLE_SUFFIXES,
    format_for_paper,
    format_summary,
    report,
)
from s2r_depth_ros.evaluation.scores import FrameScore, score
from s2r_depth_ros.files import check_output, write_atomically, write_json
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.writers import PICTURE_SUFFIXES, write_color_picture
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.option_values import positive

_TAKEN = ('model', *PRIORS, FORMULA, CONSTANT)
_FAR_OFF = 50.0  # times the truth: no network is, but a wrong unit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        '--manifest', required=True, type=Path, help='manifest.json of images with ground truth'
    )
    # Without a default, which would be scored by oversight.
    parser.add_argument('--model', help=arguments.MODEL_HELP)
    parser.add_argument(
        '--predictions', action='append', default=[], metavar='[NAME=]DIR',
        help='score depth maps of any tool, ID.npy or ID.png of 16 bits; repeatable',
    )  # fmt: skip
    parser.add_argument(
        '--unit', type=partial(positive, unit='metres'), metavar='M',
        help='metres of one in predictions of whole numbers, such as PNG',
    )  # fmt: skip
    _add_protocol(parser)
    arguments.add_json(parser)
    parser.add_argument(
        '--table', type=Path, help='write the means here, as Markdown or LaTeX (.md or .tex)'
    )
    parser.add_argument('--sheet', type=Path, help='write a contact sheet here (.png or .jpg)')
    parser.add_argument(
        '--priors', type=Path, help='priors.npz; default: the one beside the model, if any'
    )
    parser.add_argument(
        '--parts', action='store_true', help='also score it without what STE or DSA has learnt'
    )
    arguments.add_device(parser)
    arguments.add_precision(parser)
    # Not auto: scores are the same wherever they are computed.
    arguments.add_backend(parser, default='torch')


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--protocol', choices=PROTOCOLS, default=EVAL.name,
        help="what counts: eval, or the paper's of a test set (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        '--cap', type=partial(positive, unit='metres'), metavar='M',
        help="farthest truth that counts, in place of the protocol's",
    )  # fmt: skip
    parser.add_argument(
        '--crop', choices=(NO_CROP, *CROPS), help="what is cut to, in place of the protocol's"
    )
    parser.add_argument('--means', choices=MEANS, help="over what, in place of the protocol's")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the tables and write what was asked; return the exit status.

    Raises UserError for a manifest, model, image, depth map or output that cannot be used.
    """
    _check(args)
    frames, protocol = read_ground_truth(args.manifest), _protocol(args)
    _tell(protocol.check(frames))
    maps = {name: (path, find_predictions(path, frames)) for name, path in _named(args.predictions)}
    for path, found in maps.values():
        _tell(unused(path, found))
    estimator: DepthEstimator | None = None
    scores: list[FrameScore] = []
    if args.model:
        estimator, scores = _score_model(args, frames, protocol)
    for name, (_, found) in maps.items():
        own = score_predictions(name, found, args.unit, frames, protocol)
        _tell(_far_off(name, own))
        scores += own
    results = report(scores, estimator, args.manifest, protocol)
    if args.json:
        write_json(args.json, results)
    if args.table:
        text = format_for_paper(results['summary'], protocol, args.table.suffix.lower())
        write_atomically(args.table, text.encode())
    if args.sheet and estimator:
        write_color_picture(args.sheet, contact_sheet(estimator, frames, protocol))
    print(format_summary(results['summary']))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raise UserError for outputs that cannot be written and options that do not fit."""
    outputs = ((args.json, ()), (args.sheet, PICTURE_SUFFIXES), (args.table, TABLE_SUFFIXES))
    for path, suffixes in outputs:
        if path:
            check_output(path, suffixes)
    if not args.model and not args.predictions:
        raise UserError('nothing to score: give --model, --predictions or both')
    for option in ('sheet', 'priors', 'parts'):
        if getattr(args, option) and not args.model:
            raise UserError(f'--{option} is about a model: give --model, too')
    if args.unit and not args.predictions:
        raise UserError('--unit is about --predictions; there are none')


def _protocol(args: argparse.Namespace) -> Protocol:
    """Return the protocol with what the command line says in its place."""
    protocol = PROTOCOLS[args.protocol]
    if args.cap:
        protocol = replace(protocol, caps=dict.fromkeys(protocol.caps, args.cap))
    return replace(protocol, crop=args.crop or protocol.crop, means=args.means or protocol.means)


def _named(predictions: Sequence[str]) -> list[tuple[str, Path]]:
    """Return name and folder of [NAME=]DIR. Raises UserError for a name that is there already."""
    named: dict[str, Path] = {}
    for text in predictions:
        name, equals, folder = text.partition('=')
        if not equals or Path(text).is_dir():
            name, folder = Path(text).resolve().name, text
        if not name or name in named or name in _TAKEN:
            raise UserError(f'--predictions {text}: {name!r} is taken; give NAME=DIR another NAME')
        named[name] = Path(folder)
    return list(named.items())


def _score_model(
    args: argparse.Namespace, frames: Sequence[GroundTruthFrame], protocol: Protocol
) -> tuple[DepthEstimator, list[FrameScore]]:
    model = find_model(args.model)
    priors = _priors(args.priors, model)
    estimator = DepthEstimator(
        model, device=args.device, precision=args.precision, backend=args.backend
    )
    print(estimator.summary())
    scores = score(estimator, frames, priors, protocol)
    if args.parts:
        scores += score_parts(model, frames, protocol)
    return estimator, scores


def _far_off(name: str, scores: Sequence[FrameScore]) -> str | None:
    """Return a hint at a wrong unit where depths are far from the truth's, else None."""
    scale = float(np.median([s.errors['scale'] for s in scores if s.alignment == 'median']))
    if 1 / _FAR_OFF < scale < _FAR_OFF:
        return None
    return (
        f'{name}: true depths are {scale:.3g} times these; is it metres, or the right --unit? '
        'Median-scaled errors do not depend on it'
    )


def _tell(note: str | None) -> None:
    if note:
        print(f'evaluate: {note}', file=sys.stderr)


def _priors(path: Path | None, model: Path) -> dict[str, DepthPrior]:
    """Return the priors of the file ``path``, by default the one beside the model, if any."""
    if path is None:
        path = model.with_name('priors.npz')
        if not path.exists():
            _tell(f'no {path}, so no priors beside the model')
            return {}
    return load_priors(path)
