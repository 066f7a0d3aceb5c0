"""``priors``: make the priors that models are compared with."""

from __future__ import annotations

import argparse

from s2r_depth_ros.evaluation.priors import mean_log_depth, save_priors
from s2r_depth_ros.files import check_output
from s2r_depth_training.commands.arguments import add_data, add_out
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import TRAIN
from s2r_depth_training.dataset.store import FrameStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data(parser, required=True)
    add_out(parser, 'file to write, .npz')


def run(args: argparse.Namespace) -> None:
    """Average the training frames of every kind, and write the priors."""
    check_output(args.out, ('.npz',))
    data = DataConfig()
    store = FrameStore(args.data, TRAIN)
    priors = {}
    for kind in store.kinds:
        frames = (store.frame(kind, i) for i in range(store.count(kind)))
        # The evaluation's name for street scenes.
        priors['driving' if kind == 'street' else kind] = mean_log_depth(
            ((f.depth, f.fx) for f in frames),
            (data.height, data.width),
            data.focal_length,
            data.max_depth,
        )
    save_priors(args.out, priors)
