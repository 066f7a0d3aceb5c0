"""A picture of an evaluation: each image beside its ground truth and the model's depth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.manifest import GroundTruthFrame
from s2r_depth_ros.evaluation.metrics import valid_mask
from s2r_depth_ros.evaluation.protocols import EVAL, Protocol
from s2r_depth_ros.evaluation.scores import fill_invalid
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import DepthEstimator

_TILE = (192, 144)  # width, height of one picture, px


def contact_sheet(
    estimator: DepthEstimator, frames: Sequence[GroundTruthFrame], protocol: Protocol = EVAL
) -> NDArray[np.uint8]:
    """Return uint8 RGB with a row a frame: image, ground truth, prediction in the same colours.

    The prediction is scaled so that its median is that of the ground truth.
    """
    return np.vstack([_row(estimator, frame, protocol.caps[frame.kind]) for frame in frames])


def _row(estimator: DepthEstimator, frame: GroundTruthFrame, cap: float) -> NDArray[np.uint8]:
    rgb, truth = frame.load()
    depth = fill_invalid(estimator.predict(rgb, fx=frame.fx).depth)
    depth = _median_scaled(depth, truth, cap)
    near, far = (float(v) for v in np.percentile(truth[truth > 0], (2, 98)))
    if far <= near:  # all of one depth
        near, far = 0.9 * near, 1.1 * near
    # Sparse lidar points are thickened, or they vanish in a small picture.
    side = max(1, 2 * rgb.shape[1] // _TILE[0]) if frame.kind == 'driving' else 1
    thick = cv2.dilate(truth, np.ones((side, side), np.uint8))
    known = np.where(thick > 0, thick, np.nan).astype(np.float32)
    pictures = (rgb, colorize_depth(known, near, far), colorize_depth(depth, near, far))
    tiles = [cv2.resize(picture, _TILE, interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.hstack(tiles).astype(np.uint8)


def _median_scaled(
    depth: NDArray[np.float32], truth: NDArray[np.float32], cap: float
) -> NDArray[np.float32]:
    """Return ``depth`` [H, W] scaled so that its median equals the truth's."""
    mask = valid_mask(truth, cap)
    return depth * np.float32(np.median(truth[mask]) / np.median(depth[mask]))
