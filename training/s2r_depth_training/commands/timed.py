"""``timed``: render, train and evaluate in a given time; called again, it goes on."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from s2r_depth_training.commands.arguments import duration_argument
from s2r_depth_training.runs.timed_run import TimedRun, timed_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, nargs='*', help='YAML of each experiment')
    parser.add_argument(
        '--from', dest='start', type=Path,
        help='model to go on from; its own experiment, if no YAML is given',
    )  # fmt: skip
    parser.add_argument('--minutes', type=duration_argument, required=True, help='for everything')
    parser.add_argument('--out', type=Path, required=True, help='folder for data and models')
    parser.add_argument('--real', type=Path, help='manifest.json of real images to evaluate on')


def run(args: argparse.Namespace) -> None:
    """Run it all, and print the paths of the model files."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    given = TimedRun(args.config, args.out, device, args.start, args.real)
    for model in timed_run(given, args.minutes):
        print(model)
