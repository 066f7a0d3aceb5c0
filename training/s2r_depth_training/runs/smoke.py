"""A few steps of everything: data, all stages, export, and the node's estimator on the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import MANIFEST
from s2r_depth_training.dataset.render_to_disk import render_dataset
from s2r_depth_training.dataset.rendering import Recipe
from s2r_depth_training.runs.experiment import Experiment, ValidationConfig
from s2r_depth_training.runs.export import export
from s2r_depth_training.runs.fit import fit
from s2r_depth_training.stages.config import LossConfig, OptimizerConfig, StageConfig
from s2r_depth_training.stages.table import STAGES
from s2r_depth_training.synthetic.sources.kinds import PROCEDURAL

_STEPS = 2
_SCENES = 4  # the first are of both splits


def smoke(out: Path, manifests: Sequence[Path] = ()) -> Path:
    """Train every stage for two steps; return the exported model file.

    manifests: of training sets; a few scenes are rendered without.

    Raises RuntimeError if the estimator's depth of a grey image is not finite.
    """
    manifests = manifests or rendered_sets(out / 'data')
    best = fit(smoke_experiment(manifests), out / 'run')
    model = out / 'smoke.safetensors'
    export(best, 'smoke', model)
    estimator = DepthEstimator(model, device='cpu')
    depth = estimator.predict(np.full((120, 160, 3), 128, np.uint8), fx=130.0).depth
    if depth.shape != (120, 160) or not np.isfinite(depth).all():
        raise RuntimeError('the exported model gives no depth')
    return model


def smoke_experiment(manifests: Sequence[Path]) -> Experiment:
    """Return the smallest experiment that runs every stage and every loss."""
    return Experiment(
        name='smoke',
        width=0.125,
        accelerator='cpu',
        depth_init='kaiming',
        data=DataConfig([str(path) for path in manifests], batch=2),
        loss=LossConfig(l1=0.1, log=0.4, scale_invariant=1.0, gradient=0.35, structure=0.01),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        validation=ValidationConfig(every=_STEPS, frames=1),
        stages=[StageConfig(name, _STEPS) for name in STAGES],
    )


def rendered_sets(folder: Path) -> list[Path]:
    """Render a few scenes of every procedural kind, for training and for validation.

    Returns their manifests. Raises RenderingError without headless OpenGL.
    """
    manifests = []
    for kind in PROCEDURAL:
        recipe = Recipe(kind, 96, 128, views=1, validation=0.5)
        render_dataset(folder / kind, recipe, first=0, scenes=_SCENES, workers=1)
        manifests.append(folder / kind / MANIFEST)
    return manifests
