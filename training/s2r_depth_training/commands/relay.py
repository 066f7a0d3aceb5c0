"""``relay``: train a piece of a long run on given training sets; called again, it goes on."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.commands.arguments import add_batch, add_data, add_out, add_start
from s2r_depth_training.dataset.format import read_manifest
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.experiment import Experiment, load_experiment
from s2r_depth_training.runs.relay import check_names, keep_to_kinds, open_relay
from s2r_depth_training.runs.side_by_side import run_pieces


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        'config', type=Path, nargs='*', help="YAML of each experiment; the model's own by default"
    )
    add_start(parser)
    extent = parser.add_mutually_exclusive_group(required=True)
    extent.add_argument('--images', type=count, help='to learn from')
    minutes = partial(positive, unit='minutes')
    extent.add_argument('--minutes', type=minutes, help='to learn for')
    add_batch(parser)
    add_data(parser, required=True)
    add_out(parser, 'folder for model and trunk')


def run(args: argparse.Namespace) -> None:
    """Train a piece of each experiment, and print the paths of the model files."""
    device = resolve_device('auto')
    given: list[Experiment | None] = [load_experiment(path) for path in args.config]
    relays = [open_relay(experiment, args.out, args.start) for experiment in given or [None]]
    check_names(relays)
    kinds = {path: read_manifest(path)['kind'] for path in args.data}
    for relay in relays:
        data = relay.experiment.data
        if not args.config:
            keep_to_kinds(relay, [*kinds.values()])
        own = [str(path) for path, kind in kinds.items() if kind in data.mix]
        data.manifests = own or [str(path) for path in kinds]  # all, if it has no mix
        data.batch = args.batch or data.batch
        relay.add_scenes(data.manifests)
    end = time.monotonic() + 60 * (args.minutes or 0)
    for model in run_pieces(relays, Extent(end, args.images or 0), device, args.out):
        print(model)
