"""``eval_set``: turn frames of a public data set into images with true depth for ``evaluate``."""

from __future__ import annotations

import argparse
from functools import partial

from tqdm import tqdm

from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.commands.data_set_arguments import add_data_set, wanted
from s2r_depth_training.importing.eval_set import KINDS, write_eval_set


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data_set(parser, KINDS)
    add_out(parser, 'folder of the images and their manifest.json')


def run(args: argparse.Namespace) -> None:
    """Write the images, and print the path of their manifest."""
    progress = partial(tqdm, unit='frame', desc=args.kind)
    print(write_eval_set(args.kind, args.root, args.out, wanted(args), progress))
