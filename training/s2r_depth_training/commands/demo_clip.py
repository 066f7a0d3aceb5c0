"""``demo_clip``: render the clip that the demo plays where there is no other."""

from __future__ import annotations

import argparse
from functools import partial

from s2r_depth_ros.option_values import count
from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.runs import demo_clip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_out(parser, 'folder to write')
    seed = partial(count, least=0)
    parser.add_argument('--seed', type=seed, default=0, help='which room and path')


def run(args: argparse.Namespace) -> None:
    """Render the clip, and print how many frames it has."""
    sequence = demo_clip.render_clip(args.out, args.seed)
    print(f'{len(sequence["frames"])} frames in {args.out}')
