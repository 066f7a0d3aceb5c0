"""``s2r_train``: train, export, and describe models."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import torch

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.priors import mean_log_depth, save_priors
from s2r_depth_training.dataset.data import FrameStore
from s2r_depth_training.runs.experiment import DataConfig, load_experiment


def _fit(args: argparse.Namespace) -> None:
    from s2r_depth_training.runs.fit import fit

    experiment = load_experiment(args.config)
    if args.data:
        experiment.data.manifests = [str(path.resolve()) for path in args.data]
    if args.render:
        experiment.data.renderers = args.render
    if args.start:
        experiment.start = str(args.start.resolve())
    if args.real:
        experiment.validation.real = str(args.real.resolve())
    print(fit(experiment, args.out))


def _export(args: argparse.Namespace) -> None:
    from s2r_depth_training.runs.export import export

    dtype = torch.float32 if args.fp32 else torch.float16
    metadata = export(args.checkpoint, args.name, args.out, dtype)
    print(f'{args.out}: {metadata.name}, sha256 {metadata.sha256}')


def _card(args: argparse.Namespace) -> None:
    from s2r_depth_training.runs.export import write_card

    print(write_card(args.model, json.loads(args.results.read_text())))


def _priors(args: argparse.Namespace) -> None:
    data = DataConfig()
    store = FrameStore(args.data, 'train')
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


def _bag(args: argparse.Namespace) -> None:
    from s2r_depth_training.dataset.bags import Topics, bag_to_dataset

    manifest = bag_to_dataset(
        args.train,
        args.val,
        Topics(args.colour, args.depth, args.info),
        args.out,
        kind=args.kind,
        zero_depth=args.zero_depth,
        width=args.width,
        tolerance=args.tolerance,
        rectified=args.rectified,
    )
    print(manifest)


def _add_bag(commands: argparse._SubParsersAction) -> None:
    bag = commands.add_parser('bag_to_dataset', help='turn recordings into a training set')
    bag.add_argument('--train', type=Path, nargs='+', required=True, help='recordings, one a run')
    bag.add_argument('--val', type=Path, nargs='+', required=True, help='other runs')
    bag.add_argument('--colour', required=True, help='topic of the colour images')
    bag.add_argument('--depth', required=True, help='topic of the aligned depth images')
    bag.add_argument('--info', required=True, help='topic of camera_info')
    bag.add_argument('--out', type=Path, required=True, help='folder of the training set')
    bag.add_argument('--kind', required=True, help='kind of scene: indoor, street, or your own')
    bag.add_argument(
        '--zero-depth', choices=('unknown', 'sky'), default='unknown', help='what no depth means'
    )
    bag.add_argument('--width', type=int, default=256, help='shrink to this width, px')
    bag.add_argument('--tolerance', type=float, default=0.005, help='between stamps of a pair, s')
    bag.add_argument('--rectified', action='store_true', help='images are rectified, use P')
    bag.set_defaults(run=_bag)


def _smoke(args: argparse.Namespace) -> None:
    from s2r_depth_training.runs.smoke import smoke

    print(smoke(args.out))


def _timed(args: argparse.Namespace) -> None:
    from s2r_depth_training.runs.timed_run import timed_run

    for model in timed_run(args.config, args.minutes, args.out, args.real):
        print(model)


def _add_timed(commands: argparse._SubParsersAction) -> None:
    timed = commands.add_parser('timed', help='render, train and evaluate in a given time; resumes')
    timed.add_argument('config', type=Path, nargs='+', help='YAML of each experiment')
    timed.add_argument('--minutes', type=float, required=True, help='for everything')
    timed.add_argument('--out', type=Path, required=True, help='folder for data, runs and models')
    timed.add_argument('--real', type=Path, help='manifest.json of real images to evaluate on')
    timed.set_defaults(run=_timed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='s2r_train', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    fit = commands.add_parser('fit', help='train the stages of an experiment; resumes')
    fit.add_argument('config', type=Path, help='YAML of the experiment')
    fit.add_argument('--out', type=Path, required=True, help='folder of the run')
    fit.add_argument(
        '--data', type=Path, action='append', help='manifest.json of a training set; repeatable'
    )
    fit.add_argument(
        '--render', type=int, help='processes that render more scenes like the data, meanwhile'
    )
    fit.add_argument('--start', type=Path, help='model file to start from, not from nothing')
    fit.add_argument('--real', type=Path, help='manifest.json of real images to watch')
    fit.set_defaults(run=_fit)
    export = commands.add_parser('export', help='turn a checkpoint into a model file')
    export.add_argument('checkpoint', type=Path)
    export.add_argument('--name', required=True, help='name that the model gives itself')
    export.add_argument('--out', type=Path, required=True, help='file to write, .safetensors')
    export.add_argument('--fp32', action='store_true', help='store float32, not float16')
    export.set_defaults(run=_export)
    card = commands.add_parser('card', help="write a model's card and scores")
    card.add_argument('model', type=Path, help='model file')
    card.add_argument('--results', type=Path, required=True, help='what evaluate --json wrote')
    card.set_defaults(run=_card)
    priors = commands.add_parser('priors', help='make the priors that models are compared with')
    priors.add_argument(
        '--data', type=Path, action='append', required=True, help='manifest.json; repeatable'
    )
    priors.add_argument('--out', type=Path, required=True, help='file to write, .npz')
    priors.set_defaults(run=_priors)
    _add_bag(commands)
    _add_timed(commands)
    smoke = commands.add_parser('smoke', help='a few steps of everything')
    smoke.add_argument('--out', type=Path, required=True, help='folder of the run')
    smoke.set_defaults(run=_smoke)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run ``s2r_train``; return the exit status, 2 for what the user can mend."""
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    args = _parser().parse_args(arguments)
    try:
        args.run(args)
    except UserError as error:
        print(f's2r_train: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
