"""``import``: a public data set, or a folder of colour and depth, becomes a training set.

The same command goes on where it was cut off.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from s2r_depth_ros.option_values import count, positive, share
from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.dataset.bags import warn
from s2r_depth_training.importing.entries import Options, SetFrame
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, import_set


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = 'layouts:\n' + '\n'.join(
        f'  {kind}: {importer.tree}' for kind, importer in IMPORTERS.items()
    )
    parser.add_argument('kind', choices=IMPORTERS, metavar='KIND', help=', '.join(IMPORTERS))
    parser.add_argument('root', type=Path, metavar='ROOT', help='folder of the data set')
    add_out(parser, 'folder of the training set')
    parser.add_argument('--every', type=count, default=1, help='take every n-th frame')
    parser.add_argument(
        '--validation', type=share, default=0.05, help='share of the scenes to judge by'
    )
    parser.add_argument('--width', type=count, default=640, help='shrink to this width, px')
    parser.add_argument('--list', type=Path, help='kitti_*: file that names the frames of a split')
    pixels = partial(positive, unit='pixels')
    parser.add_argument('--fx', type=pixels, default=0.0, help='suncg: focal length, px')
    parser.add_argument(
        '--scale', type=positive, default=0.0, help='rgbd: m a unit of depth, 0.001 by default'
    )


def run(args: argparse.Namespace) -> None:
    """Write the training set, and print the path of its manifest."""
    options = Options(args.list, args.fx, args.scale)
    selection = Wanted(args.every, args.validation, args.width, options)

    def progress(frames: Sequence[SetFrame]) -> Iterable[SetFrame]:
        if not frames:
            warn(f'{args.out} has all frames of {args.root} already')
        return tqdm(frames, unit='frame', desc=args.kind)

    print(import_set(args.kind, args.root, args.out, selection, progress))
