"""An experiment in pieces: minutes of a GPU or hours of a CPU that add up to one long run.

A folder keeps two files of an experiment: NAME.safetensors, the annealed model to use, and
NAME.trunk.pt, from which the next piece goes on as if nothing had come between. Where only the
model is at hand, its weights are gone on from, with a fresh optimizer that warms up.

The model's provenance is the ledger: how many images each stage has learnt from, and which scenes
(by kind, first and last of every range), so that no later piece renders them again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.files import check_output, make_folder
from s2r_depth_ros.network.checkpoint import read_metadata, save_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.device_frames import DeviceFrames
from s2r_depth_training.dataset.format import read_manifest
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError
from s2r_depth_training.runs.budget import Extent, Steps, Until
from s2r_depth_training.runs.checkpoint import metadata_of
from s2r_depth_training.runs.experiment import WEIGHT_FILES, Experiment, experiment_from
from s2r_depth_training.runs.export import without_paths
from s2r_depth_training.runs.open_step import open_step
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.runs.trunk import Trunk, Work, load_trunk, save_trunk
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.table import STAGES, require_exportable
from s2r_depth_training.synthetic.sources.kinds import PROCEDURAL

_LOG = logging.getLogger(__name__)
# Models that have no ledger yet were trained on scenes below this.
_FIRST_SCENE = 1_000_000
_OF_DP_ALONE = [name for name, rule in STAGES.items() if rule.trained == ('depth_net',)]

Ranges = list[list[int]]


@dataclass
class Relay:
    """What a run has come to, between its pieces.

    stage: the number of the stage that it is in. seen: stage -> images that its trunk learnt from.
    scenes: kind -> ranges of the scenes' numbers. state: of the step, None where a stage begins.
    sha256: of the model that was published with it, '' for none. before: name, sha256 and
    provenance of the model whose weights it went on from, empty for none.
    """

    experiment: Experiment
    stage: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    scenes: dict[str, Ranges] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    sha256: str = ''
    before: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Return what the trunk's file says besides the step's state."""
        return {
            'experiment': asdict(self.experiment),
            'stage': self.stage,
            'seen': self.seen,
            'scenes': self.scenes,
            'sha256': self.sha256,
            'before': self.before,
        }

    def model(self, out: Path) -> Path:
        """Return the file of its model in a folder."""
        return model_file(self.experiment, out)

    def next_scene(self, kind: str) -> int:
        """Return the first number of a scene of ``kind`` above all that were learnt from."""
        return max((last + 1 for _, last in self.scenes.get(kind, [])), default=0)

    def add_scenes(self, manifests: Sequence[str | Path]) -> None:
        """Note the scenes of training sets. Raises DataError for a set that cannot be read."""
        for path in map(Path, manifests):
            manifest = read_manifest(path)
            spans = [entry['seeds'] for entry in manifest['shards'] if 'seeds' in entry]
            known = self.scenes.get(manifest['kind'], [])
            self.scenes[manifest['kind']] = _merged([*known, *spans])


def _merged(ranges: Ranges) -> Ranges:
    """Return the ranges sorted, those that touch or overlap as one."""
    merged: Ranges = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(last, merged[-1][1])
        else:
            merged.append([first, last])
    return merged


def model_file(experiment: Experiment, out: Path) -> Path:
    """Return the file of the model that ``experiment`` trains in a folder."""
    return out / f'{experiment.name}.safetensors'


def trunk_file(model: Path) -> Path:
    """Return the file of the trunk that belongs to a model file."""
    return model.with_suffix('.trunk.pt')


def open_relay(experiment: Experiment | None, out: Path, start: Path | None) -> Relay:
    """Return the run of ``experiment`` in ``out`` as far as it has come.

    start: model file to go on from; its experiment is taken where none is given, its trunk where
    that lies beside it. Raises ConfigError if there is nothing to go on from or two things at once,
    and for a rate in steps, ExportError for an experiment whose last stage gives no model.
    """
    if experiment is None:
        if start is None:
            raise ConfigError('give an experiment, or a model to go on from')
        experiment = experiment_of(start)
    elif experiment.optimizer.schedule == 'step':
        raise ConfigError(
            'optimizer.schedule: step is of `fit`; a trunk has one rate, and its branches are '
            'annealed: leave it out'
        )
    if not experiment.stages:
        raise ConfigError('stages: the experiment has none')
    require_exportable(experiment.stages[-1].name, experiment.name)
    model = model_file(experiment, out)
    if trunk_file(model).exists():
        if start is not None and start.resolve() != model.resolve():
            raise ConfigError(
                f'{out} holds a run of {experiment.name} already: go on with it by leaving {start} '
                'out, or give another folder'
            )
        return _from_trunk(experiment, trunk_file(model), model)
    if start is None:
        return _from_start(experiment) if experiment.start else Relay(experiment)
    if trunk_file(start).exists():
        return _from_trunk(experiment, trunk_file(start), start)
    return _from_model(experiment, start)


def keep_to_kinds(relay: Relay, there: Sequence[str]) -> None:
    """Leave out of a model's mix the kinds that are not ``there``, and say so.

    Nothing changes where none of them is.
    """
    data = relay.experiment.data
    others = sorted(set(data.mix) - set(there))
    left = {kind: share for kind, share in data.mix.items() if kind in there}
    if others and left:
        _LOG.warning(
            '%s has also learnt from %s, which is not here: goes on with %s alone',
            relay.experiment.name, ', '.join(others), ' and '.join(left),
        )  # fmt: skip
        data.mix = left


def check_names(relays: Sequence[Relay]) -> None:
    """Raise ConfigError if two runs have one name, by which their files are called."""
    if len({relay.experiment.name for relay in relays}) < len(relays):
        raise ConfigError('two experiments have the same name; change it in one of them')


def experiment_of(model: Path) -> Experiment:
    """Return the experiment that a model file was trained by.

    Raises CheckpointError for a file that is none, ConfigError if it does not say.
    """
    metadata = read_metadata(model)
    try:
        values = dict(metadata.provenance['experiment'])
        if {stage['name'] for stage in values['stages']} - set(STAGES):
            # The first models tell of their stages in words; the last one is gone on with, as far
            # as the piece says.
            last = {'name': metadata.provenance['stage'], 'steps': 1}
            last['learning_rate'] = values['stages'][-1].get('learning_rate')
            values['stages'] = [last]
        experiment = experiment_from(values)
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise ConfigError(
            f'{model} does not say by which experiment it was trained ({error}); give its YAML'
        ) from error
    experiment.name = metadata.name
    experiment.data.manifests, experiment.data.paintings = [], ''
    for key in WEIGHT_FILES:
        setattr(experiment, key, '')
    experiment.validation.real = ''
    return experiment


def _from_trunk(experiment: Experiment, path: Path, model: Path) -> Relay:
    """Return the run whose trunk is in ``path``."""
    content = load_trunk(path)
    facts = content.pop('facts')
    if facts['sha256'] and model.exists():
        metadata = read_metadata(model)
        # A piece may have been cut off between writing the model and its trunk.
        if facts['sha256'] not in (metadata.sha256, metadata.provenance.get('after')):
            raise ConfigError(f'{path} is not the trunk of {model}; move one of them away')
    before = experiment_from(facts['experiment'])
    if (before.width, before.stages) != (experiment.width, experiment.stages):
        raise ConfigError(
            f'{path} is of another width or other stages than the experiment {experiment.name}; '
            'give another folder'
        )
    return Relay(
        experiment, facts['stage'], facts['seen'], facts['scenes'], content, facts['sha256'],
        facts.get('before', {}),
    )  # fmt: skip


def _from_model(experiment: Experiment, model: Path) -> Relay:
    """Return a run that goes on from a model's weights, in the experiment's last stage."""
    experiment.start = str(model)
    relay = _from_start(experiment)
    relay.stage = len(experiment.stages) - 1
    return relay


def _from_start(experiment: Experiment) -> Relay:
    """Return a run that begins with the weights, and the ledger, of ``experiment.start``."""
    metadata = read_metadata(experiment.start)
    known = metadata.provenance
    scenes = known.get('scenes') or {
        kind: [[0, _FIRST_SCENE - 1]] for kind in experiment.data.mix or PROCEDURAL
    }  # fmt: skip
    before = {'name': metadata.name, 'sha256': metadata.sha256, 'provenance': known}
    return Relay(experiment, seen=dict(known.get('seen', {})), scenes=dict(scenes), before=before)


def piece_work(
    relay: Relay,
    extent: Extent,
    frames: FrameStore | Sequence[DeviceFrames],
    device: torch.device,
    out: Path,
) -> Work[Path]:
    """Train one piece and publish it, stopping after every few steps so that others may run.

    Leaves NAME.safetensors and NAME.trunk.pt in ``out``, and NAME.jsonl with the losses. Raises
    DivergedError if the loss is no longer finite; what was saved before stays. ConfigError for
    fewer images than a step has, OutputError if the files cannot be written.
    """
    experiment, began = relay.experiment, time.monotonic()
    if 0 < extent.images < experiment.data.batch:
        raise ConfigError(
            f'{extent.images} images are less than a step ({experiment.data.batch}); give more'
        )
    make_folder(out)
    model = relay.model(out)
    for path in (model, trunk_file(model), model.with_suffix('.jsonl')):
        check_output(path)
    torch.manual_seed(experiment.seed)
    network = start_network(experiment)
    stages = experiment.stages[relay.stage :]
    piece = _Piece(relay, frames, device, model)
    for number, stage in enumerate(stages, 1):
        budget = extent.budget(stages[number - 1 :], experiment.data.batch)
        network, annealed = yield from piece.training(stage, network, budget)
        if number < len(stages):
            relay.stage, relay.state = relay.stage + 1, None
    _LOG.info('%s: a piece of %.0f s', experiment.name, time.monotonic() - began)
    return _publish(relay, network, annealed, out)


@dataclass(frozen=True)
class _Piece:
    """What the stages of a piece have in common. model: the file that it publishes."""

    relay: Relay
    frames: FrameStore | Sequence[DeviceFrames]
    device: torch.device
    model: Path

    def training(
        self, stage: StageConfig, network: S2RDepthNet, budget: Steps | Until
    ) -> Work[tuple[S2RDepthNet, int]]:
        """Train a stage as far as ``budget``; return its annealed average and its images.

        The trunk stays in ``relay.state``.
        """
        relay, batch = self.relay, self.relay.experiment.data.batch
        if relay.state is None and STAGES[stage.name].fresh_depth:
            # What DP alone had learnt is gone.
            relay.seen = {k: n for k, n in relay.seen.items() if k not in _OF_DP_ALONE}
        trunk = self._open(stage, network)
        before = relay.seen.get(stage.name, 0)
        grown = False
        # At least once: where starting took all the time, the piece would not count.
        while not grown:
            grown = yield from budget.growing(trunk)
            relay.seen[stage.name] = before + trunk.grown * batch
            save_trunk(trunk.step.state(), trunk_file(self.model), relay.facts())
        left = budget.left(trunk)
        averaged = yield from trunk.branching(left)
        relay.state = trunk.step.state()
        return averaged, left * batch

    def _open(self, stage: StageConfig, network: S2RDepthNet) -> Trunk:
        """Return the trunk of a stage as far as it has come."""
        experiment, state = self.relay.experiment, self.relay.state
        number = state['number'] if state else 0
        step = open_step(experiment, stage, network, self.frames, self.device, number)
        if state:
            step.restore(state)
        config = experiment.optimizer
        rate = stage.learning_rate or config.learning_rate
        return Trunk(step, rate, config.warm_up, self.model.with_suffix('.jsonl'))


def _publish(relay: Relay, network: S2RDepthNet, annealed: int, out: Path) -> Path:
    """Write the model, and the trunk that belongs to it."""
    experiment = relay.experiment
    stage = experiment.stages[relay.stage].name
    path = relay.model(out)
    provenance = {
        'stage': stage,
        'images': 'synthetic only',
        'experiment': without_paths(experiment),
        'seen': dict(relay.seen),
        'annealed': annealed,
        'after': relay.sha256,
        'scenes': relay.scenes,
        **({'before': relay.before} if relay.before else {}),
    }
    metadata = metadata_of(experiment, experiment.name, provenance)
    relay.sha256 = save_model(path, network, metadata, torch.float16).sha256
    assert relay.state is not None
    save_trunk(relay.state, trunk_file(path), relay.facts())
    return path
