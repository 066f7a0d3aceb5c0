"""The files of a comparison: a result's weights and its facts, and what judging made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from comparison_of_stages.arms import ComparisonError
from s2r_depth_ros.evaluation.scores import Interval
from s2r_depth_ros.files import JsonError, read_json
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

KEPT = ('abs_rel', 'delta1')
"""The metrics that are compared."""


@dataclass(frozen=True)
class SetScores:
    """An arm's scores on one set. median: of the metrics KEPT, depth scaled by medians."""

    frames: int
    scenes: int
    median: tuple[Interval, ...]


@dataclass(frozen=True)
class ArmResult:
    """What judging found of one arm. scene_means: set -> scene -> the metrics KEPT."""

    images: int
    arm: str
    about: str
    sets: dict[str, SetScores]
    scene_means: dict[str, dict[str, list[float]]]


def save_result(path: Path, network: S2RDepthNet, facts: dict[str, Any]) -> None:
    """Write a result's weights to ``path``, and the facts about it beside them."""
    path.with_suffix('.json').write_text(json.dumps(facts, indent=1) + '\n')
    # Copies: DP's one PReLU has 18 names.
    save_file({k: v.clone() for k, v in network.state_dict().items()}, path)


def load_network(path: Path, width: float) -> S2RDepthNet:
    """Return the network whose weights ``path`` holds.

    Raises ComparisonError for a file that is none of a network of ``width``.
    """
    network = S2RDepthNet(width)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ComparisonError(
            f'{path} is no result of width {width:g} ({reason}); move it away and train again'
        ) from error
    return network


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts in a result's JSON. Raises ComparisonError for another file."""
    content = _read_json(path)
    if not isinstance(content, dict):
        raise ComparisonError(f'{path} says nothing of a result; move it away')
    return content


def read_results(folder: Path) -> list[ArmResult]:
    """Return what judging wrote into ``folder``.

    Raises ComparisonError if there is nothing, or a JSON file that is something else.
    """
    if not folder.is_dir():
        raise ComparisonError(f'{folder} is no folder; give the one that judge wrote to')
    results = [_read_result(path) for path in sorted(folder.glob('*.json'))]
    if not results:
        raise ComparisonError(f'{folder} has no results (*.json); let judge write them first')
    return results


def _read_result(path: Path) -> ArmResult:
    content = _read_json(path)
    try:
        sets = {name: _set_scores(of_set) for name, of_set in content['sets'].items()}
        means = {
            name: {scene: [float(v) for v in values] for scene, values in scenes.items()}
            for name, scenes in content['scene_means'].items()
        }
        if means.keys() != sets.keys():
            raise ValueError('sets and scene_means are of different sets')
        if any(len(values) != len(KEPT) for scenes in means.values() for values in scenes.values()):
            raise ValueError(f'a scene has not {len(KEPT)} means')
        return ArmResult(
            int(content['images']), str(content['arm']), str(content['about']), sets, means
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ComparisonError(
            f'{path} is not what judge writes ({error!r}); move it out of the folder'
        ) from error


def _set_scores(of_set: Any) -> SetScores:
    intervals = (of_set['median'][metric] for metric in KEPT)
    return SetScores(
        int(of_set['frames']),
        int(of_set['scenes']),
        tuple(
            Interval(mean=float(i['mean']), low=float(i['low']), high=float(i['high']))
            for i in intervals
        ),
    )


def _read_json(path: Path) -> Any:
    try:
        return read_json(path)
    except JsonError as error:
        raise ComparisonError(f'{error}; move it away') from error
