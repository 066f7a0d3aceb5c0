"""Runs an experiment: its stages one after the other, each from where it was left."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from s2r_depth_ros.files import make_folder, write_atomically
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.format import TRAIN
from s2r_depth_training.dataset.live_frames import LiveFrames
from s2r_depth_training.dataset.store import Frames, FrameStore
from s2r_depth_training.errors import ConfigError, DataError, ExportError
from s2r_depth_training.runs.callbacks import Pictures, RandomStates, RealImages, Rendering
from s2r_depth_training.runs.checkpoint import Provenance, load_checkpoint
from s2r_depth_training.runs.experiment import (
    Experiment,
    experiment_from,
    load_experiment,
    save_experiment,
)
from s2r_depth_training.runs.feed import StageData
from s2r_depth_training.runs.monitor import check_monitor
from s2r_depth_training.runs.start import start_network
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.table import STAGES, make_stage

_LOG = logging.getLogger(__name__)
CONFIG = 'experiment.yaml'
# What Lightning warns of though it is meant to be so.
_INTENDED = (
    r'Found \d+ module\(s\) in eval mode',  # frozen parts and the average
    r'Checkpoint directory .* exists and is not empty',  # the curves are beside the checkpoints
    r'The number of training batches .* is smaller than the logging interval',  # after a resume
)


def fit(experiment: Experiment, out: Path, watchers: Sequence[Callback] = ()) -> Path:
    """Train all stages into the folder ``out``; return the last stage's best checkpoint.

    watchers: Lightning callbacks that look on. A folder that holds a run of the same experiment is
    resumed: finished stages are skipped, the stage that was cut off goes on at its last
    checkpoint. Raises ConfigError if it holds another. The experiment is saved when its first step
    is near, so that a mistake in it leaves nothing that would refuse the corrected one.
    """
    make_folder(out)
    _compare(experiment, out)
    if not experiment.stages:
        raise ConfigError('stages: the experiment has none')
    check_monitor(experiment)
    lightning.seed_everything(experiment.seed, workers=True)
    with ExitStack() as stack:
        frames: Frames | None = None  # nothing is loaded or rendered for a run that is finished
        network = start_network(experiment)
        for stage in experiment.stages:
            folder = out / stage.name
            if not _finished(folder).exists():
                if frames is None:
                    frames = _training_frames(experiment, stack)
                _run_stage(experiment, stage, network, out, frames, watchers)
            best = folder / json.loads(_finished(folder).read_text())['best']
            network = load_checkpoint(best).network
            _LOG.info('stage %s: %s', stage.name, best)
    return best


def _finished(folder: Path) -> Path:
    """Return the file that says that the stage in ``folder`` is finished."""
    return folder / 'finished.json'


def _compare(experiment: Experiment, out: Path) -> None:
    """Raise ConfigError if another experiment is saved in ``out``."""
    path = out / CONFIG
    # Not compared as text: what an older version saved is without the keys that were added since.
    if path.exists() and load_experiment(path) != experiment_from(asdict(experiment)):
        raise ConfigError(f'{out} holds a run of another experiment ({path}); use another folder')


def _training_frames(experiment: Experiment, stack: ExitStack) -> Frames:
    """Return the frames to learn from; those that go on being rendered do so until ``stack``."""
    data = experiment.data
    if data.renderers:
        return stack.enter_context(LiveFrames(data))
    return FrameStore(data.manifests, TRAIN)


def _run_stage(
    experiment: Experiment,
    stage: StageConfig,
    network: S2RDepthNet,
    out: Path,
    frames: Frames,
    watchers: Sequence[Callback],
) -> None:
    """Train ``network`` in one stage, from its last checkpoint if it has one, to its end."""
    folder = out / stage.name
    module = make_stage(experiment.settings(stage), network)
    best, last = _checkpoints(experiment, stage, folder)
    callbacks = [*watchers, *_observers(experiment, frames), Provenance(experiment, stage.name)]
    trainer = _trainer(experiment, stage, folder, [*callbacks, best, last])
    resume = _resumed(folder / 'last.ckpt')
    data = StageData(experiment, stage, frames)
    save_experiment(experiment, out / CONFIG)
    with warnings.catch_warnings():
        for message in _INTENDED:
            warnings.filterwarnings('ignore', message)
        try:
            trainer.fit(module, data, ckpt_path=resume, weights_only=True)
        except DataError as error:
            # Of one from a process that loads, torch puts the traceback in front.
            raise DataError(str(error).rpartition('DataError: ')[2].strip()) from error
    if trainer.global_step < stage.steps:
        raise KeyboardInterrupt  # Lightning ends quietly when interrupted; so must not the run
    chosen = Path(best.best_model_path or last.best_model_path)
    if trainer.is_global_zero:
        write_atomically(_finished(folder), json.dumps({'best': chosen.name}).encode())
    trainer.strategy.barrier()


def _resumed(path: Path) -> Path | None:
    """Return where a stage goes on, None at its start. Raises ConfigError for a foreign file."""
    if not path.exists():
        return None
    try:
        load_checkpoint(path)
    except ExportError as error:
        raise ConfigError(f'{error}; delete it, and the stage begins again') from error
    return path


def _observers(experiment: Experiment, frames: Frames) -> list[Callback]:
    """Return what watches every stage; before the checkpoints, which may go by what it logs."""
    observers: list[Callback] = [RandomStates(), Pictures()]
    if experiment.validation.real:
        observers.append(RealImages(experiment))
    if isinstance(frames, LiveFrames):
        observers.append(Rendering(frames))
    return observers


def _checkpoints(
    experiment: Experiment, stage: StageConfig, folder: Path
) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Return the keeper of the best weights and the one of the point to resume from."""
    best = ModelCheckpoint(
        folder,
        filename='best',
        monitor=STAGES[stage.name].monitor or experiment.validation.monitor,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    # After the best, so that a resumed run knows what it has to beat.
    last = ModelCheckpoint(
        folder, filename='last', enable_version_counter=False, save_on_train_epoch_end=False
    )
    return best, last


def _trainer(
    experiment: Experiment, stage: StageConfig, folder: Path, callbacks: list[Callback]
) -> lightning.Trainer:
    """Return Lightning's trainer. Raises ConfigError for what it does not know or have."""
    try:
        return lightning.Trainer(
            max_steps=stage.steps,
            accelerator=experiment.accelerator,
            devices=experiment.devices,
            num_nodes=experiment.num_nodes,
            strategy=experiment.strategy,
            precision=experiment.precision,  # type: ignore[arg-type]  # text; Lightning checks it
            # SyncBatchNorm exists on GPUs only; see freeze_batch_norm for processes on CPUs.
            sync_batchnorm=experiment.accelerator != 'cpu' and torch.cuda.is_available(),
            val_check_interval=min(experiment.validation.every, stage.steps),
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=TensorBoardLogger(folder, name='', version=''),
            callbacks=callbacks,
            log_every_n_steps=min(50, stage.steps),
            enable_progress_bar=os.isatty(2),
            enable_model_summary=False,
        )
    except (MisconfigurationException, ValueError) as error:
        raise ConfigError(f'precision, accelerator, devices or strategy: {error}') from error
