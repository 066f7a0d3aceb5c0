"""``bag_to_dataset``: turn recordings into a training set."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.commands.arguments import add_out, add_transform
from s2r_depth_training.dataset.bag_pairs import PairRules, Topics
from s2r_depth_training.dataset.bags import bag_to_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        '--train',
        type=Path,
        nargs='+',
        action='extend',
        required=True,
        help='recordings, one a run',
    )
    parser.add_argument(
        '--val', type=Path, nargs='+', action='extend', required=True, help='other runs'
    )
    parser.add_argument('--colour', required=True, help='topic of the colour images')
    parser.add_argument('--depth', required=True, help='topic of the aligned depth images')
    parser.add_argument('--info', required=True, help='topic of camera_info')
    add_transform(parser)
    add_out(parser, 'folder of the training set')
    parser.add_argument('--kind', required=True, help='kind of scene: indoor, street, or your own')
    parser.add_argument(
        '--zero-depth', choices=('unknown', 'sky'), default='unknown', help='what no depth means'
    )
    parser.add_argument('--width', type=count, default=256, help='shrink to this width, px')
    parser.add_argument(
        '--tolerance',
        type=partial(positive, unit='seconds'),
        default=0.005,
        help='between stamps of a pair, s',
    )
    parser.add_argument('--rectified', action='store_true', help='images are rectified, use P')


def run(args: argparse.Namespace) -> None:
    """Write the training set, and print the path of its manifest."""
    manifest = bag_to_dataset(
        args.train,
        args.val,
        Topics(args.colour, args.depth, args.info),
        args.out,
        kind=args.kind,
        zero_depth=args.zero_depth,
        rules=PairRules(args.width, args.tolerance, args.rectified),
        transforms=args.transform,
    )
    print(manifest)
