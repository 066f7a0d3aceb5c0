"""``render``: render scenes into a training set; repeated, the same command goes on."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from tqdm import tqdm

from s2r_depth_ros.option_values import count, positive, share, size
from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.dataset.format import frames_of_set
from s2r_depth_training.dataset.render_to_disk import render_dataset, render_for
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.synthetic.sources.kinds import KINDS
from s2r_depth_training.synthetic.sources.poses import POSES

_SMALLEST = 32  # px


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--kind', choices=KINDS, required=True, help='kind of scene')
    add_out(parser, 'folder for the shards')
    extent = parser.add_mutually_exclusive_group(required=True)
    extent.add_argument('--scenes', type=count, help='number of scenes')
    minutes = partial(positive, unit='minutes')
    extent.add_argument(
        '--minutes', type=minutes, help='time to render in, behind what the folder has'
    )
    first = partial(count, least=0)
    parser.add_argument('--first', type=first, default=0, help='seed of the first scene')
    parser.add_argument('--workers', type=count, default=1, help='render processes')
    smallest = partial(size, least=_SMALLEST)
    parser.add_argument('--size', type=smallest, default=(96, 128), help='HxW, px')
    parser.add_argument('--views', type=count, default=4, help='cameras per scene, at most')
    parser.add_argument(
        '--typical',
        type=Path,
        metavar='YAML',
        help='experiment whose data.typical most views are to be within',
    )
    parser.add_argument(
        '--poses',
        choices=POSES,
        default=Recipe.poses,
        help='of the cameras; wide: pitched twice, rolled four times as far, lower and higher',
    )
    parser.add_argument('--plain', action='store_true', help='leave out the restyled images')
    parser.add_argument(
        '--validation',
        type=share,
        default=Recipe.validation,
        help='share of the scenes that are held out; 1 makes a set for judging only',
    )
    parser.add_argument(
        '--world', action='append', default=[], help='for gazebo: .world, .sdf or .json; repeatable'
    )


def _typical(experiment: Path, kind: str) -> tuple[float, ...]:
    """Return an experiment's limits as a recipe has them. Raises ConfigError if it has none."""
    # imported here, so that rendering without it needs no torch
    from s2r_depth_training.runs.experiment import load_experiment

    data = load_experiment(experiment).data
    if kind not in data.typical:
        raise ConfigError(f'{experiment}: data.typical has no limits for {kind}')
    return data.typical_of(kind)


def run(args: argparse.Namespace) -> None:
    """Render, and print how many frames the folder has now."""
    height, width = args.size
    recipe = Recipe(
        args.kind, height, width, args.views, not args.plain, tuple(args.world), args.validation,
        _typical(args.typical, args.kind) if args.typical else (), args.poses,
    )  # fmt: skip
    with tqdm(total=args.scenes, unit='scene', desc=args.kind) as bar:
        render, extent = (
            (render_for, 60 * args.minutes) if args.minutes else (render_dataset, args.scenes)
        )
        manifest = render(args.out, recipe, args.first, extent, args.workers, progress=bar.update)
    print(f'{frames_of_set(manifest)} frames in {len(manifest["shards"])} shards in {args.out}')
