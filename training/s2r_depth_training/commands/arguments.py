"""Options that several commands of s2r_train have, each declared once."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_ros.geometry.frame_tree import FORM
from s2r_depth_ros.option_values import count


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
