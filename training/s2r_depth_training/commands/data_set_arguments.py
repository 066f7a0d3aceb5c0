"""What commands on a public data set are told of it; they alone need what reads recordings."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from pathlib import Path

from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted


def add_data_set(parser: argparse.ArgumentParser, kinds: Iterable[str]) -> None:
    """Declare what a public data set is and what is taken of it; ``wanted`` reads that."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    kinds = tuple(kinds)
    parser.epilog = 'layouts:\n' + '\n'.join(f'  {kind}: {IMPORTERS[kind].tree}' for kind in kinds)
    parser.add_argument('kind', choices=kinds, metavar='KIND', help=', '.join(kinds))
    parser.add_argument('root', type=Path, metavar='ROOT', help='folder of the data set')
    parser.add_argument('--every', type=count, default=1, help='take every n-th frame')
    users = {
        option.name: ', '.join(kind for kind in kinds if option.name in IMPORTERS[kind].uses)
        for option in fields(Options)
    }
    parser.add_argument(
        '--list', type=Path, help=f'{users["list"]}: file that names the frames of a split'
    )
    pixels = partial(positive, unit='pixels')
    parser.add_argument('--fx', type=pixels, default=0.0, help=f'{users["fx"]}: focal length, px')
    parser.add_argument(
        '--scale',
        type=positive,
        default=0.0,
        help=f'{users["scale"]}: m a unit of depth, 0.001 by default',
    )


def wanted(args: argparse.Namespace) -> Wanted:
    """Return what ``add_data_set`` was given."""
    return Wanted(args.every, options=Options(args.list, args.fx, args.scale))
