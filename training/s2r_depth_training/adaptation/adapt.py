"""From recordings to a model that has learnt from them: everything that the command does."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.files import check_output, make_folder
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import read_metadata, save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.adaptation.judging import (
    FARTHEST,
    Errors,
    Judged,
    errors_of,
    recorded,
    rendered,
    scale_doubt,
    turn_doubt,
)
from s2r_depth_training.adaptation.lessons import fingerprint
from s2r_depth_training.adaptation.recording import Lessons
from s2r_depth_training.adaptation.tuning import (
    Course,
    Judgement,
    Tuning,
    load_course,
    save_course,
    tune,
)
from s2r_depth_training.dataset.bags import shard_frame, warn
from s2r_depth_training.dataset.format import (
    MANIFEST,
    TRAIN,
    VALIDATION,
    Manifest,
    read_manifest,
    write_manifest,
)
from s2r_depth_training.dataset.render_to_disk import all_cores, render_dataset, render_for
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.dataset.sampling import spread
from s2r_depth_training.dataset.shard_writer import ShardWriter
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import ConfigError, DataError
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.open_step import open_step
from s2r_depth_training.runs.relay import experiment_of
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.stages.config import StageConfig

KIND = 'recorded'
"""The kind of scene that frames of a recording have in a training set."""
RENDERED = {'indoor': 'indoor', 'outdoor': 'street', 'universal': 'indoor'}
"""The rendered scenes that are mixed in, by a model's scenes."""
RENDERING = 0.15
"""Share of the time that goes to rendering them, first."""

# Decided by the runs in training/RESULTS.md.
_RATE, _STEPS, _EVERY, _SHARE, _BATCH, _AVERAGE = 5e-4, 400, 50, 0.5, 8, 0.98
_STAGE = 'depth'
_JUDGING = 48  # frames of each kind
_FIRST_SCENE = 5_000_000  # no shipped model has seen scenes from here on
_LEAST_SCENES = 4  # of which the last is to judge by
_OWN = 0.03  # abs_rel, scaled; a model's own depth, recorded, differs by a hundredth
_LARGER = 1.25  # stored frames than the network's input, of which crops are taken


@dataclass(frozen=True)
class Order:
    """What is to be done. model: a name or a file. out: the new model's file.

    minutes: all that it may take, rendering too. synthetic: manifest of rendered scenes to mix in,
    None: they are rendered.
    """

    model: str
    out: Path
    minutes: float
    synthetic: Path | None = None


@dataclass(frozen=True)
class Adapted:
    """before, after: errors. lessons: what was learnt from."""

    path: Path
    before: Judgement
    after: Judgement
    lessons: Lessons


def adapt(order: Order, lessons: Lessons, progress: Callable[[int, Course], None]) -> Adapted:
    """Fine-tune a model on recordings and write it; goes on where it was cut off.

    Raises UserError for a model that cannot be trained, and files that cannot be written.
    """
    check_order(order)
    source = find_model(order.model)
    metadata = read_metadata(source)
    work = order.out.with_suffix('.adapting')
    make_folder(work)
    seconds = 60 * order.minutes
    synthetic = order.synthetic or _render(work, metadata, seconds * RENDERING)
    # Statistics of a few hundred frames would replace those of all that the model has seen.
    stage = StageConfig(_STAGE, _STEPS, freeze_batch_norm=True)
    experiment = _experiment(source, stage, [_written(work / 'recorded', lessons), synthetic])
    judge = _Judge(work / 'candidate.safetensors', metadata, lessons, synthetic)
    torch.manual_seed(experiment.seed)
    frames = FrameStore(experiment.data.manifests, TRAIN)
    step = open_step(experiment, stage, start_network(experiment), frames, torch.device('cpu'))
    course = _trained(step, judge, order, work, progress)
    return _finished(order, metadata, lessons, course, work)


def check_order(order: Order) -> None:
    """Raise UserError for an order that cannot be done; before hours of work."""
    source = find_model(order.model)
    experiment_of(source)
    if source.resolve() == order.out.resolve():
        raise ConfigError(f'--out {order.out} is the model to start from; give another file')
    check_output(order.out, ('.safetensors',))
    card = card_of(order.out)
    if card.exists() and not order.out.exists():
        raise ConfigError(
            f'{card}, which would be the card of the model, is there: give another --out'
        )
    if order.synthetic:
        _held_out(order.synthetic)


def card_of(model: Path) -> Path:
    """Return where the card of a model is."""
    return model.with_suffix('.md')


def _trained(
    step: TrainingStep,
    judge: _Judge,
    order: Order,
    work: Path,
    progress: Callable[[int, Course], None],
) -> Course:
    """Train to the end, going on with what is in ``work``."""
    state = work / 'state.pt'
    facts = {
        'model': judge.metadata.sha256,
        'recordings': judge.lessons.names,
        'frames': len(judge.lessons.learning),
        'content': fingerprint(*judge.lessons.learning, *judge.lessons.judging).hex(),
        'scenes': hashlib.sha256(judge.synthetic.read_bytes()).hexdigest(),
        'minutes': order.minutes,
    }
    course = load_course(state, step, facts) if state.exists() else Course()
    tuning = Tuning(_RATE, _STEPS, 60 * order.minutes * (1 - RENDERING), _EVERY)
    tune(step, course, tuning, judge, lambda: save_course(state, step, course, facts), progress)
    return course


class _Judge:
    """Judges networks by the recording and by rendered scenes that nothing has learnt from."""

    def __init__(
        self, file: Path, metadata: ModelMetadata, lessons: Lessons, synthetic: Path
    ) -> None:
        self.metadata, self.lessons, self.synthetic = metadata, lessons, synthetic
        self._file = file
        self._recorded = spread(recorded(lessons.judging), _JUDGING)
        self._rendered = spread(_held_out(synthetic), _JUDGING)

    def __call__(self, step: int, network: S2RDepthNet) -> Judgement:
        save_model(self._file, network, replace(self.metadata, sha256=''), torch.float16)
        estimator = DepthEstimator(self._file, device='cpu')
        recording, scenes = (errors_of(estimator, f) for f in (self._recorded, self._rendered))
        if not recording.frames:
            raise DataError(
                f'no frame to judge by has depth within {FARTHEST[self.metadata.scene]:.0f} m, as '
                f'far as {self.metadata.name} is judged: is depth in the wrong unit (32FC1 is '
                'metres, 16UC1 millimetres)? For wide places adapt a model for outdoor scenes'
            )
        if step == 0 and recording.abs_rel_scaled < _OWN:
            raise DataError(
                f'depth of the recording is within {recording.abs_rel_scaled:.1%} of what '
                f'{self.metadata.name} says, so nothing is left to learn; if it is the output of '
                'the depth node, give --depth or --lidar the topic of a sensor'
            )
        if step == 0:
            turned = turn_doubt(estimator, self._recorded, recording)
            for doubt in filter(None, (scale_doubt(recording), turned)):
                warn(doubt)
        return Judgement(step, recording, scenes)


def _held_out(manifest: Path) -> list[Judged]:
    store = FrameStore([manifest], VALIDATION)
    return rendered(store.frame(k, i) for k in store.kinds for i in range(store.count(k)))


def _render(work: Path, metadata: ModelMetadata, seconds: float) -> Path:
    """Render scenes that the model has not seen, unless that was done; return their manifest.

    The folder is named by the model's scenes and size, as another model may have begun in ``work``,
    and gets its name when it is whole: the first shards alone would be few scenes, perhaps
    none to judge by. Some of both are rendered however short the time is.
    """
    height, width = (int(n * _LARGER) for n in (metadata.input_height, metadata.input_width))
    recipe = Recipe(RENDERED[metadata.scene], height, width, validation=0.2)
    folder = work / f'{recipe.kind}_{height}x{width}'
    if not folder.exists():
        part = folder.with_name(f'{folder.name}_part')
        end = time.monotonic() + seconds
        for scenes in itertools.count(_LEAST_SCENES):
            shards = render_dataset(part, recipe, _FIRST_SCENE, scenes, workers=1)['shards']
            if {shard['split'] for shard in shards} == {TRAIN, VALIDATION}:
                break
        left = end - time.monotonic()
        render_for(part, recipe, _FIRST_SCENE, left, all_cores(), per_shard=16)
        part.rename(folder)
    return folder / MANIFEST


def _written(folder: Path, lessons: Lessons) -> Path:
    """Write the frames to learn from as a training set; return its manifest."""
    writer = ShardWriter(folder, TRAIN)
    for pair in lessons.learning:
        writer.add(shard_frame(pair, 0))
    writer.flush()
    manifest = Manifest(kind=KIND, zero_depth='unknown', shards=writer.entries)
    return write_manifest(folder, manifest)


def _experiment(source: Path, stage: StageConfig, sets: list[Path]) -> Experiment:
    """Return how the model was trained, but learning from a recording and rendered scenes."""
    experiment = experiment_of(source)
    experiment.start, experiment.stages, experiment.ema = str(source), [stage], _AVERAGE
    data = experiment.data
    data.manifests = [str(path) for path in sets]
    data.mix = {KIND: _SHARE, read_manifest(sets[1])['kind']: 1 - _SHARE}
    data.batch, data.typical = _BATCH, {}
    data.resize, data.rotation = 'area', 0.0  # depth of a lidar is too sparse to be mixed
    return experiment


def _finished(
    order: Order, metadata: ModelMetadata, lessons: Lessons, course: Course, work: Path
) -> Adapted:
    """Write the best network as a model, and remove what it was made with."""
    before, after = course.history[0], course.best_judgement
    assert course.best is not None
    network = S2RDepthNet(metadata.width)
    network.load_state_dict(course.best)
    told = _provenance(metadata, lessons, before, after)
    new = replace(
        metadata, name=order.out.stem, provenance=told, scores={}, sha256='', placeholder=''
    )
    save_model(order.out, network.eval(), new, torch.float16)
    shutil.rmtree(work)
    return Adapted(order.out, before, after, lessons)


def _provenance(
    metadata: ModelMetadata, lessons: Lessons, before: Judgement, after: Judgement
) -> dict[str, Any]:
    known = metadata.provenance
    return {
        **{key: known[key] for key in ('experiment', 'seen', 'annealed', 'scenes') if key in known},
        'stage': _STAGE,
        'images': (
            f'{known.get("images", "unknown")}; then adapted to {len(lessons.learning)} frames of '
            f'{", ".join(lessons.names)} with depth by {lessons.truth}'
        ),
        'adapted': {
            'recordings': lessons.names,
            'truth': lessons.truth,
            'frames': len(lessons.learning),
            'steps': after.step,
            'share': after.share,
            'before': _told(before),
            'after': _told(after),
        },
        'before': {'name': metadata.name, 'sha256': metadata.sha256},
    }


def _told(judgement: Judgement) -> dict[str, dict[str, float]]:
    def rounded(errors: Errors) -> dict[str, float]:
        return {key: round(value, 4) for key, value in errors._asdict().items()}

    return {'recording': rounded(judgement.recording), 'rendered': rounded(judgement.rendered)}
