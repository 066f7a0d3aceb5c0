"""``fit``: train the stages of an experiment."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from s2r_depth_ros.option_values import count
from s2r_depth_training.commands.arguments import add_data, add_out, add_real
from s2r_depth_training.runs import fit
from s2r_depth_training.runs.experiment import WEIGHT_FILES, load_experiment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, help='YAML of the experiment')
    add_out(parser, 'folder of the run')
    add_data(parser, required=False)
    parser.add_argument(
        '--render',
        type=partial(count, least=0),
        help='processes that render more scenes like the data, meanwhile',
    )
    parser.add_argument('--start', type=Path, help='model file to start from, not from nothing')
    parser.add_argument(
        '--struct-encoder', type=Path, help="the authors' .pth of the structure encoder, for E_s"
    )
    parser.add_argument(
        '--drn-d-22', type=Path, help="DRN-D-22 trained on ImageNet (.pth), for DSA's encoder"
    )
    add_real(parser, 'to watch')


def run(args: argparse.Namespace) -> None:
    """Train, and print the path of the best checkpoint."""
    experiment = load_experiment(args.config)
    if args.data:
        experiment.data.manifests = [str(path.resolve()) for path in args.data]
    if args.render is not None:
        experiment.data.renderers = args.render
    for key in WEIGHT_FILES:
        if path := getattr(args, key):
            setattr(experiment, key, str(path.resolve()))
    if args.real:
        experiment.validation.real = str(args.real.resolve())
    print(fit.fit(experiment, args.out))
