"""How well objects stand apart: depth boundary errors, after iBims-1 (Koch et al., ECCV-W 2018).

Edges are where depth jumps by a factor, so no scale matters. iBims-1 finds them by Canny on depth
that was normalised to 8 bits and has drawn true edges; here both come from depth, by Canny on its
logarithm, with thresholds that are jumps.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.metrics import MIN_DEPTH

MOST_PX = 10.0
"""Distances count no more than this, px, as in iBims-1."""
WIDTH = 160
"""Wider depth maps are brought to this width first, px: enlarged from a network's output, the
steepest edge is a slope at the size of a camera's image, and nothing could be told apart."""
LEAST_KNOWN = 0.8
"""Share of the pixels whose depth must be known: sparse truth has no edges to find."""

# Jumps of log depth between neighbours: an edge begins at the larger one and ends at the smaller.
_STRONG, _WEAK = 0.15, 0.07
_SOBEL = 4.0  # what Sobel's 3x3 kernel makes of a step of 1
_UNIT = 1000  # of the 16-bit gradients that Canny takes
_MARGIN = 3  # px; edges of the unknown are none of depth


class BoundaryErrors(NamedTuple):
    """Distances between predicted and true depth edges, px of maps WIDTH wide, at most MOST_PX.

    accuracy: of predicted edges to the nearest true one; MOST_PX if none was predicted.
    completeness: of true edges to the nearest predicted one.
    """

    accuracy: float
    completeness: float


def boundary_errors(
    predicted: NDArray[np.floating], truth: NDArray[np.floating]
) -> BoundaryErrors | None:
    """Compare the edges of two depth maps [H, W], m, 0 or NaN where unknown.

    None where the truth is too sparse or has no edge. Raises ValueError if the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'prediction is {predicted.shape}, ground truth is {truth.shape}')
    predicted, truth = _narrowed(predicted), _narrowed(truth)
    known = _known(truth)
    if known.mean() < LEAST_KNOWN:
        return None
    size = 2 * _MARGIN + 1
    inside = cv2.erode(known.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    true_edges, edges = depth_edges(truth) & inside, depth_edges(predicted) & inside
    if not true_edges.any():
        return None
    if not edges.any():
        return BoundaryErrors(MOST_PX, MOST_PX)
    return BoundaryErrors(_distance(edges, true_edges), _distance(true_edges, edges))


def depth_edges(depth: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where depth [H, W], m, jumps: bool [H, W], one pixel wide."""
    known = _known(depth)
    filled = np.where(known, depth, np.median(depth[known]) if known.any() else 1.0)
    logarithm = np.log(filled).astype(np.float32)
    across, down = (
        np.clip(cv2.Sobel(logarithm, cv2.CV_32F, *axes) * (_UNIT / _SOBEL), -32000, 32000)
        for axes in ((1, 0), (0, 1))
    )
    edges = cv2.Canny(
        across.astype(np.int16), down.astype(np.int16), _WEAK * _UNIT, _STRONG * _UNIT,
        L2gradient=True,
    )  # fmt: skip
    return edges > 0


def _narrowed(depth: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return a depth map at most WIDTH wide; depths are picked, not mixed."""
    height, width = depth.shape
    if width <= WIDTH:
        return depth
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    narrowed = cv2.resize(depth.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    return narrowed.astype(np.float32, copy=False)


def _known(depth: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.isfinite(depth) & (depth > MIN_DEPTH)


def _distance(edges: NDArray[np.bool_], others: NDArray[np.bool_]) -> float:
    """Return the mean distance of ``edges`` to the nearest of ``others``, px."""
    to_other = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 5)
    return float(np.minimum(to_other[edges], MOST_PX).mean())
