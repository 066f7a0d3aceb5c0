"""Runs an experiment: its stages one after the other, each from where it was left."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.data import (
    Frames,
    FrameStore,
    StepSampler,
    TrainingSamples,
    ValidationSamples,
)
from s2r_depth_training.dataset.live_frames import LiveFrames
from s2r_depth_training.runs.callbacks import Pictures, RandomStates, RealImages, Rendering
from s2r_depth_training.runs.experiment import (
    ConfigError,
    Experiment,
    StageConfig,
    load_experiment,
    save_experiment,
)
from s2r_depth_training.runs.export import load_checkpoint
from s2r_depth_training.stages.initialise import initialise
from s2r_depth_training.stages.stages import make_stage
from s2r_depth_training.stages.widen import widened

_LOG = logging.getLogger(__name__)
CONFIG = 'experiment.yaml'


class ShardData(lightning.LightningDataModule):
    """Feeds one stage; after a resume the training samples go on at the optimizer's step."""

    def __init__(self, experiment: Experiment, stage: StageConfig, train: Frames) -> None:
        super().__init__()
        self._experiment, self._stage, self._train = experiment, stage, train
        self._val = FrameStore(experiment.data.manifests, 'validation')

    def train_dataloader(self) -> DataLoader:
        """Return the loader of the steps that are left."""
        data, trainer = self._experiment.data, self.trainer
        # Stages draw different samples, also where they have the same steps.
        seed = self._experiment.seed * 16 + len(self._stage.name)
        pairs = self._stage.name == 'encoder'
        sampler = StepSampler(
            trainer.global_step,
            self._stage.steps,
            data.batch,
            trainer.global_rank,
            trainer.world_size,
        )
        return DataLoader(
            TrainingSamples(self._train, data, seed, pairs=pairs),
            batch_size=data.batch,
            sampler=sampler,
            num_workers=data.workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or making an iterator would draw from torch's own
            persistent_workers=data.workers > 0,
        )

    def val_dataloader(self) -> DataLoader:
        """Return the loader of the fixed validation frames."""
        experiment = self._experiment
        frames = ValidationSamples(self._val, experiment.data, experiment.validation.frames)
        return DataLoader(frames, batch_size=experiment.data.batch, generator=torch.Generator())


def fit(experiment: Experiment, out: Path, watchers: Sequence[Callback] = ()) -> Path:
    """Train all stages into the folder ``out``; return the last stage's best checkpoint.

    watchers: Lightning callbacks that look on. A folder that holds a run of the same experiment is
    resumed: finished stages are skipped, the stage that was cut off goes on at its last
    checkpoint. Raises ConfigError if it holds another.
    """
    out.mkdir(parents=True, exist_ok=True)
    _claim(experiment, out)
    lightning.seed_everything(experiment.seed, workers=True)
    left = [s for s in experiment.stages if not _finished(s, out).exists()]
    with ExitStack() as stack:
        # Nothing is loaded or rendered for a run that is finished.
        frames = _training_frames(experiment, stack) if left else None
        network = _start(experiment)
        best = None
        for stage in experiment.stages:
            if stage in left:
                _run_stage(experiment, stage, network, out / stage.name, frames, watchers)
            best = out / stage.name / json.loads(_finished(stage, out).read_text())['best']
            network = load_checkpoint(best)[0]
            _LOG.info('stage %s: %s', stage.name, best)
    if best is None:
        raise ConfigError('stages: the experiment has none')
    return best


def _finished(stage: StageConfig, out: Path) -> Path:
    """Return the file that says that a stage is finished."""
    return out / stage.name / 'finished.json'


def _training_frames(experiment: Experiment, stack: ExitStack) -> Frames:
    data = experiment.data
    if data.renderers:
        return stack.enter_context(LiveFrames(data))
    return FrameStore(data.manifests, 'train')


def _start(experiment: Experiment) -> S2RDepthNet:
    """Return the network that the first stage starts from."""
    network = S2RDepthNet(experiment.width)
    initialise(network, experiment.depth_init)
    if experiment.start:
        weights, metadata = load_model(experiment.start)
        if 2 * metadata.width == experiment.width:
            weights = widened(weights)
        elif metadata.width != experiment.width:
            raise ConfigError(
                f'start: {experiment.start} has width {metadata.width:g}, the experiment '
                f'{experiment.width:g}; it must be the same or half of it'
            )
        network.load_state_dict(weights.state_dict())
    return network


def _claim(experiment: Experiment, out: Path) -> None:
    """Save the experiment with the run, or check that it is the one that is there."""
    path, new = out / CONFIG, out / f'.{CONFIG}.{os.getpid()}'
    save_experiment(experiment, new)
    # Compared as experiments: a run is not disowned when a key with a default is added.
    if path.exists() and load_experiment(path) != load_experiment(new):
        new.unlink()
        raise ConfigError(f'{out} holds a run of another experiment ({path}); use another folder')
    new.replace(path)


def _run_stage(
    experiment: Experiment,
    stage: StageConfig,
    network: S2RDepthNet,
    folder: Path,
    frames: Frames,
    watchers: Sequence[Callback],
) -> None:
    module = make_stage(experiment, stage, network)
    best, last = _checkpoints(experiment, stage, folder)
    # Before the checkpoints, which may be judged by what it logs.
    real = [RealImages(experiment.validation.real)] if experiment.validation.real else []
    rendering = [Rendering(frames)] if isinstance(frames, LiveFrames) else []
    trainer = lightning.Trainer(
        max_steps=stage.steps,
        accelerator=experiment.accelerator,
        devices=experiment.devices,
        num_nodes=experiment.num_nodes,
        strategy=experiment.strategy,
        precision=experiment.precision,
        # SyncBatchNorm exists on GPUs only; see freeze_batch_norm for processes on CPUs.
        sync_batchnorm=experiment.accelerator != 'cpu' and torch.cuda.is_available(),
        val_check_interval=min(experiment.validation.every, stage.steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=TensorBoardLogger(folder, name='', version=''),
        callbacks=[*watchers, *rendering, RandomStates(), *real, Pictures(), best, last],
        log_every_n_steps=min(50, stage.steps),
        enable_progress_bar=os.isatty(2),
        enable_model_summary=False,
    )
    resume = folder / 'last.ckpt'
    data = ShardData(experiment, stage, frames)
    trainer.fit(module, data, ckpt_path=resume if resume.exists() else None)
    if trainer.global_step < stage.steps:
        raise KeyboardInterrupt  # Lightning ends quietly when interrupted; so must not the run
    chosen = Path(best.best_model_path or last.best_model_path)
    if trainer.is_global_zero:
        (folder / 'finished.json').write_text(json.dumps({'best': chosen.name}))
    trainer.strategy.barrier()


def _checkpoints(
    experiment: Experiment, stage: StageConfig, folder: Path
) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Return the keeper of the best weights and the one of the point to resume from."""
    own = {'encoder': 'val/code', 'structure': 'val/structure', 'nearness': 'val/nearness'}
    monitor = own.get(stage.name, experiment.validation.monitor)
    best = ModelCheckpoint(
        folder,
        filename='best',
        monitor=monitor,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    # After the best, so that a resumed run knows what it has to beat.
    last = ModelCheckpoint(
        folder, filename='last', enable_version_counter=False, save_on_train_epoch_end=False
    )
    return best, last
