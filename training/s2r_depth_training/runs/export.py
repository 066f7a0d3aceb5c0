"""From a training checkpoint to the node's model file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.network.checkpoint import save_model
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_training.runs.checkpoint import load_checkpoint, metadata_of
from s2r_depth_training.runs.experiment import WEIGHT_FILES, Experiment
from s2r_depth_training.stages.initialise import attend_everywhere
from s2r_depth_training.stages.table import is_without_attention, require_exportable


def export(
    checkpoint: str | Path, name: str, path: str | Path, dtype: torch.dtype = torch.float16
) -> ModelMetadata:
    """Write the running average of ``checkpoint`` as the model file ``path``.

    After a stage whose DP has learnt behind STE alone the attention map is 1 everywhere. Raises
    ExportError for other stages after which DP does not know the attention map.
    """
    trained = load_checkpoint(checkpoint)
    if is_without_attention(trained.stage):
        attend_everywhere(trained.network)
    else:
        require_exportable(trained.stage, str(checkpoint))
    provenance = {
        'stage': trained.stage,
        'step': trained.step,
        'images': 'synthetic only',
        'experiment': without_paths(trained.experiment),
    }
    metadata = metadata_of(trained.experiment, name, provenance)
    return save_model(path, trained.network, metadata, dtype)


def without_paths(experiment: Experiment) -> dict[str, Any]:
    """Return the experiment with data sets named by their folders, whoever's machine it was."""
    values = asdict(experiment)
    values['data']['manifests'] = [Path(m).parent.name for m in experiment.data.manifests]
    values['data']['paintings'] = Path(experiment.data.paintings).name
    for key in WEIGHT_FILES:
        values[key] = Path(values[key]).name
    values['validation']['real'] = Path(experiment.validation.real).parent.name
    return values
