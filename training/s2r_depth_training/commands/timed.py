"""``timed``: render, train and evaluate in a given time."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from s2r_depth_ros.option_values import positive
from s2r_depth_training.commands.arguments import add_out, add_real
from s2r_depth_training.runs.timed_run import timed_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, nargs='+', help='YAML of each experiment')
    minutes = partial(positive, unit='minutes')
    parser.add_argument('--minutes', type=minutes, required=True, help='for everything')
    add_out(parser, 'folder for data, runs and models')
    add_real(parser, 'to evaluate on')


def run(args: argparse.Namespace) -> None:
    """Run it all, and print the paths of the model files."""
    for model in timed_run(args.config, args.minutes, args.out, args.real):
        print(model)
