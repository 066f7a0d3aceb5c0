"""Which pitch and roll the cameras have that a model is trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from s2r_depth_ros.geometry.level import pitch_and_roll
from s2r_depth_ros.network.checkpoint import load_model, save_model, stored_float
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_training.synthetic.sources.kinds import make_source
from s2r_depth_training.synthetic.sources.poses import POSES

# The procedural kinds of scenes that a model for such scenes is trained with.
_KINDS = {'indoor': ('indoor',), 'outdoor': ('street',), 'universal': ('indoor', 'street')}
SCENES = 200  # of each kind
_VIEWS = 12  # of a scene
_ENDS = (5, 95)  # percentiles
_SIZE = (160, 120)

Range = tuple[float, float]


def write_poses(model: str | Path, scenes: int = SCENES, poses: str = 'usual') -> ModelMetadata:
    """Put the angles of the cameras into a model file, whose weights stay; return its metadata.

    poses: what its scenes were rendered with, a name in ``synthetic.sources.poses.POSES``.
    """
    path = Path(model)
    network, metadata = load_model(path)
    pitches, rolls = pose_ranges(_KINDS[metadata.scene], scenes, poses)
    marked = replace(metadata, pitch_range=pitches, roll_range=rolls)
    return save_model(path, network, marked, stored_float(path))


def pose_ranges(kinds: Sequence[str], scenes: int, poses: str = 'usual') -> tuple[Range, Range]:
    """Return the 5th and 95th percentile of pitch and of roll, radians, to a hundredth.

    Of the cameras that the kinds' scenes draw, before views that show nothing are left out.
    """
    angles = []
    for kind in kinds:
        source = make_source(kind, poses=POSES[poses])
        for seed in range(scenes):
            rng = np.random.default_rng(seed)
            scene = source.build(rng)
            for _ in range(_VIEWS):
                camera = source.sample_camera(scene, rng, *_SIZE)
                angles.append(pitch_and_roll(-camera.rotation[2]))
    pitch, roll = np.percentile(np.array(angles), _ENDS, axis=0).round(2).T.tolist()
    return (pitch[0], pitch[1]), (roll[0], roll[1])
