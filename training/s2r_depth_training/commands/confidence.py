"""``confidence``: put into a model's file how likely its depths are right."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_training.runs.confidence import write_confidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model', type=Path, help='model file')
    parser.add_argument(
        '--data',
        type=Path,
        nargs='+',
        required=True,
        metavar='MANIFEST',
        help='manifest.json of scenes that it has not learnt from (render --validation 1)',
    )


def run(args: argparse.Namespace) -> None:
    """Fit the curve, write the file, and print what was written."""
    metadata = write_confidence(args.model, args.data)
    print(f'{args.model}: confidence curve {tuple(metadata.confidence_curve or ())}')
