"""``poses``: put the pitch and roll of a model's cameras into its file."""

from __future__ import annotations

import argparse
from pathlib import Path

from s2r_depth_training.runs.poses import SCENES, write_poses
from s2r_depth_training.synthetic.sources.poses import POSES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('model', type=Path, help='model file, trained with procedural scenes')
    parser.add_argument(
        '--scenes', type=int, default=SCENES, help='scenes of each kind; default: %(default)s'
    )
    parser.add_argument(
        '--poses', choices=POSES, default='usual', help='what its scenes were rendered with'
    )


def run(args: argparse.Namespace) -> None:
    """Draw cameras, write the file, and print what was written."""
    metadata = write_poses(args.model, args.scenes, args.poses)
    print(f'{args.model}: pitch {metadata.pitch_range}, roll {metadata.roll_range} radians')
