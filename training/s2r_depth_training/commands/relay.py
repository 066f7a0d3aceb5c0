"""``relay``: train a piece of a long run on given training sets; called again, it goes on."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from s2r_depth_training.commands.arguments import duration_argument, positive_count_argument
from s2r_depth_training.runs.experiment import load_experiment
from s2r_depth_training.runs.open_step import load_frames
from s2r_depth_training.runs.relay import Extent, open_relay, run_piece


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('config', type=Path, nargs='?', help="YAML; the model's own by default")
    parser.add_argument('--from', dest='start', type=Path, help='model to go on from')
    extent = parser.add_mutually_exclusive_group(required=True)
    extent.add_argument('--images', type=positive_count_argument, help='to learn from')
    extent.add_argument('--minutes', type=duration_argument, help='to learn for')
    parser.add_argument('--data', type=Path, nargs='+', required=True, help='manifest.json of sets')
    parser.add_argument('--out', type=Path, required=True, help='folder for model and trunk')


def run(args: argparse.Namespace) -> None:
    """Train a piece, and print the path of the model file."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    experiment = load_experiment(args.config) if args.config else None
    relay = open_relay(experiment, args.out, args.start)
    relay.experiment.data.manifests = [str(path) for path in args.data]
    relay.add_scenes(args.data)
    end = time.monotonic() + 60 * (args.minutes or 0)
    frames = load_frames(relay.experiment, device)
    print(run_piece(relay, Extent(end, args.images or 0), frames, device, args.out))
