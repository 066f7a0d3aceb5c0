"""Training checkpoints, without a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import torch

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_training.runs.checkpoint import Provenance
from s2r_depth_training.runs.experiment import Experiment
from s2r_depth_training.stages.config import StageConfig
from s2r_depth_training.stages.depth import DepthStage
from s2r_depth_training.stages.table import make_stage


def write_checkpoint(
    folder: Path, name: str = 'joint', fold_skips: bool = False
) -> tuple[Path, DepthStage]:
    """Return a checkpoint as Lightning writes it, and its stage.

    The average differs from the trained weights.
    """
    torch.manual_seed(0)
    experiment = Experiment(
        width=0.125,
        picked_on_real='the loss',
        fold_skips=fold_skips,
        stages=[StageConfig(name, 500)],
    )
    experiment.data.manifests = ['/home/me/rooms/manifest.json']
    experiment.data.paintings = '/home/me/paintings'
    stage = make_stage(experiment.settings(experiment.stages[0]), S2RDepthNet(0.125))
    assert isinstance(stage, DepthStage)
    for parameter in stage.average.parameters():
        parameter.mul_(1.5)
    checkpoint: dict[str, Any] = {'state_dict': stage.state_dict(), 'global_step': 500}
    trainer = lightning.Trainer(logger=False, accelerator='cpu')
    Provenance(experiment, name).on_save_checkpoint(trainer, stage, checkpoint)
    torch.save(checkpoint, folder / 'best.ckpt')
    return folder / 'best.ckpt', stage
