"""Pairs of unscaled and true depth, where points of another sensor fall on the depth image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.point_image import BEHIND, nearest_around, on_image
from s2r_depth_ros.geometry.scale.estimate import UnscaledView
from s2r_depth_ros.geometry.scale.references import Points, thinned

MOST_POINTS = 8_000
"""Larger clouds are thinned out evenly: a scale needs no more, and a frame has no more time."""
MOST_ANCHORS = 3_000
"""So are the points on the image, once they have told which of them are hidden."""
CELLS = (8, 6)
"""Columns and rows of the grid over the image in which the spread of anchors is counted."""

# Depth is upsampled from about this many columns, so that its edges are this wide.
_NETWORK_COLUMNS = 128
# Times as near as the median point is, beside what is predicted: what is not seen, and no surface.
_UNSEEN, _GHOST = 2.0, 8.0
_EDGE = 0.2  # log depth across an edge of predicted depth


@dataclass(frozen=True)
class Anchors:
    """Pixels whose true depth is known.

    log_unscaled, log_true: float64 [N], log of metres. column, row: int [N], px. rejected: points
    that fell on the image and were dropped, as hidden, at an edge, or on unknown depth. cells: how
    many of the CELLS have an anchor. columns: the image's width, px.
    """

    log_unscaled: NDArray[np.float64]
    log_true: NDArray[np.float64]
    column: NDArray[np.intp]
    row: NDArray[np.intp]
    rejected: int
    cells: int
    columns: int

    def __len__(self) -> int:
        return len(self.log_true)

    @property
    def log_ratio(self) -> NDArray[np.float64]:
        """The log factor that each anchor asks for, float64 [N]."""
        return self.log_true - self.log_unscaled


def find_anchors(points: Points, view: UnscaledView) -> Anchors:
    """Return the anchors of points [N, 3] of the camera's optical frame, metres.

    Dropped are points behind the image, those far nearer than most are beside what is predicted
    (dust, rain, the robot itself), those that a much nearer neighbour hides from the camera (the
    other sensor sees them from elsewhere), and those at steps of predicted depth, where a small
    error of place is a large one of depth.
    """
    column, row, z = on_image(thinned(points, MOST_POINTS), view.intrinsics)
    unscaled = view.depth[row, column].astype(np.float64)
    known = np.isfinite(unscaled) & (unscaled > 0)
    nearer = np.where(known, unscaled / z, 1.0)
    nearer /= np.median(nearer[known]) if known.any() else 1.0
    # Only what the camera sees there hides others: dust does not, nor what is not predicted.
    hides = np.where(nearer < _UNSEEN, z, np.inf)
    around = nearest_around(column, row, hides, view.intrinsics)
    some = thinned(np.arange(len(z)), MOST_ANCHORS)
    column, row, z, unscaled = column[some], row[some], z[some], unscaled[some]
    kept = known[some] & (nearer[some] < _GHOST) & (z <= around[some] * np.exp(BEHIND))
    kept &= ~_at_edge(column, row, view.depth)
    size = view.intrinsics.width, view.intrinsics.height
    across, down = (
        place[kept] * count // length for place, count, length in zip((column, row), CELLS, size)
    )
    return Anchors(
        np.log(unscaled[kept]),
        np.log(z[kept]),
        column[kept],
        row[kept],
        rejected=int(len(z) - kept.sum()),
        cells=len(np.unique(down * CELLS[0] + across)),
        columns=size[0],
    )


def _at_edge(
    column: NDArray[np.intp], row: NDArray[np.intp], depth: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return whether predicted depth steps or ends beside a pixel, bool [N]."""
    height, width = depth.shape
    reach = max(1, round(width / _NETWORK_COLUMNS))
    left, right = np.maximum(column - reach, 0), np.minimum(column + reach, width - 1)
    above, below = np.maximum(row - reach, 0), np.minimum(row + reach, height - 1)
    with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
        across = np.log(depth[row, right] / depth[row, left])
        down = np.log(depth[below, column] / depth[above, column])
        return ~((np.abs(across) < _EDGE) & (np.abs(down) < _EDGE))
