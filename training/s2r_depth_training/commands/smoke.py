"""``smoke``: a few steps of everything."""

from __future__ import annotations

import argparse

from s2r_depth_training.commands.arguments import add_out
from s2r_depth_training.runs.smoke import smoke


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_out(parser, 'folder of the run')


def run(args: argparse.Namespace) -> None:
    """Render, train, export and predict; print the path of the model file."""
    print(smoke(args.out))
