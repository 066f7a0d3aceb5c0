"""Everything in a given time on one machine: render, train, export, evaluate.

For a GPU that is rented by the hour; the cores go on rendering while it trains. Interrupted, the
same command goes on: shards that are there are kept, a training that has begun keeps its steps, and
what is left shares the new time.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from s2r_depth_ros.evaluation.contact_sheet import contact_sheet
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, read_manifest
from s2r_depth_ros.evaluation.priors import load_priors
from s2r_depth_ros.evaluation.report import report
from s2r_depth_ros.evaluation.scores import score
from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.writers import write_color_picture
from s2r_depth_ros.share import share_directory
from s2r_depth_training.dataset.format import MANIFEST, count_frames
from s2r_depth_training.dataset.render_to_disk import next_scene, render_dataset
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.card import write_card
from s2r_depth_training.runs.experiment import Experiment, load_experiment
from s2r_depth_training.runs.export import export
from s2r_depth_training.runs.fit import CONFIG, fit
from s2r_depth_training.runs.pace import fitted_to, measure_pace
from s2r_depth_training.synthetic.sources.kinds import PROCEDURAL

_LOG = logging.getLogger(__name__)
# Shares of the time. A GPU leaves the cores free to go on rendering while it trains.
_RENDERING = 0.1 if torch.cuda.is_available() else 0.3
_EVALUATION = 0.05
_VALIDATION = 0.1  # share of the scenes, in a small set too
_FIRST_SCENES = 40  # enough for both splits, and to see how fast it goes
_MOST_SCENES = 20_000  # of a kind: 7 GB in memory
_SCENES_A_SHARD = 64
_SAFETY = 0.9


def timed_run(configs: Sequence[Path], minutes: float, out: Path, real: Path | None) -> list[Path]:
    """Render and train the experiments ``configs`` within ``minutes``; return the model files.

    Leaves NAME.safetensors of every experiment in ``out`` and, given the manifest ``real`` of
    real images, NAME.json with its errors, the contact sheet NAME.png and the card NAME.md. Raises
    ConfigError for experiments of one name or of scenes that cannot be rendered, PaceError if there
    is too little time.
    """
    end = time.monotonic() + 60 * minutes
    frames = read_manifest(real) if real else []  # before hours of work
    experiments = [_experiment(path, out) for path in configs]
    if len({e.name for e in experiments}) < len(experiments):
        raise ConfigError('two of the experiments have one name; change it in one of them')
    _render(experiments, 60 * minutes * _RENDERING, out)
    end -= 60 * minutes * _EVALUATION
    models = []
    for number, experiment in enumerate(experiments):
        share = (end - time.monotonic()) / (len(experiments) - number)
        models.append(_train(experiment, time.monotonic() + share, out))
        if real:
            _evaluate(models[-1], real, frames)
    return models


def _run_folder(name: str, out: Path) -> Path:
    return out / 'runs' / name


def _experiment(path: Path, out: Path) -> Experiment:
    """Return the experiment as its run has it, if it has begun, else as it is to begin."""
    experiment = load_experiment(path)
    begun = _run_folder(experiment.name, out) / CONFIG
    if begun.exists():
        return load_experiment(begun)
    data = experiment.data
    kinds = sorted(data.mix) or list(PROCEDURAL)
    if others := set(kinds) - set(PROCEDURAL):
        raise ConfigError(
            f'{path}: data.mix names {", ".join(sorted(others))}; a timed run renders '
            f'{" and ".join(PROCEDURAL)} only'
        )
    # Not resolved: a folder that was carried to another machine goes on there.
    sets = [out / 'data' / f'{data.height}x{data.width}' / kind for kind in kinds]
    data.manifests = [str(folder / MANIFEST) for folder in sets]
    if torch.cuda.is_available():  # on a CPU, training needs all cores
        data.renderers = 3 * _cores() // 4
        data.workers = max(1, _cores() - data.renderers - 1)
    return experiment


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _render(experiments: Sequence[Experiment], seconds: float, out: Path) -> None:
    """Render what is not yet learnt from: a training that goes on must find the same data."""
    begun = (out / 'runs').glob(f'*/{CONFIG}')
    fixed = {manifest for path in begun for manifest in load_experiment(path).data.manifests}
    sizes = {m: (e.data.height, e.data.width) for e in experiments for m in e.data.manifests}
    open_ = [manifest for manifest in sizes if manifest not in fixed]
    for manifest in open_:
        folder = Path(manifest).parent
        recipe = Recipe(folder.name, *sizes[manifest], validation=_VALIDATION)
        _render_set(folder, recipe, seconds / len(open_))


def _render_set(folder: Path, recipe: Recipe, seconds: float) -> None:
    """Render in rounds, each as large as the pace of the one before it allows."""
    start = time.monotonic()
    first, count = next_scene(folder), max(_FIRST_SCENES, 4 * _cores())
    smallest = count
    while count >= smallest:
        began = time.monotonic()
        per_shard = max(1, min(_SCENES_A_SHARD, count // (2 * _cores())))
        manifest = render_dataset(folder, recipe, first, count, _cores(), per_shard)
        now = time.monotonic()
        first += count
        affordable = _SAFETY * (start + seconds - now) * count / (now - began)
        count = min(int(affordable), _MOST_SCENES - first)
    seconds = time.monotonic() - start
    _LOG.info('%s: %d frames, rendered in %.0f s', folder, count_frames(manifest), seconds)


def _train(experiment: Experiment, end: float, out: Path) -> Path:
    """Train until about ``end``, a time.monotonic(), and export; return the model file."""
    folder, model = _run_folder(experiment.name, out), out / f'{experiment.name}.safetensors'
    if not (folder / CONFIG).exists():
        pace = measure_pace(experiment, out / f'{experiment.name}.trial')
        experiment = fitted_to(experiment, end - time.monotonic(), pace)
        steps = ', '.join(f'{s.name} {s.steps} steps' for s in experiment.stages)
        _LOG.info('%s: %s, at %s s a step', experiment.name, steps, pace.steps)
    best = fit(experiment, folder)
    export(best, experiment.name, model)
    return model


def _evaluate(model: Path, real: Path, frames: list[GroundTruthFrame]) -> None:
    """Write the errors on real images, a contact sheet and the card beside ``model``."""
    estimator = DepthEstimator(model)
    priors = load_priors(share_directory() / 'models' / 'priors.npz')
    results = report(score(estimator, frames, priors), estimator, real)
    text = json.dumps(results, indent=1) + '\n'
    write_atomically(model.with_suffix('.json'), text.encode())
    write_color_picture(model.with_suffix('.png'), contact_sheet(estimator, frames))
    _LOG.info('%s', write_card(model, results))
