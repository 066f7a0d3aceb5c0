"""Pairs of unscaled and true depth, where points of another sensor fall on the depth image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.intrinsics import Intrinsics
from s2r_depth_ros.geometry.projection import project
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
_EDGE = 0.2  # log depth across an edge of predicted depth
_BEHIND = 0.3  # log depth by which a point lies behind a neighbour that hides it
_WINDOW = 1 / 64  # of the image's width, how far a neighbour may be


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

    Dropped are points behind the image, those that a much nearer neighbour hides from the camera
    (the other sensor sees them from elsewhere), and those at steps of predicted depth, where a
    small error of place is a large one of depth.
    """
    column, row, z = _on_image(thinned(points, MOST_POINTS), view.intrinsics)
    around = _nearest_around(column, row, z, view.intrinsics)
    some = thinned(np.arange(len(z)), MOST_ANCHORS)
    column, row, z, around = column[some], row[some], z[some], around[some]
    unscaled = view.depth[row, column].astype(np.float64)
    kept = np.isfinite(unscaled) & (unscaled > 0) & (z <= around * np.exp(_BEHIND))
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


def _on_image(
    points: Points, camera: Intrinsics
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return column, row and depth of the points inside the image."""
    with np.errstate(over='ignore', invalid='ignore'):
        x, y = project(points, camera).T
        inside = (x > -0.5) & (x < camera.width - 0.5) & (y > -0.5) & (y < camera.height - 0.5)
    column, row = (np.rint(place[inside]).astype(np.intp) for place in (x, y))
    return column, row, points[inside, 2]


def _nearest_around(
    column: NDArray[np.intp], row: NDArray[np.intp], z: NDArray[np.float64], camera: Intrinsics
) -> NDArray[np.float64]:
    """Return the depth of the nearest point close by in the image, metres [N].

    Close by: in the same or a neighbouring square of the window's size.
    """
    side = max(1, round(camera.width * _WINDOW))
    across, down = column // side + 1, row // side + 1
    nearest = np.full((camera.height // side + 3, camera.width // side + 3), np.inf)
    np.minimum.at(nearest, (down, across), z)
    around = np.asarray(cv2.erode(nearest, np.ones((3, 3), np.uint8)), np.float64)
    return around[down, across]


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
