"""``evaluate``: score a model on real images with ground truth, beside priors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.evaluation.contact_sheet import contact_sheet
from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.parts import score_parts
from s2r_depth_ros.evaluation.priors import DepthPrior, load_priors
from s2r_depth_ros.evaluation.report import format_summary, report
from s2r_depth_ros.evaluation.scores import score
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.writers import PICTURE_SUFFIXES, write_color_picture
from s2r_depth_ros.network.registry import find_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        '--manifest', required=True, type=Path, help='manifest.json of images with ground truth'
    )
    # Required here: the default would be scored by oversight.
    parser.add_argument('--model', required=True, help=arguments.MODEL_HELP)
    arguments.add_json(parser)
    parser.add_argument('--sheet', type=Path, help='write a contact sheet here (.png or .jpg)')
    parser.add_argument(
        '--priors', type=Path, help='priors.npz; default: the one beside the model, if any'
    )
    parser.add_argument(
        '--garg-crop', action='store_true', help='crop driving frames as Garg et al. do'
    )
    parser.add_argument(
        '--parts', action='store_true', help='also score it without what STE or DSA has learnt'
    )
    arguments.add_device(parser)
    arguments.add_precision(parser)
    # Not auto: scores are the same wherever they are computed.
    arguments.add_backend(parser, default='torch')


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the tables and write what was asked; return the exit status.

    Raises UserError for a manifest, model, image or output that cannot be used.
    """
    if args.json:
        check_output(args.json)
    if args.sheet:
        check_output(args.sheet, PICTURE_SUFFIXES)
    frames = read_ground_truth(args.manifest)
    model = find_model(args.model)
    priors = _priors(args.priors, model)
    estimator = DepthEstimator(
        model, device=args.device, precision=args.precision, backend=args.backend
    )
    print(estimator.summary())
    scores = score(estimator, frames, priors, garg=args.garg_crop)
    if args.parts:
        scores += score_parts(model, frames, garg=args.garg_crop)
    results = report(scores, estimator, args.manifest, garg=args.garg_crop)
    if args.json:
        write_json(args.json, results)
    if args.sheet:
        write_color_picture(args.sheet, contact_sheet(estimator, frames))
    print(format_summary(results['summary']))
    return 0


def _priors(path: Path | None, model: Path) -> dict[str, DepthPrior]:
    """Return the priors of the file ``path``, by default the one beside the model, if any."""
    if path is None:
        path = model.with_name('priors.npz')
        if not path.exists():
            print(f'evaluate: no {path}, so no priors beside the model', file=sys.stderr)
            return {}
    return load_priors(path)
