"""The judging of results: errors on held-out frames, as each arm's stage sees them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from comparison_of_stages.arms import ComparisonError, shared_experiment
from comparison_of_stages.results import KEPT, load_network, read_facts
from s2r_depth_ros.evaluation.manifest import read_ground_truth
from s2r_depth_ros.evaluation.metrics import depth_metrics
from s2r_depth_ros.evaluation.parts import predictor_of
from s2r_depth_ros.evaluation.scores import FrameScore, evaluate_frame, summarise_scores
from s2r_depth_ros.files import make_folder
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.augmentation import crop_and_resize
from s2r_depth_training.dataset.canonical import canonical_depth
from s2r_depth_training.dataset.format import VALIDATION, Shard, read_shards
from s2r_depth_training.dataset.sampling import is_typical
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.losses import decode_depth, encode_depth
from s2r_depth_training.stages.table import STAGES, make_stage

BATCH = 16

Predict = Callable[[torch.Tensor], torch.Tensor]


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
    make_folder(args.out)
    experiment = shared_experiment()
    chosen = [one for path in args.rooms for one in looks(path, 'rooms', experiment)]
    for path in args.wide:
        chosen += looks(path, 'rooms, wide poses', experiment)
    for manifest in args.worlds:
        kind = 'outdoor world' if manifest.parent.name in args.outdoor else 'indoor worlds'
        chosen += looks(manifest, kind, experiment)
    for path in sorted(args.runs.glob('?_*.safetensors')):
        facts = read_facts(path.with_suffix('.json'))
        if 'arm' in facts:
            judge_result(path, facts, chosen, args)


def judge_result(
    path: Path, facts: dict[str, Any], chosen: Sequence[Look], args: argparse.Namespace
) -> None:
    """Write the JSON of one result, on all looks but at worlds that it learnt from."""
    out = args.out / f'arm_{path.stem}.json'
    old = read_facts(out) if out.exists() else {}
    if args.real_once and 'real' in old:
        raise ComparisonError(f'{out} has been judged on real images; they are to be used once')
    experiment = shared_experiment()
    metres = predictor(path, facts, experiment, resolve_device(args.device))
    known = facts.get('worlds', [])
    unseen = [one for one in chosen if one.scene.split('/')[0] not in known]
    records = judged(unseen, metres, experiment.data.max_depth)
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
    if facts.get('stage') not in STAGES:
        raise ComparisonError(f'{path}: its JSON names no stage ({facts.get("stage")!r})')
    stage = make_stage(experiment.settings(StageConfig(facts['stage'], 1)), network).eval()
    assert isinstance(stage, DepthStage)
    # A stage may begin with a fresh DP: the weights come after it.
    network = load_network(path, experiment.width).eval().to(device)

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
