"""How likely the depths of a model are right: its curve, fitted to scenes it has not learnt from.

The curve is a logistic regression over what ``geometry.cleaning.confidence`` looks at. A depth is
right if it is within 25 % of the truth, once the image is scaled to the median.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.cleaning.confidence import ConfidenceCurve, reduced, reduced_features
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import load_model, save_model, stored_float
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_training.dataset.format import VALIDATION, StoredFrame, read_shards
from s2r_depth_training.errors import DataError

RIGHT = float(np.log(1.25))
_FRAMES = 160  # of a set, spread over it
_PIXELS = 1500  # of a frame
_LEAST = 0.3  # share of the pixels whose truth must be known
_NEAREST, _FARTHEST = 0.1, 79.0  # m, of a truth that counts
_LEAST_FRAMES = 20

Floats = NDArray[np.float64]
_DepthMap = NDArray[np.float32]


class Pixels(NamedTuple):
    """Pixels of one frame, float64 [n] each.

    at: int [n], where in the flattened reduced image. error: absolute log. relief, farness: as
    ``reduced_features`` gives them.
    """

    at: NDArray[np.intp]
    error: Floats
    relief: Floats
    farness: Floats


def write_confidence(model: str | Path, manifests: Sequence[Path]) -> ModelMetadata:
    """Put the curve of a model into its file, whose weights stay; return its metadata.

    manifests: of held-out scenes. Raises DataError for sets that cannot be read or with too few
    frames, CheckpointError for a file that is no model.
    """
    path = Path(model)
    network, metadata = load_model(path)
    estimator, random = DepthEstimator(path, device='cpu'), np.random.default_rng(0)
    chosen = (
        choose_pixels(estimator.predict(frame.rgb, fx=frame.fx).depth, frame.depth, random)
        for _, frame in held_out_frames(manifests)
    )
    curve = fit_curve([pixels for pixels in chosen if pixels is not None])
    marked = replace(metadata, confidence_curve=curve)
    return save_model(path, network, marked, stored_float(path))


def held_out_frames(manifests: Sequence[Path]) -> Iterator[tuple[int, StoredFrame]]:
    """Yield validation frames, spread over each set, with the number of their scene among all."""
    first = 0
    for manifest in manifests:
        for shard in read_shards(manifest, VALIDATION):
            numbers = np.unique(shard.arrays['scene'], return_inverse=True)[1]
            for i in np.unique(np.linspace(0, len(shard) - 1, _FRAMES).astype(int)):
                yield first + int(numbers[i]), shard.frame(int(i))
            first += int(numbers.max()) + 1


def choose_pixels(
    depth: _DepthMap, truth: NDArray[np.floating], random: np.random.Generator
) -> Pixels | None:
    """Return pixels of a frame; None if too little of it has a truth. Depths: [H, W], m."""
    depth, truth = reduced(depth), reduced(truth.astype(np.float32))
    is_known = (truth > _NEAREST) & (truth < _FARTHEST) & np.isfinite(depth) & (depth > 0)
    known = np.flatnonzero(is_known)
    if len(known) < _LEAST * depth.size:
        return None
    relief, farness = reduced_features(depth)
    predicted, true = depth.ravel(), truth.ravel()
    scale = np.median(true[known]) / np.median(predicted[known])
    at = random.choice(known, _PIXELS)
    error = np.abs(np.log(true[at] / (predicted[at] * scale)))
    columns = (error, relief.ravel()[at], farness.ravel()[at])
    return Pixels(at, *(column.astype(np.float64) for column in columns))


def fit_curve(frames: Sequence[Pixels]) -> ConfidenceCurve:
    """Return the curve that fits the pixels of all frames, to a thousandth.

    Raises DataError for fewer than 20 frames, of which nothing can be told.
    """
    if len(frames) < _LEAST_FRAMES:
        raise DataError(
            f'{len(frames)} held-out frames with depth are too few to tell how likely depths are '
            f'right; render {_LEAST_FRAMES} or more, with --validation 1'
        )
    error, relief, farness = (
        np.concatenate([getattr(pixels, name) for pixels in frames])
        for name in ('error', 'relief', 'farness')
    )
    design = np.stack([np.ones_like(error), relief, farness, farness**2], axis=1)
    return ConfidenceCurve(*np.round(logistic(design, error < RIGHT), 3).tolist())


def logistic(design: Floats, right: NDArray[np.bool_]) -> Floats:
    """Return the weights [k] of a logistic regression of [n] on [n, k], by Newton's method."""
    weights = np.zeros(design.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-design @ weights))
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        slope = design.T @ (right - chance)
        weights += np.linalg.solve(curvature + 1e-6 * np.eye(len(weights)), slope)
    return weights
