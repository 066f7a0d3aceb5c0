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
from s2r_depth_training.shards import ShardWriter, write_manifest
from s2r_depth_training.synthetic.looks import restyle
from s2r_depth_training.synthetic.renderer import Renderer
from s2r_depth_training.synthetic.sources import SceneSource, make_source
from s2r_depth_training.synthetic.views import find_view

_STEPS = 2


def smoke(out: Path, manifest: Path | None = None) -> Path:
    """Train every stage for two steps; return the exported model file.

    manifest: of the training set, a few scenes are rendered without one.

    Raises RuntimeError if the estimator's depth of a grey image is not finite.
    """
    manifest = manifest or rendered_set(out / 'data')
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


def rendered_set(folder: Path) -> Path:
    """Render two scenes of every procedural kind for training and one for validation.

    Returns the manifest. Raises RendererError without headless OpenGL.
    """
    data = DataConfig()
    shards = []
    with Renderer(data.width, data.height) as renderer:
        for kind in ('indoor', 'street'):
            for split, seeds in (('train', (0, 1)), ('val', (2,))):
                writer = ShardWriter(folder, f'{kind}_{split}', {'kind': kind, 'split': split})
                for seed in seeds:
                    _add_scene(writer, renderer, make_source(kind), seed)
                writer.flush()
                shards += writer.entries
    return write_manifest(folder, shards, {})


def _add_scene(writer: ShardWriter, renderer: Renderer, source: SceneSource, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = source.build(rng)
    size = (renderer.width, renderer.height)
    camera = find_view(renderer, scene, source, rng, size) or source.sample_camera(
        scene, rng, *size
    )
    view = renderer.render(scene, camera)
    other = renderer.render(restyle(scene, rng), camera)
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    writer.add(view.rgb, view.depth, intrinsics, seed, other.rgb)
