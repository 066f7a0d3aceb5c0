"""``relay``: train a piece of a long run on given training sets; called again, it goes on."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.commands.arguments import add_batch, add_data, add_out, add_start
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.experiment import load_experiment
from s2r_depth_training.runs.open_step import load_frames
from s2r_depth_training.runs.relay import open_relay, run_piece


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, nargs='?', help="YAML; the model's own by default")
    add_start(parser)
    extent = parser.add_mutually_exclusive_group(required=True)
    extent.add_argument('--images', type=count, help='to learn from')
    minutes = partial(positive, unit='minutes')
    extent.add_argument('--minutes', type=minutes, help='to learn for')
    add_batch(parser)
    add_data(parser, required=True)
    add_out(parser, 'folder for model and trunk')


def run(args: argparse.Namespace) -> None:
    """Train a piece, and print the path of the model file."""
    device = resolve_device('auto')
    experiment = load_experiment(args.config) if args.config else None
    relay = open_relay(experiment, args.out, args.start)
    relay.experiment.data.manifests = [str(path) for path in args.data]
    relay.experiment.data.batch = args.batch or relay.experiment.data.batch
    relay.add_scenes(args.data)
    end = time.monotonic() + 60 * (args.minutes or 0)
    frames = load_frames(relay.experiment, device)
    print(run_piece(relay, Extent(end, args.images or 0), frames, device, args.out))
