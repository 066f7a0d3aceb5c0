"""``card``: write a model's card and scores."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_training.runs.card import read_results, write_card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model', type=Path, help='model file')
    parser.add_argument('--results', type=Path, required=True, help='what evaluate --json wrote')


def run(args: argparse.Namespace) -> None:
    """Write the card, and print its path."""
    print(write_card(args.model, read_results(args.results)))
