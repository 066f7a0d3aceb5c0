"""Checkpoints of the training: what they hold of the experiment, and the network in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from s2r_depth_ros.network.depth import unfold_skip_weights
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.errors import ConfigError, ExportError
from s2r_depth_training.runs.experiment import Experiment, experiment_from

_AVERAGE = 'average.'
# How the node resizes what was learnt from images that were resized so.
_RESIZES = {'area': 'bilinear', 'bicubic': 'bicubic'}
_REMEDY = 'give the best.ckpt of a stage, such as RUN/joint/best.ckpt'
# What a file of another kind raises: torch by its content, the rest by what is missing in it.
_UNREADABLE = (
    OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, RuntimeError,
    UnpicklingError,
)  # fmt: skip


class Provenance(Callback):
    """Adds to checkpoints what is needed to export them without their folder."""

    def __init__(self, experiment: Experiment, stage: str) -> None:
        self._experiment, self._stage = experiment, stage

    def on_save_checkpoint(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        checkpoint: dict[str, Any],
    ) -> None:
        """Add the experiment and the name of the stage."""
        checkpoint['experiment'] = asdict(self._experiment)
        checkpoint['stage'] = self._stage


class Checkpoint(NamedTuple):
    """A stage as it was at a step: its averaged network, skip weights unfolded, in evaluation."""

    network: S2RDepthNet
    experiment: Experiment
    stage: str
    step: int


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a training checkpoint. Raises ExportError for a file that is missing or is not one."""
    if not Path(path).is_file():
        raise ExportError(f'{path}: no such checkpoint; {_REMEDY}')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        state, experiment = content['state_dict'], experiment_from(content['experiment'])
        stage, step = content['stage'], int(content['global_step'])
        network = S2RDepthNet(experiment.width)
        network.load_state_dict(
            {k[len(_AVERAGE) :]: v for k, v in state.items() if k.startswith(_AVERAGE)}
        )
    except ConfigError as error:
        raise ExportError(f'{path} is of another version of s2r_train: {error}') from error
    except _UNREADABLE as error:
        raise ExportError(f'{path} is not a checkpoint of s2r_train; {_REMEDY}') from error
    if experiment.fold_skips:
        unfold_skip_weights(network.depth_net)
    return Checkpoint(network.eval(), experiment, stage, step)


def metadata_of(
    experiment: Experiment, name: str, provenance: Mapping[str, Any] | None = None
) -> ModelMetadata:
    """Return the metadata of a model that ``experiment`` trains."""
    data = experiment.data
    return ModelMetadata(
        name=name,
        width=experiment.width,
        input_height=data.height,
        input_width=data.width,
        max_depth=data.max_depth,
        focal_length=data.focal_length,
        scene=experiment.scene,
        licence=experiment.licence,
        resize=_RESIZES[data.resize],
        provenance=dict(provenance or {}),
    )
