"""Everything in a given time on one machine: render new scenes, train on, publish, evaluate.

For a GPU that is lent for minutes. All cores render first, then the training has the machine to
itself: processes that render take time slices of the GPU from it. The same command goes on where it
was, interrupted or finished: every call is one more piece of a relay (see relay.py).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from s2r_depth_ros.evaluation.contact_sheet import contact_sheet
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, read_ground_truth
from s2r_depth_ros.evaluation.priors import load_priors
from s2r_depth_ros.evaluation.report import report
from s2r_depth_ros.evaluation.scores import score
from s2r_depth_ros.files import write_json
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.writers import write_color_picture
from s2r_depth_ros.share import share_directory
from s2r_depth_training.dataset.format import MANIFEST, frames_of_set
from s2r_depth_training.dataset.render_to_disk import all_cores, next_scene, render_for
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.errors import ConfigError, PaceError
from s2r_depth_training.runs.budget import Extent
from s2r_depth_training.runs.card import write_card
from s2r_depth_training.runs.experiment import Experiment, load_experiment
from s2r_depth_training.runs.relay import Relay, check_names, keep_to_kinds, open_relay
from s2r_depth_training.runs.side_by_side import run_pieces
from s2r_depth_training.synthetic.sources.kinds import PROCEDURAL

_LOG = logging.getLogger(__name__)
# Shares of the time. A GPU learns from a frame many times in a minute, a CPU once in an hour.
_RENDERING = 0.14 if torch.cuda.is_available() else 0.3
_EVALUATION = 0.05
_LEAST_S = 5.0  # to render a kind of scene, and to train a model, in which one step can be taken
_SCENES_A_SHARD = 8  # small, as workers end with the shard that they are at
# Frames are larger than the network's input, of which crops are taken.
_LARGER = 1.5


@dataclass(frozen=True)
class TimedRun:
    """What a timed run is given. start: model to go on from; configs may then be empty.

    real: manifest of real images to be judged by. device: to train on. batch: images a step, None
    for the experiments' own.
    """

    configs: Sequence[Path]
    out: Path
    device: torch.device
    start: Path | None = None
    real: Path | None = None
    batch: int | None = None


def timed_run(run: TimedRun, minutes: float) -> list[Path]:
    """Render and train the experiments of ``run`` within ``minutes``; return the model files.

    Leaves NAME.safetensors and NAME.trunk.pt of every experiment in ``run.out`` and, given real
    images, NAME.json with its errors, the contact sheet NAME.png and the card NAME.md. Raises
    ConfigError for experiments of one name or of scenes that cannot be rendered, PaceError if there
    is too little time.
    """
    end = time.monotonic() + 60 * minutes
    frames = read_ground_truth(run.real) if run.real else []  # before hours of work
    relays = _open_all(run)
    rendering = 60 * minutes * _RENDERING
    if rendering < _LEAST_S * len(relays):
        least = math.ceil(10 * _LEAST_S * len(relays) / 60 / _RENDERING) / 10
        raise PaceError(
            f'{minutes:g} min are too few to render and train {len(relays)} experiments; give at '
            f'least {least}'
        )
    _render(relays, rendering, run.out)
    end -= 60 * minutes * _EVALUATION
    models = run_pieces(relays, Extent(end=end), run.device, run.out)
    for model in models:
        if run.real:
            _evaluate(model, run.real, frames)
    return models


def _open_all(run: TimedRun) -> list[Relay]:
    """Return the experiments as far as they have come."""
    given: list[Experiment | None] = [load_experiment(path) for path in run.configs]
    relays = [open_relay(one, run.out, run.start) for one in given or [None]]
    check_names(relays)
    for relay in relays:
        relay.experiment.data.batch = run.batch or relay.experiment.data.batch
        if not run.configs:
            keep_to_kinds(relay, tuple(PROCEDURAL))
        if others := set(_kinds(relay)) - set(PROCEDURAL):
            raise ConfigError(
                f'{relay.experiment.name}: data.mix names {", ".join(sorted(others))}; a timed run '
                f'renders {" and ".join(PROCEDURAL)} only: render the rest and train by `relay`'
            )
    return relays


def _kinds(relay: Relay) -> list[str]:
    return sorted(relay.experiment.data.mix) or list(PROCEDURAL)


def _render(relays: Sequence[Relay], seconds: float, out: Path) -> None:
    """Render every set that the experiments need for its share of ``seconds``, on all cores.

    Experiments that need the same scenes in one size share a set.
    """
    wanted: dict[tuple[str, int, int], list[Relay]] = {}
    for relay in relays:
        data = relay.experiment.data
        size = (int(data.height * _LARGER), int(data.width * _LARGER))
        for kind in _kinds(relay):
            wanted.setdefault((kind, *size), []).append(relay)
        folders = [_set_folder(out, kind, *size) for kind in _kinds(relay)]
        data.manifests = [str(folder / MANIFEST) for folder in folders]
    for (kind, height, width), users in wanted.items():
        folder, began = _set_folder(out, kind, height, width), time.monotonic()
        first = max(next_scene(folder), *(relay.next_scene(kind) for relay in users))
        # Only typical frames are drawn. The first experiment's limits are those of the set.
        recipe = Recipe(kind, height, width, typical=users[0].experiment.data.typical_of(kind))
        manifest = render_for(
            folder, recipe, first, seconds / len(wanted), all_cores(), _SCENES_A_SHARD
        )
        took = time.monotonic() - began
        _LOG.info('%s: %d frames, after %.0f s', folder, frames_of_set(manifest), took)
    for relay in relays:
        relay.add_scenes(relay.experiment.data.manifests)


def _set_folder(out: Path, kind: str, height: int, width: int) -> Path:
    return out / 'data' / f'{height}x{width}' / kind


def _evaluate(model: Path, real: Path, frames: list[GroundTruthFrame]) -> None:
    """Write the errors on real images, a contact sheet and the card beside ``model``."""
    estimator = DepthEstimator(model)
    priors = load_priors(share_directory() / 'models' / 'priors.npz')
    results = report(score(estimator, frames, priors), estimator, real)
    write_json(model.with_suffix('.json'), results)
    write_color_picture(model.with_suffix('.png'), contact_sheet(estimator, frames))
    _LOG.info('%s', write_card(model, results))
