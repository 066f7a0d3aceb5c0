"""The contact sheet shows the frames' pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from made_up_frames import HEIGHT, WIDTH, rgb
from numpy.typing import NDArray

from s2r_depth_ros.demo import contact_sheet as sheets
from s2r_depth_ros.demo.sheet_rows import SheetRow, read_rows
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.rig.recording import Recording


def panel(sheet: NDArray[np.uint8], row: int, column: int) -> NDArray[np.uint8]:
    height = round(sheets.PANEL_WIDTH * HEIGHT / WIDTH)
    top = sheets.HEADER + row * (height + sheets.CAPTION + sheets.GAP)
    left = sheets.column_x(column)
    return sheet[top : top + height, left : left + sheets.PANEL_WIDTH]


def test_panels_hold_the_messages_pixels(recording: Recording) -> None:
    rows = read_rows(recording, count=3)
    sheet = sheets.draw_sheet(rows, 'title', 'subtitle')
    near_far = sheets.depth_range(rows)
    scale = sheets.PANEL_WIDTH / WIDTH
    for number, row in enumerate(rows):
        colours = colorize_depth(row.depth, *near_far)
        for y, x in ((5, 5), (20, 40), (55, 70)):
            at = round((y + 0.5) * scale), round((x + 0.5) * scale)
            assert tuple(panel(sheet, number, 0)[at]) == tuple(row.image[y, x])
            assert tuple(panel(sheet, number, 1)[at]) == tuple(row.structure[y, x])
            assert tuple(panel(sheet, number, 2)[at]) == tuple(colours[y, x])
        drawn: NDArray[Any] = panel(sheet, number, 3).reshape(-1, 3)
        assert (drawn == row.colors[0]).all(axis=1).mean() > 0.02
    assert len(sheet) == sheets.HEADER + sheets.FOOTER + 3 * (270 + sheets.CAPTION + sheets.GAP)


def test_scale_bar_ends_in_the_nearest_and_farthest_colour(recording: Recording) -> None:
    rows = read_rows(recording, count=1)
    near, far = sheets.depth_range(rows)
    sheet = sheets.draw_sheet(rows, 'title', 'subtitle')
    top = sheets.HEADER + 270 + sheets.CAPTION + sheets.GAP + 10
    left = sheets.column_x(2)
    ends = colorize_depth(np.array([[near, far]], np.float32), near, far)[0]
    assert tuple(sheet[top, left]) == tuple(ends[0])
    assert tuple(sheet[top, left + sheets.PANEL_WIDTH - 1]) == tuple(ends[1])


def test_a_frame_without_valid_depth_can_be_drawn() -> None:
    empty = SheetRow(
        'nothing',
        rgb(0),
        np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        np.full((HEIGHT, WIDTH), np.nan, np.float32),
        np.empty((0, 3), np.float32),
        np.empty((0, 3), np.uint8),
    )
    sheet = sheets.draw_sheet([empty], 'title', 'subtitle')
    assert (panel(sheet, 0, 2) == 0).all()
