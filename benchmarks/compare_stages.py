"""Compare ways to train STE, DSA and DP, each at the same number of images.

    compare_stages.py train --images 150000 --runs RUNS --data rooms/manifest.json
    compare_stages.py judge --runs RUNS --rooms held_out/manifest.json \
        --worlds worlds/*/manifest.json --out results
    compare_stages.py table results

An arm learns at a constant rate, its trunk. Its result at N images is a branch: the trunk after
0.8 N images, annealed over 0.2 N more. Interrupted, the same command goes on with the arm that it
was at. Images count what the arm's DP learnt from; stage 0 has ``--pairs`` of its own.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.evaluation.parts import predictor_of
from s2r_depth_ros.evaluation.scores import (
    FrameScore,
    Interval,
    evaluate_frame,
    interval,
    summarise_scores,
)
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.augmentation import crop_and_resize
from s2r_depth_training.dataset.canonical import canonical_depth
from s2r_depth_training.dataset.format import VALIDATION, Shard, read_shards
from s2r_depth_training.dataset.sampling import is_typical
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment, load_experiment
from s2r_depth_training.runs.open_step import load_frames, open_step
from s2r_depth_training.runs.trunk import TRUNK, Trunk, Work, load_trunk, plain_copy, save_trunk
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.losses import decode_depth, encode_depth
from s2r_depth_training.stages.table import make_stage

_LOG = logging.getLogger(__name__)
CONFIG = Path(__file__).parents[1] / 'training/configs/comparison.yaml'
FORK = 0.6  # share after which arm d is left by arm f
SAVE_EVERY = 120.0  # s, on a CPU
KEPT = ('abs_rel', 'delta1')
BATCH = 16  # of judging


class ComparisonError(UserError):
    """What was asked for needs something that is not there, or was done already."""


@dataclass(frozen=True)
class Arm:
    """One way to train.

    stage: name of the stage that DP learns in. start: the result that it starts from, of a stage 0
    or of another arm; '' for a fresh network. fork: arm that it leaves after FORK of the images.
    rate: the constant learning rate, times that of the configuration. code: weight of the loss on
    equal codes.
    """

    about: str
    stage: str
    start: str = ''
    fork: str = ''
    rate: float = 1.0
    code: float = 0.0


ARMS = {
    'a': Arm('map by formula, no attention', 'formula'),
    'b': Arm('map by formula, attention learnt with a fresh DP', 'formula_attention'),
    'c': Arm('stage 0, E_s frozen, D_s and DP learn', 'decoder', start='encoder'),
    'd': Arm('c, then STE frozen, attention and a fresh DP', 'attention', start='c'),
    'e': Arm('everything jointly from nothing', 'joint', rate=0.75),
    'f': Arm('d, then jointly, codes kept equal', 'joint', fork='d', rate=0.35, code=0.5),
    'g': Arm('c, but stage 0 without own reconstruction', 'decoder', start='encoder_across'),
    'h': Arm('c, but E_s as it was drawn: what stage 0 is worth', 'decoder'),
}
# Stage 0 by name: the weight of the reconstruction in the image's own style.
STAGE_0 = {'encoder': 1.0, 'encoder_across': 0.0}


# ---- training


class Runs:
    """The folder of all arms, and what they share: the experiment, the frames, the device."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.folder, self.images, self.pairs = args.runs, args.images, args.pairs
        self.device = torch.device(args.device)
        self.experiment = load_experiment(CONFIG)
        data = self.experiment.data
        data.manifests = [str(path.resolve()) for path in args.data]
        if args.batch:
            data.batch = args.batch
        if args.rate:
            self.experiment.optimizer.learning_rate = args.rate
        self.folder.mkdir(parents=True, exist_ok=True)
        self.frames = load_frames(self.experiment, self.device)

    def result(self, name: str) -> Path:
        """Return the file of a result: of an arm, of ``encoder``, or of a fork."""
        return self.folder / f'{name}_{self.images}.safetensors'

    def fresh(self) -> S2RDepthNet:
        """Return the network that every arm begins with."""
        torch.manual_seed(self.experiment.seed)
        network = S2RDepthNet(self.experiment.width)
        initialise(network, self.experiment.depth_init)
        return network

    def network(self, name: str) -> S2RDepthNet:
        """Return the network of a result."""
        path = self.result(name)
        if not path.exists():
            raise ComparisonError(f'{path} is not there yet; train {name} first')
        network = S2RDepthNet(self.experiment.width)
        network.load_state_dict(load_file(path))
        return network

    def open(self, name: str, stage: str, steps: int, network: S2RDepthNet) -> Trunk:
        """Return the trunk of ``name``, as far as it has come."""
        path = self.folder / f'{name}_{self.images}.trunk.pt'
        arm = ARMS.get(name)
        experiment = copy.deepcopy(self.experiment)
        experiment.loss.code = arm.code if arm else 0.0
        experiment.translation.own = STAGE_0.get(name, 0.0)
        saved = load_trunk(path) if path.exists() else None
        step = open_step(
            experiment, StageConfig(stage, steps), network, self.frames, self.device,
            saved['number'] if saved else 0,
        )  # fmt: skip
        config = self.experiment.optimizer
        rate = config.learning_rate * (arm.rate if arm else 1.0)
        trunk = Trunk(step, rate, config.warm_up, self.folder / f'{name}_{self.images}.jsonl')
        if saved:
            step.restore(saved)
        return trunk

    def growing(self, name: str, trunk: Trunk, end: int) -> Work[None]:
        """Grow ``trunk`` to step ``end``; on a CPU, saving now and then."""
        path = self.folder / f'{name}_{self.images}.trunk.pt'
        saved = time.monotonic()
        while trunk.step.number < end:
            yield from trunk.growing(min(200, end - trunk.step.number))
            if self.device.type == 'cpu' and time.monotonic() - saved > SAVE_EVERY:
                save_trunk(trunk.step.state(), path, {})
                saved = time.monotonic()

    def save(self, name: str, network: S2RDepthNet, facts: dict[str, Any]) -> None:
        """Write a result, and the facts about it."""
        self.result(name).with_suffix('.json').write_text(json.dumps(facts, indent=1) + '\n')
        # Copies: DP's one PReLU has 18 names.
        save_file({k: v.clone() for k, v in network.state_dict().items()}, self.result(name))


def train(args: argparse.Namespace) -> None:
    """Bring the arms' results at ``args.images`` into being, on a GPU side by side."""
    runs = Runs(args)
    wanted = dict.fromkeys([ARMS[a].start for a in args.arms if ARMS[a].start in STAGE_0])
    waiting = [name for name in [*wanted, *args.arms] if not runs.result(name).exists()]
    running: dict[str, Work[None]] = {}
    at_once = len(waiting) if runs.device.type == 'cuda' else 1
    while waiting or running:
        ready = [n for n in waiting if runs.result(needs(n)).exists() or not needs(n)]
        for name in ready[: at_once - len(running)]:
            waiting.remove(name)
            running[name] = stage_0(runs, name) if name in STAGE_0 else arm_work(runs, name)
        if not running:
            raise ComparisonError(f'{waiting[0]} starts from {needs(waiting[0])}: train that too')
        for name, work in list(running.items()):
            if next(work, True):
                del running[name]


def needs(name: str) -> str:
    """Return the name of the result that an arm or a stage 0 starts from, or ''."""
    arm = ARMS.get(name)
    if arm is None:
        return ''
    return f'{arm.fork}_fork' if arm.fork else arm.start


def stage_0(runs: Runs, name: str) -> Work[None]:
    """Train E_s on ``pairs`` pairs, its rate annealed over the second half."""
    steps = max(2, runs.pairs // runs.experiment.data.batch)
    trunk = runs.open(name, 'encoder', steps, runs.fresh())
    began = time.monotonic()
    yield from runs.growing(name, trunk, steps // 2)
    network = yield from trunk.branching(steps - steps // 2)
    runs.save(name, network, {'pairs': runs.pairs, 'seconds': time.monotonic() - began})


def arm_work(runs: Runs, name: str) -> Work[None]:
    """Train one arm to its end."""
    arm, batch = ARMS[name], runs.experiment.data.batch
    fork, top, last = (int(share * runs.images) // batch for share in (FORK, TRUNK, 1.0))
    if arm.fork:
        top, last = top - fork, last - fork
    network = runs.network(needs(name)) if needs(name) else runs.fresh()
    trunk = runs.open(name, arm.stage, last, network)
    began = time.monotonic()
    if any(other.fork == name for other in ARMS.values()) and trunk.step.number <= fork:
        yield from runs.growing(name, trunk, fork)
        live = plain_copy(trunk.step.stage.network, trunk.step.stage.settings)
        runs.save(f'{name}_fork', live, {'step': fork})
    yield from runs.growing(name, trunk, top)
    network = yield from trunk.branching(last - top)
    seconds = time.monotonic() - began
    runs.save(name, network, facts_of(runs, name, seconds))
    _LOG.info('arm %s: %.0f s, %.0f images/s', name, seconds, last * batch / seconds)


def facts_of(runs: Runs, name: str, seconds: float) -> dict[str, Any]:
    """Return what a result's JSON says."""
    frames = runs.frames
    count = {k.kind: len(k.typical) for k in frames} if isinstance(frames, list) else {
        kind: frames.count(kind) for kind in frames.kinds}  # fmt: skip
    return {
        'arm': name,
        **asdict(ARMS[name]),
        'images': runs.images,
        'pairs_of_stage_0': runs.pairs,
        'seconds_of_training': round(seconds, 1),
        'device': torch.cuda.get_device_name() if runs.device.type == 'cuda' else 'cpu',
        'training_frames': count,
        'experiment': {**asdict(runs.experiment), 'stages': None},
    }


# ---- judging


@dataclass(frozen=True)
class Look:
    """A frame to judge by, as the network sees it. depth: m in the canonical camera, 0 unknown."""

    set: str
    scene: str
    image: torch.Tensor
    depth: NDArray[np.float32]
    typical: bool


def looks(manifest: Path, name: str, experiment: Experiment) -> Iterator[Look]:
    """Yield the validation frames of a manifest."""
    for shard in read_shards(manifest, VALIDATION):
        judged = Shard(shard.arrays, 'indoor', False)
        for i, scene in enumerate(shard.arrays['scene']):
            yield look(judged, i, name, f'{manifest.parent.name}/{scene}', experiment)


def look(shard: Shard, i: int, name: str, scene: str, experiment: Experiment) -> Look:
    """Return frame ``i`` of a shard at the network's size."""
    frame, data = shard.frame(i), experiment.data
    height, width = frame.rgb.shape[:2]
    size, whole = (data.height, data.width), (0, 0, height, width)
    rgb = crop_and_resize(frame.rgb, whole, size, nearest=False)
    depth = crop_and_resize(frame.depth.astype(np.float32), whole, size, nearest=True)
    fx = frame.fx * size[1] / frame.rgb.shape[1]
    metres, weight = canonical_depth(depth, fx, False, data)
    image = torch.from_numpy(rgb.transpose(2, 0, 1).copy()).float()[None] / 127.5 - 1
    return Look(name, scene, image, metres * (weight > 0), is_typical(frame, data))


Predict = Callable[[torch.Tensor], torch.Tensor]


def judged(chosen: Sequence[Look], predict: Predict, cap: float) -> list[FrameScore]:
    """Return the errors on all looks, and under a name of their own on the typical ones."""
    records = []
    known = [one for one in chosen if (one.depth > 0).any()]
    for first in range(0, len(known), BATCH):
        part = known[first : first + BATCH]
        depths = predict(torch.cat([one.image for one in part])).numpy()
        for number, (one, depth) in enumerate(zip(part, depths), first):
            for alignment in ('median', 'none'):
                errors = depth_metrics(depth, one.depth, cap=cap, alignment=alignment)
                for name in [one.set] + [f'{one.set}, typical'] * one.typical:
                    records.append(
                        FrameScore(str(number), name, one.scene, 'model', alignment, errors)
                    )
    return records


def summary_of(records: Sequence[FrameScore]) -> dict[str, Any]:
    """Return set -> frames, scenes, alignment -> metric -> mean and interval over scenes."""
    summary: dict[str, Any] = {}
    for name, alignments in summarise_scores(records).items():
        own = [r for r in records if r.kind == name]
        summary[name] = {
            'frames': len({r.frame for r in own}),
            'scenes': len({r.scene for r in own}),
            **{a: {k: v['model'][k] for k in KEPT} for a, v in alignments.items()},
        }
    return summary


def scene_means(records: Sequence[FrameScore]) -> dict[str, dict[str, list[float]]]:
    """Return set -> scene -> [median-scaled abs_rel, delta1], for paired comparisons."""
    values: dict[str, dict[str, list[list[float]]]] = {}
    for r in records:
        if r.alignment == 'median':
            row = [r.errors[k] for k in KEPT]
            values.setdefault(r.kind, {}).setdefault(r.scene, []).append(row)
    return {
        name: {scene: np.mean(rows, 0).round(5).tolist() for scene, rows in scenes.items()}
        for name, scenes in values.items()
    }


def judge(args: argparse.Namespace) -> None:
    """Write the JSON of every result in the folder of runs."""
    args.out.mkdir(parents=True, exist_ok=True)
    experiment = load_experiment(CONFIG)
    chosen = [one for path in args.rooms for one in looks(path, 'rooms', experiment)]
    for manifest in args.worlds:
        place = 'outdoor world' if manifest.parent.name in args.outdoor else 'indoor worlds'
        chosen += looks(manifest, place, experiment)
    for path in sorted(args.runs.glob('?_*.safetensors')):
        facts = json.loads(path.with_suffix('.json').read_text())
        if 'arm' in facts:
            judge_result(path, facts, chosen, args)


def judge_result(
    path: Path, facts: dict[str, Any], chosen: Sequence[Look], args: argparse.Namespace
) -> None:
    """Write the JSON of one result."""
    out = args.out / f'arm_{path.stem}.json'
    old = json.loads(out.read_text()) if out.exists() else {}
    if args.real_once and 'real' in old:
        raise ComparisonError(f'{out} has been judged on real images; they are to be used once')
    experiment = load_experiment(CONFIG)
    metres = predictor(path, facts, experiment, torch.device(args.device))
    records = judged(chosen, metres, experiment.data.max_depth)
    result = {**facts, 'sets': summary_of(records), 'scene_means': scene_means(records)}
    if args.real_once:
        result['real'] = judged_on_real(args.real_once, metres, experiment)
    elif 'real' in old:
        result['real'] = old['real']
    out.write_text(json.dumps(result, indent=1) + '\n')
    for key, values in result['sets'].items():
        print(path.stem, key, *(f'{k} {values["median"][k]["mean"]:.3f}' for k in KEPT))


def predictor(
    path: Path, facts: dict[str, Any], experiment: Experiment, device: torch.device
) -> Predict:
    """Return what gives canonical depth, m, [N, H, W] of images, as the arm's stage sees them."""
    network = S2RDepthNet(experiment.width)
    stage = make_stage(experiment.settings(StageConfig(facts['stage'], 1)), network).eval()
    assert isinstance(stage, DepthStage)
    # A stage may begin with a fresh DP: the weights come after it.
    network = S2RDepthNet(experiment.width)
    network.load_state_dict(load_file(path))
    network.eval().to(device)

    @torch.no_grad()
    def metres(images: torch.Tensor) -> torch.Tensor:
        output = stage.predict(network, images.to(device))
        return decode_depth(output.depths[-1], experiment.data.max_depth)[:, 0].cpu()

    return metres


def judged_on_real(manifest: Path, metres: Predict, experiment: Experiment) -> dict[str, Any]:
    """Return the errors on real images, which nothing may be chosen by: once, at the end."""
    max_depth = experiment.data.max_depth
    predict = predictor_of(
        lambda image: encode_depth(metres(image)[:, None], max_depth),
        metadata_of(experiment, 'comparison'),
    )
    frames = read_ground_truth(manifest)
    return summary_of([r for frame in frames for r in evaluate_frame(frame, predict, {})])


# ---- the table


def table(args: argparse.Namespace) -> None:
    """Print all results as Markdown, and each beside arm a of the same number of images."""
    results = [json.loads(path.read_text()) for path in sorted(args.results.glob('*.json'))]
    results = [r for r in results if 'scene_means' in r]
    results.sort(key=lambda r: (r['images'], r['arm']))
    for name in dict.fromkeys(key for r in results for key in r['sets']):
        rows = [r for r in results if name in r['sets']]
        first = rows[0]['sets'][name]
        print(f'\n{name}: {first["frames"]} frames of {first["scenes"]} scenes\n')
        print('| images | arm | abs_rel | delta1 | abs_rel less than a (paired) | delta1 more |')
        print('|---|---|---|---|---|---|')
        for result in rows:
            print(row(result, rows, name))


def row(result: dict[str, Any], rows: Sequence[dict[str, Any]], name: str) -> str:
    """Return one line of the table."""
    cells = [f'{result["images"]:,}', f'{result["arm"]}: {result["about"]}']
    cells += [cell(result['sets'][name]['median'][k]) for k in KEPT]
    other = [r for r in rows if r['arm'] == 'a' and r['images'] == result['images']]
    if other and result['arm'] != 'a':
        cells += [
            cell(value, '+.3f')
            for value in paired(result['scene_means'][name], other[0]['scene_means'][name])
        ]
    else:
        cells += ['', '']
    return '| ' + ' | '.join(cells) + ' |'


def cell(value: Interval, form: str = '.3f') -> str:
    """Return a mean with its interval."""
    return f'{value["mean"]:{form}} ({value["low"]:{form}} to {value["high"]:{form}})'


def paired(own: dict[str, list[float]], other: dict[str, list[float]]) -> list[Interval]:
    """Return, for each metric, how much better ``own`` is than ``other`` over the same scenes."""
    scenes = sorted(own.keys() & other.keys())
    better = np.array([np.subtract(own[s], other[s]) * (-1, 1) for s in scenes])
    return [interval(values) for values in better.T]


# ---- command line


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, metavar='COMMAND')
    learn = commands.add_parser('train', help='train arms up to a number of images; resumes')
    learn.add_argument('--arms', choices=ARMS, nargs='+', default=list(ARMS))
    learn.add_argument('--data', type=Path, nargs='+', required=True, help='manifest.json')
    learn.add_argument('--images', type=int, default=150_000)
    learn.add_argument('--pairs', type=int, default=40_000, help='pairs of stage 0')
    learn.add_argument('--batch', type=int, help='images a step, in place of the configured')
    learn.add_argument('--rate', type=float, help='learning rate, in place of the configured')
    learn.set_defaults(run=train)
    score = commands.add_parser('judge', help='score all results; writes their JSON')
    score.add_argument('--rooms', type=Path, nargs='+', required=True, help='manifests of rooms')
    score.add_argument('--worlds', type=Path, nargs='*', default=[], help='manifests, one a world')
    score.add_argument('--outdoor', nargs='*', default=['citysim'], help='worlds judged apart')
    score.add_argument('--out', type=Path, required=True, help='folder of the JSON')
    score.add_argument(
        '--real-once', type=Path, help='manifest.json of real images; at the very end, once'
    )
    score.set_defaults(run=judge)
    for command in (learn, score):
        command.add_argument('--runs', type=Path, required=True, help='folder of all arms')
        command.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    show = commands.add_parser('table', help='print all results')
    show.add_argument('results', type=Path)
    show.set_defaults(run=table)
    return top


def main() -> None:
    """Run the command."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    args = parser().parse_args()
    try:
        args.run(args)
    except UserError as error:
        raise SystemExit(f'compare_stages: {error}') from error


if __name__ == '__main__':
    main()
