"""Draws the contact sheet: what the node published for a few frames.

One row for each frame: camera image, structure map, depth in colours with one scale for the whole
sheet, and the point cloud seen from the side.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.demo.cloud_view import draw_cloud, grid_step
from s2r_depth_ros.demo.sheet_rows import SheetRow
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.media.captions import BACKGROUND, DIM, TEXT, write

# Sizes in pixels: of a panel, between panels, around them, above, below, of a caption.
PANEL_WIDTH, GAP, MARGIN, HEADER, FOOTER, CAPTION = 360, 12, 28, 108, 92, 30
_COLUMNS = ('camera image', 'structure map', 'depth', 'point cloud, seen from the right')


def depth_range(rows: Sequence[SheetRow]) -> tuple[float, float]:
    """Return near and far (metres) of the colour scale that all rows share."""
    valid = np.concatenate([row.depth[np.isfinite(row.depth)][::17] for row in rows])
    if not valid.size:
        return 0.5, 10.0
    near, far = np.percentile(valid, (1, 99))
    return float(near), float(max(far, near * 1.05))


def draw_sheet(rows: Sequence[SheetRow], title: str, subtitle: str) -> NDArray[np.uint8]:
    """Return the sheet as an RGB picture. ``rows`` must not be empty; they may differ in size."""
    heights = [round(PANEL_WIDTH * row.image.shape[0] / row.image.shape[1]) for row in rows]
    width = 2 * MARGIN + 4 * PANEL_WIDTH + 3 * GAP
    height = HEADER + sum(h + CAPTION + GAP for h in heights) + FOOTER
    sheet = np.full((height, width, 3), BACKGROUND, np.uint8)
    write(sheet, title, (MARGIN, 40), 0.9, TEXT, 2)
    write(sheet, subtitle, (MARGIN, 66), 0.5, DIM)
    for column, label in enumerate(_COLUMNS):
        write(sheet, label, (column_x(column), HEADER - 12), 0.58, TEXT)
    near, far = depth_range(rows)
    top = HEADER
    for row, panel_height in zip(rows, heights):
        _draw_row(sheet, row, top, panel_height, (near, far))
        top += panel_height + CAPTION + GAP
    _draw_scale(sheet, top + 4, near, far)
    return sheet


def column_x(column: int) -> int:
    """Return the left edge of a column of panels."""
    return MARGIN + column * (PANEL_WIDTH + GAP)


def _draw_row(
    sheet: NDArray[np.uint8], row: SheetRow, top: int, height: int, near_far: tuple[float, float]
) -> None:
    """Draw the four panels of one frame and the lines below them."""
    colours = colorize_depth(row.depth, *near_far)
    panels = (
        cv2.resize(row.image, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA),
        cv2.resize(row.structure, (PANEL_WIDTH, height), interpolation=cv2.INTER_NEAREST),
        cv2.resize(colours, (PANEL_WIDTH, height), interpolation=cv2.INTER_NEAREST),
        draw_cloud(row.points, row.colors, PANEL_WIDTH, height),
    )
    for column, panel in enumerate(panels):
        left = column_x(column)
        sheet[top : top + height, left : left + PANEL_WIDTH] = panel
    below = top + height + 20
    write(sheet, row.caption, (column_x(0), below), 0.45, DIM)
    valid = row.depth[np.isfinite(row.depth)]
    if valid.size:
        low, middle, high = np.percentile(valid, (5, 50, 95))
        spans = f'median {middle:.2f} m, 5-95 %: {low:.2f} to {high:.2f} m'
        write(sheet, spans, (column_x(2), below), 0.45, DIM)
    if len(row.points):
        cloud = f'{len(row.points):,} points, grid {grid_step(row.points):g} m'
        write(sheet, cloud, (column_x(3), below), 0.45, DIM)


def _draw_scale(sheet: NDArray[np.uint8], top: int, near: float, far: float) -> None:
    """Draw the depth colours with their metres, below the depth column."""
    left, height = column_x(2), 16
    # Even steps in inverse depth, as the colours are: every colour gets the same width.
    metres = (1 / np.linspace(1 / near, 1 / far, PANEL_WIDTH)).astype(np.float32)
    bar = np.repeat(metres[None], height, axis=0)
    sheet[top : top + height, left : left + PANEL_WIDTH] = colorize_depth(bar, near, far)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = 1 / ((1 - share) / near + share / far)
        label = f'{value:.2g}' if value < 10 else f'{value:.0f}'
        label += ' m' if share in (0.0, 1.0) else ''
        x = left + round(share * (PANEL_WIDTH - 1))
        cv2.line(sheet, (x, top + height), (x, top + height + 5), TEXT, 1)
        (text_width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
        x = min(max(x - text_width // 2, left), left + PANEL_WIDTH - text_width)
        write(sheet, label, (x, top + height + 22), 0.45, TEXT)
    write(sheet, 'one colour scale for all rows', (left, top + height + 42), 0.45, DIM)
