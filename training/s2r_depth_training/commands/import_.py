"""``import``: a public data set, or a folder of colour and depth, becomes a training set.

The same command goes on where it was cut off.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tqdm import tqdm

from s2r_depth_ros.option_values import count, share
from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.commands.data_set_arguments import add_data_set, wanted
from s2r_depth_training.dataset.bags import warn
from s2r_depth_training.importing.entries import SetFrame
from s2r_depth_training.importing.import_set import IMPORTERS, import_set


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data_set(parser, IMPORTERS)
    add_out(parser, 'folder of the training set')
    parser.add_argument(
        '--validation', type=share, default=0.05, help='share of the scenes to judge by; 1: all'
    )
    parser.add_argument('--width', type=count, default=640, help='shrink to this width, px')


def run(args: argparse.Namespace) -> None:
    """Write the training set, and print the path of its manifest."""
    selection = replace(wanted(args), validation=args.validation, width=args.width)

    def progress(frames: Sequence[SetFrame]) -> Iterable[SetFrame]:
        if not frames:
            warn(f'{args.out} has all frames of {args.root} already')
        return tqdm(frames, unit='frame', desc=args.kind)

    print(import_set(args.kind, args.root, args.out, selection, progress))
