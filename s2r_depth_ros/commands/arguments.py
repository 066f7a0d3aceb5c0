"""Options that several commands have, each declared once."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from s2r_depth_ros.network_choices import BACKEND_NAMES, DEFAULT_MODEL, PRECISIONS
from s2r_depth_ros.option_values import positive, size

MODEL_HELP = 'name of a shipped model, or a file'


def add_model(parser: argparse._ActionsContainer) -> None:
    """Declare ``--model``."""
    parser.add_argument(
        '--model', default=DEFAULT_MODEL, help=f'{MODEL_HELP} (default: %(default)s)'
    )


def add_device(parser: argparse.ArgumentParser, default: str = 'auto') -> None:
    """Declare ``--device``."""
    parser.add_argument(
        '--device', default=default, help='auto, cpu, cuda or cuda:N (default: %(default)s)'
    )


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Declare ``--precision``."""
    parser.add_argument(
        '--precision', default='fp32', choices=tuple(PRECISIONS),
        help='arithmetic of the network (default: %(default)s)',
    )  # fmt: skip


def add_backend(parser: argparse.ArgumentParser, default: str = 'auto') -> None:
    """Declare ``--backend``."""
    parser.add_argument(
        '--backend', default=default, choices=BACKEND_NAMES,
        help='what runs the network; auto: the fastest that is installed (default: %(default)s)',
    )  # fmt: skip


def add_input_size(parser: argparse.ArgumentParser) -> None:
    """Declare ``--input-size``, a (height, width) in px or None."""
    parser.add_argument(
        '--input-size', type=size, metavar='HxW',
        help="the network's input size, multiples of 16 from 96 upwards (default: the model's own)",
    )  # fmt: skip


def add_focal_length(parser: argparse.ArgumentParser) -> None:
    """Declare ``--fx``, in px or None."""
    parser.add_argument(
        '--fx', type=partial(positive, unit='pixels'), metavar='PX',
        help="the camera's horizontal focal length, pixels at the images' size",
    )  # fmt: skip


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``, a file for everything that the command found, or None."""
    parser.add_argument('--json', type=Path, help='write everything here, as JSON')
