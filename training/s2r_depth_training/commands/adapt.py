"""``adapt``: fine-tune a model on recordings of a robot whose depth is known for some minutes."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from tqdm import tqdm

from s2r_depth_ros.option_values import count, positive, share
from s2r_depth_training.adaptation.adapt import RENDERING, Order, adapt, check_order
from s2r_depth_training.adaptation.card import write_adapted_card
from s2r_depth_training.adaptation.recording import LIDAR_TOLERANCE, Asked, read_lessons
from s2r_depth_training.adaptation.topics import GivenTopics
from s2r_depth_training.adaptation.tuning import Course
from s2r_depth_training.commands.arguments import add_out, add_transform
from s2r_depth_training.dataset.bag_pairs import PairRules
from s2r_depth_training.dataset.bags import warn

_TOLERANCE = 0.02  # s, of depth images
_NARROWEST = 64  # px; of less the network sees nothing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--model', required=True, help='name of a model, or a .safetensors file')
    parser.add_argument(
        '--bag',
        type=Path,
        nargs='+',
        action='extend',
        required=True,
        help='recordings: folder, .mcap, .db3, .bag',
    )
    add_out(parser, 'the new model, a .safetensors file')
    parser.add_argument('--colour', default='', help='topic of the colour images, if several')
    parser.add_argument('--info', default='', help='topic of their camera_info')
    parser.add_argument('--depth', default='', help='topic of depth images aligned with colour')
    parser.add_argument('--lidar', default='', help='topic of a LaserScan or PointCloud2')
    add_transform(parser)
    minutes = partial(positive, unit='minutes')
    parser.add_argument('--minutes', type=minutes, default=20.0, help='at most, rendering too')
    parser.add_argument(
        '--judge', type=share, default=0.25, help='share of the time that judges, from 0 to 1'
    )
    parser.add_argument(
        '--synthetic', type=Path, help='manifest.json of rendered scenes, in place of new ones'
    )
    parser.add_argument('--rectified', action='store_true', help='images are rectified, use P')
    seconds = partial(positive, unit='seconds')
    parser.add_argument(
        '--tolerance',
        type=seconds,
        help=f'between colour and depth, s; {_TOLERANCE}, and {LIDAR_TOLERANCE} for a lidar',
    )
    width = partial(count, least=_NARROWEST)
    parser.add_argument('--width', type=width, default=160, help='images are shrunk to, px')


def run(args: argparse.Namespace) -> None:
    """Adapt the model; print before and after, and the paths of the model and its card."""
    try:
        _run(args)
    except KeyboardInterrupt:
        raise KeyboardInterrupt('the same command goes on') from None


def _run(args: argparse.Namespace) -> None:
    asked = Asked(
        GivenTopics(args.colour, args.info, args.depth, args.lidar),
        PairRules(args.width, args.tolerance or _TOLERANCE, args.rectified),
        args.transform,
        args.judge,
        args.tolerance or LIDAR_TOLERANCE,
    )
    order = Order(args.model, args.out, args.minutes, args.synthetic)
    check_order(order)
    lessons = read_lessons(args.bag, asked, warn)
    warn(
        f'{len(lessons.learning)} frames to learn from and {len(lessons.judging)} to judge by, '
        f'depth by {lessons.truth}'
    )
    total = round(60 * args.minutes)
    if args.synthetic is None:
        warn(f'rendering scenes to mix in, for {total * RENDERING:.0f} s or little more')
    with tqdm(total=total, unit='s', desc='adapt') as bar:

        def show(step: int, course: Course) -> None:
            bar.n = min(total, round(course.seconds))
            error = course.best_judgement.recording.abs_rel
            bar.set_postfix_str(f'step {step}, off by {error:.0%}')

        adapted = adapt(order, lessons, show)
    card = write_adapted_card(adapted)
    print(card.read_text())
    print(adapted.path)
