"""Options that several commands of s2r_train have, each declared once."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from pathlib import Path

from s2r_depth_ros.geometry.frame_tree import FORM
from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.importing.entries import Options
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted


def add_out(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare ``--out``, a file or folder; ``what`` is its help."""
    parser.add_argument('--out', type=Path, required=True, help=what)


def add_data(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Declare ``--data``, a list of files, None without ``required``."""
    parser.add_argument(
        '--data',
        type=Path,
        action='append',
        required=required,
        help='manifest.json of a training set; repeatable',
    )


def add_real(parser: argparse.ArgumentParser, use: str) -> None:
    """Declare ``--real``, a file or None; ``use`` says what the images are for."""
    parser.add_argument('--real', type=Path, help=f'manifest.json of real images {use}')


def add_transform(parser: argparse.ArgumentParser) -> None:
    """Declare ``--transform``, a list of texts."""
    parser.add_argument(
        '--transform', action='append', default=[], help=f'where /tf_static has none: {FORM}'
    )


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Declare ``--batch``, a count or None."""
    parser.add_argument(
        '--batch', type=count, help="images a step, in place of the experiment's; 64 suit a GPU"
    )


def add_start(parser: argparse.ArgumentParser) -> None:
    """Declare ``--from``, a model file or None, whose attribute is ``start``."""
    parser.add_argument(
        '--from',
        dest='start',
        type=Path,
        help='model to go on from; by its own experiment, if no YAML is given',
    )


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
