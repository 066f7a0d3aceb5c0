"""``demo_clip``: render the clip that the demo plays where there is no other."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_training.commands.arguments import count_argument
from s2r_depth_training.runs import demo_clip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    parser.add_argument('--seed', type=count_argument, default=0, help='which room and path')


def run(args: argparse.Namespace) -> None:
    """Render the clip, and print how many frames it has."""
    sequence = demo_clip.render_clip(args.out, args.seed)
    print(f'{len(sequence["frames"])} frames in {args.out}')
