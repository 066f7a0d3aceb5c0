"""``timed``: render, train and evaluate in a given time; called again, it goes on."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.option_values import positive
from s2r_depth_training.commands.arguments import add_batch, add_out, add_real, add_start
from s2r_depth_training.runs.timed_run import TimedRun, timed_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, nargs='*', help='YAML of each experiment')
    add_start(parser)
    add_batch(parser)
    minutes = partial(positive, unit='minutes')
    parser.add_argument('--minutes', type=minutes, required=True, help='for everything')
    add_out(parser, 'folder for data and models')
    add_real(parser, 'to evaluate on')


def run(args: argparse.Namespace) -> None:
    """Run it all, and print the paths of the model files."""
    device = resolve_device('auto')
    given = TimedRun(args.config, args.out, device, args.start, args.real, args.batch)
    for model in timed_run(given, args.minutes):
        print(model)
