"""``calibrate_scale``: set the scale of a running node's depth by one known distance."""

from __future__ import annotations

import argparse
import os
from functools import partial

from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.option_values import positive
from s2r_depth_ros.ros_environment import check_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        '--distance', type=partial(positive, unit='metres'), required=True, metavar='M',
        help='metres along the optical axis (not along the ray) to what is seen at the pixel',
    )  # fmt: skip
    parser.add_argument(
        '--pixel', type=float, nargs=2, metavar=('X', 'Y'),
        help='where in the depth image, from its top left (default: the centre)',
    )  # fmt: skip
    parser.add_argument(
        '--node', default=f'/{NODE}', help='full name of the node (default: %(default)s)'
    )
    parser.add_argument('--camera', default='', help='name of one of several cameras')


def run(args: argparse.Namespace) -> None:
    """Ask the node and print what it says. Raises UserError where it cannot or will not."""
    check_environment(os.environ)
    # Not before it is needed: it imports ROS, which --help does without.
    from s2r_depth_ros.rig.calibration_client import ask_to_calibrate

    print(ask_to_calibrate(args.node, args.camera, args.distance, args.pixel))
