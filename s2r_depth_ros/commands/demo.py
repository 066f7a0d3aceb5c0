"""``demo``: a camera player, the depth node and a recorder on real ROS 2 topics."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.network.registry import DEFAULT_MODEL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        'input',
        nargs='?',
        type=Path,
        help='image folder, video file, ROS bag or folder with sequence.json (default: a real '
        'sequence if one lies beside the checkout, else the clip that comes with the package)',
    )
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='folder for the results')
    parser.add_argument('--model', default=DEFAULT_MODEL, help='name of a model, or a file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--rate', type=_positive, metavar='HZ', help="default: the clip's own")
    parser.add_argument('--frames', type=_count, default=90, help='play so many frames at most')
    parser.add_argument(
        '--fx', type=_positive, metavar='PX', help="focal length, pixels at the images' size"
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0, or 130 when interrupted. Raises UserError."""
    try:
        from s2r_depth_ros.demo.demo import run_demo
        from s2r_depth_ros.demo.options import DemoOptions, default_input
        from s2r_depth_ros.rig.process_group import ProcessError
    except ImportError as error:
        raise UserError(
            f'the demo needs ROS 2 and the Python package rosbags ({error}): run `make demo`, '
            'which installs them, or source your ROS 2 and `pip install rosbags`'
        ) from error
    options = DemoOptions(
        input=args.input or default_input(),
        out=args.out,
        model=args.model,
        device=args.device,
        rate=args.rate,
        frames=args.frames,
        fx=args.fx,
    )
    try:
        summary = run_demo(options)
    except KeyboardInterrupt:
        print('interrupted: the processes have been ended', file=sys.stderr)
        return 130
    except ProcessError as error:
        print(error.last_words, file=sys.stderr)
        raise
    print(summary.line())
    print(f'{args.out}/: contact_sheet.png, recording/ (MCAP), demo.json, logs/')
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f'{text} is not a positive number')
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not a positive count')
    return value
