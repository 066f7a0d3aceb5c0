"""Render a training set into shards.

    python -m s2r_depth_training.commands.render --kind indoor --out DIR --scenes 1000 \
        --workers 4 --size 96x128

Interrupted, the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from s2r_depth_training.dataset.rendering import DatasetError, Recipe, render_dataset
from s2r_depth_training.synthetic.renderer.errors import RendererError
from s2r_depth_training.synthetic.sources.kinds import KINDS


def image_size(text: str) -> tuple[int, int]:
    """Read HxW."""
    try:
        height, width = (int(n) for n in text.lower().split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size like 96x128') from None
    if min(height, width) < 32:
        raise argparse.ArgumentTypeError(f'{text!r} is under 32 px')
    return height, width


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', choices=KINDS, required=True, help='kind of scene')
    parser.add_argument('--out', type=Path, required=True, help='folder for the shards')
    parser.add_argument('--scenes', type=int, required=True, help='number of scenes')
    parser.add_argument('--first', type=int, default=0, help='seed of the first scene')
    parser.add_argument('--workers', type=int, default=1, help='render processes')
    parser.add_argument('--size', type=image_size, default=(96, 128), help='HxW, px')
    parser.add_argument('--views', type=int, default=4, help='cameras per scene, at most')
    parser.add_argument('--plain', action='store_true', help='leave out the restyled images')
    parser.add_argument(
        '--world', action='append', default=[], help='for gazebo: .world, .sdf or .json; repeatable'
    )
    options = parser.parse_args(arguments)
    height, width = options.size
    recipe = Recipe(
        options.kind, height, width, options.views, not options.plain, tuple(options.world)
    )
    with tqdm(total=options.scenes, unit='scene', desc=options.kind) as bar:
        try:
            manifest = render_dataset(
                options.out, recipe, options.first, options.scenes, options.workers,
                progress=bar.update,
            )  # fmt: skip
        except (DatasetError, RendererError) as error:
            parser.exit(1, f'{error}\n')
    frames = sum(s['frames'] for s in manifest['shards'])
    print(f'{frames} frames in {len(manifest["shards"])} shards in {options.out}')


if __name__ == '__main__':
    main()
