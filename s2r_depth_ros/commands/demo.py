"""``demo``: a camera player, the depth node and a recorder on real ROS 2 topics."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from s2r_depth_ros.commands import arguments
from s2r_depth_ros.dependencies import check_torch
from s2r_depth_ros.option_values import count, positive


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
    arguments.add_model(parser)
    arguments.add_device(parser)
    parser.add_argument(
        '--rate', type=partial(positive, unit='hertz'), metavar='HZ',
        help="default: the clip's own",
    )  # fmt: skip
    parser.add_argument(
        '--frames', type=count, default=90,
        help='play so many frames at most (default: %(default)s)',
    )  # fmt: skip
    arguments.add_focal_length(parser)
    parser.add_argument(
        '--topic', help="topic of a recording's images (default: that of its colour camera)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0, or 130 when interrupted. Raises UserError."""
    # Not before they are needed: they import ROS, which --help does without.
    from s2r_depth_ros.demo.demo import run_demo
    from s2r_depth_ros.demo.options import DemoOptions, default_input
    from s2r_depth_ros.rig.process_group import ProcessError

    check_torch()  # the node's process needs it, this one does not
    options = DemoOptions(
        input=args.input or default_input(),
        out=args.out,
        model=args.model,
        device=args.device,
        rate=args.rate,
        frames=args.frames,
        fx=args.fx,
        topic=args.topic,
    )
    try:
        summary = run_demo(options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt('the processes have been ended') from None
    except ProcessError as error:
        print(error.last_words, file=sys.stderr)
        raise
    print(summary.line())
    print(f'{args.out}/: contact_sheet.png, recording/ (MCAP), demo.json, logs/')
    return 0
