"""Brings a stage, the frames that it learns from and its optimizer together on one device."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.dataset.device_frames import DeviceFrames, load_device_frames
from s2r_depth_training.dataset.device_samples import DeviceSamples
from s2r_depth_training.dataset.format import TRAIN
from s2r_depth_training.dataset.samples import Batch
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.runs.feed import training_samples
from s2r_depth_training.runs.step import TrainingStep
from s2r_depth_training.stages.base import Stage
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.table import make_stage, sample_seed

_STEPS = 1 << 32  # the numbers of the steps of one seed


def load_frames(experiment: Experiment, device: torch.device) -> FrameStore | list[DeviceFrames]:
    """Return the training frames of ``experiment``, in the memory of a CUDA ``device``.

    Raises DataError as FrameStore and load_device_frames do.
    """
    data = experiment.data
    if device.type == 'cuda':
        return load_device_frames(data.manifests, data, device)
    return FrameStore(data.manifests, TRAIN)


def open_step(
    experiment: Experiment,
    stage: StageConfig,
    network: S2RDepthNet,
    frames: FrameStore | Sequence[DeviceFrames],
    device: torch.device,
    number: int = 0,
) -> TrainingStep:
    """Return the step that trains ``network`` in ``stage``, at step ``number``.

    frames: as load_frames gives them. On a CPU the seed and the number of a step decide its
    samples; on a CUDA device they do so from ``number`` on, as far as the step runs.
    """
    module = make_stage(experiment.settings(stage), network).to(device)
    batch, seed = experiment.data.batch, sample_seed(experiment.seed, stage.name)
    if isinstance(frames, FrameStore):
        samples = training_samples(experiment, stage.name, frames)

        def draw(number: int) -> Batch:
            numbers = range(number * batch, (number + 1) * batch)
            return Batch(*(torch.stack(field) for field in zip(*map(samples.__getitem__, numbers))))

        step = TrainingStep(module, draw)
    else:
        step = _device_step(experiment, module, frames, seed * _STEPS + number)
    step.number = number
    return step


def _device_step(
    experiment: Experiment, module: Stage, frames: Sequence[DeviceFrames], seed: int
) -> TrainingStep:
    """Return the step that draws its samples on the device of ``frames``, by ``seed``."""
    device = frames[0].rgb.device
    if device.type == 'cuda':
        module.to(memory_format=torch.channels_last)
    generator = torch.Generator(device).manual_seed(seed)
    pairs = module.rule.sees_pairs(experiment.loss)
    samples = DeviceSamples(frames, experiment.data, generator, pairs=pairs)
    return TrainingStep(module, lambda _: samples.draw(experiment.data.batch), generator)
