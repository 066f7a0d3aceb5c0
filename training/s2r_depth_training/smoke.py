"""A few steps of everything: data, all stages, export, and the node's estimator on the result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_training.config import (
    STAGE_NAMES,
    DataConfig,
    Experiment,
    LossConfig,
    OptimizerConfig,
    StageConfig,
    ValidationConfig,
)
from s2r_depth_training.export import export
from s2r_depth_training.fit import fit

_STEPS = 2


def smoke(out: Path, manifest: Path) -> Path:
    """Train every stage for two steps on ``manifest``; return the exported model file.

    Raises RuntimeError if the estimator's depth of a grey image is not finite.
    """
    best = fit(smoke_experiment(manifest), out / 'run')
    model = out / 'smoke.safetensors'
    export(best, 'smoke', model)
    estimator = DepthEstimator(model, device='cpu')
    depth = estimator.predict(np.full((120, 160, 3), 128, np.uint8), fx=130.0).depth
    if depth.shape != (120, 160) or not np.isfinite(depth).all():
        raise RuntimeError('the exported model gives no depth')
    return model


def smoke_experiment(manifest: Path) -> Experiment:
    """Return the smallest experiment that runs every stage and every loss."""
    return Experiment(
        name='smoke',
        width=0.125,
        accelerator='cpu',
        depth_init='kaiming',
        data=DataConfig([str(manifest)], batch=2),
        loss=LossConfig(l1=0.1, log=0.4, scale_invariant=1.0, gradient=0.35, structure=0.01),
        optimizer=OptimizerConfig(learning_rate=1e-3),
        validation=ValidationConfig(every=_STEPS, frames=1),
        stages=[StageConfig(name, _STEPS) for name in STAGE_NAMES],
    )
