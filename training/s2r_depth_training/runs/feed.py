"""Feeds one stage: its training samples from a step on, and the fixed validation frames."""

from __future__ import annotations

import lightning
import torch
from torch.utils.data import DataLoader

from s2r_depth_training.dataset.format import VALIDATION
from s2r_depth_training.dataset.samples import Batch, TrainingSamples, ValidationSamples
from s2r_depth_training.dataset.sampling import StepSampler
from s2r_depth_training.dataset.store import Frames, FrameStore
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.table import STAGES, sample_seed


def training_samples(experiment: Experiment, stage: str, frames: Frames) -> TrainingSamples:
    """Return the samples that a stage learns from, no two stages the same."""
    seed = sample_seed(experiment.seed, stage)
    pairs = STAGES[stage].sees_pairs(experiment.loss)
    return TrainingSamples(frames, experiment.data, seed, pairs=pairs)


class StageData(lightning.LightningDataModule):
    """Feeds one stage; after a resume the training samples go on at the optimizer's step."""

    def __init__(self, experiment: Experiment, stage: StageConfig, frames: Frames) -> None:
        super().__init__()
        self._experiment, self._stage = experiment, stage
        self._samples = training_samples(experiment, stage.name, frames)
        store = FrameStore(experiment.data.manifests, VALIDATION)
        self._judged = ValidationSamples(store, experiment.data, experiment.validation.frames)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the loader of the steps that are left."""
        data, trainer = self._experiment.data, self.trainer
        assert trainer is not None  # it is the trainer that calls
        sampler = StepSampler(
            trainer.global_step,
            self._stage.steps,
            data.batch,
            trainer.global_rank,
            trainer.world_size,
        )
        return DataLoader(
            self._samples,
            batch_size=data.batch,
            sampler=sampler,
            num_workers=data.workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or making an iterator would draw from torch's own
            persistent_workers=data.workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the loader of the fixed validation frames."""
        batch = self._experiment.data.batch
        return DataLoader(self._judged, batch_size=batch, generator=torch.Generator())
