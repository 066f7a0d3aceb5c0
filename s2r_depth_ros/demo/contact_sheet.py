"""The contact sheet: what the node published for a few frames, drawn from the recorded messages.

A row a frame: camera image, structure map, depth in colours with one scale for the whole sheet,
and the point cloud seen from the side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader

from s2r_depth_ros.demo.cloud_view import BACKGROUND, draw_cloud, grid_step
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.conversions import image_to_rgb
from s2r_depth_ros.rig.clouds import read_xyz_rgb
from s2r_depth_ros.rig.recording import Recording

PANEL_WIDTH, GAP, MARGIN, HEADER, FOOTER, CAPTION = 360, 12, 28, 108, 92, 30
TEXT, DIM = (236, 238, 242), (150, 156, 168)
COLUMNS = ('camera image', 'structure map', 'depth', 'point cloud, seen from the right')


@dataclass(frozen=True)
class Row:
    """One frame as received. depth: float32 metres, NaN invalid; points [N, 3], colors [N, 3]."""

    caption: str
    image: np.ndarray
    structure: np.ndarray
    depth: np.ndarray
    points: np.ndarray
    colors: np.ndarray


def spread(stamps: Sequence[int], count: int) -> list[int]:
    """Return up to ``count`` of the stamps, evenly spread, first and last included."""
    if len(stamps) <= count:
        return list(stamps)
    return [stamps[i] for i in np.linspace(0, len(stamps) - 1, count).round().astype(int)]


def read_rows(recording: Recording, count: int = 5) -> list[Row]:
    """Read up to ``count`` frames of which all four pictures were recorded."""
    names = [
        recording.image_topic,
        *map(recording.name_of, (topics.STRUCTURE, topics.DEPTH, topics.POINTS)),
    ]
    stamps = spread(recording.common_stamps(names), count)
    first = stamps[0] if stamps else 0
    with AnyReader([recording.bag]) as reader:
        return [read_row(recording, reader, names, stamp, first) for stamp in stamps]


def read_row(
    recording: Recording, reader: AnyReader, names: list[str], stamp: int, first: int
) -> Row:
    """Read the frame with that stamp."""
    image, structure, depth, cloud = (recording.message(reader, n, stamp) for n in names)
    points, colors = read_xyz_rgb(cloud)
    latency = recording.latencies(names[2])[stamp] * 1e3
    return Row(
        caption=f't = {(stamp - first) * 1e-9:.2f} s, depth after {latency:.0f} ms',
        image=image_to_rgb(image),
        structure=image_to_rgb(structure),
        depth=depth_metres(depth),
        points=points,
        colors=colors,
    )


def depth_metres(message: Any) -> np.ndarray:
    """Return a depth image message as float32 metres [H, W], NaN invalid (REP-118)."""
    kinds = {'32FC1': ('f4', 1.0), '16UC1': ('u2', 1e-3)}
    kind, scale = kinds[message.encoding]
    order = '>' if message.is_bigendian else '<'
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    width = message.width * int(kind[1])
    values = np.ascontiguousarray(rows[:, :width]).view(order + kind).astype(np.float32)
    return np.where(values > 0, values * np.float32(scale), np.float32('nan'))


def depth_range(rows: Sequence[Row]) -> tuple[float, float]:
    """Return near and far (metres) of the colour scale that all rows share."""
    valid = np.concatenate([row.depth[np.isfinite(row.depth)][::17] for row in rows])
    if not valid.size:
        return 0.5, 10.0
    near, far = np.percentile(valid, (1, 99))
    return float(near), float(max(far, near * 1.05))


def draw_sheet(rows: Sequence[Row], title: str, subtitle: str) -> np.ndarray:
    """Return the sheet as an RGB picture. ``rows`` must not be empty; they may differ in size."""
    heights = [round(PANEL_WIDTH * row.image.shape[0] / row.image.shape[1]) for row in rows]
    width = 2 * MARGIN + 4 * PANEL_WIDTH + 3 * GAP
    height = HEADER + sum(h + CAPTION + GAP for h in heights) + FOOTER
    sheet = np.full((height, width, 3), BACKGROUND, np.uint8)
    write(sheet, title, (MARGIN, 40), 0.9, TEXT, 2)
    write(sheet, subtitle, (MARGIN, 66), 0.5, DIM)
    for column, label in enumerate(COLUMNS):
        write(sheet, label, (column_x(column), HEADER - 12), 0.58, TEXT)
    near, far = depth_range(rows)
    top = HEADER
    for row, panel_height in zip(rows, heights):
        draw_row(sheet, row, top, panel_height, (near, far))
        top += panel_height + CAPTION + GAP
    draw_scale(sheet, top + 4, near, far)
    return sheet


def column_x(column: int) -> int:
    """Return the left edge of a column of panels."""
    return MARGIN + column * (PANEL_WIDTH + GAP)


def draw_row(
    sheet: np.ndarray, row: Row, top: int, height: int, near_far: tuple[float, float]
) -> None:
    """Draw the four panels and the caption of one frame."""
    panels = (
        cv2.resize(row.image, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA),
        cv2.resize(row.structure, (PANEL_WIDTH, height), interpolation=cv2.INTER_NEAREST),
        cv2.resize(
            colorize_depth(row.depth, *near_far),
            (PANEL_WIDTH, height),
            interpolation=cv2.INTER_NEAREST,
        ),
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


def draw_scale(sheet: np.ndarray, top: int, near: float, far: float) -> None:
    """Draw the depth colours with their metres, below the depth column."""
    left, height = column_x(2), 16
    # Even steps in inverse depth, as the colours are: every colour gets the same width.
    inverse = np.linspace(1 / near, 1 / far, PANEL_WIDTH, dtype=np.float32)
    bar = np.repeat((1 / inverse)[None], height, axis=0)
    sheet[top : top + height, left : left + PANEL_WIDTH] = colorize_depth(bar, near, far)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        metres = 1 / ((1 - share) / near + share / far)
        x = left + round(share * (PANEL_WIDTH - 1))
        cv2.line(sheet, (x, top + height), (x, top + height + 5), TEXT, 1)
        label = f'{metres:.2g}' if metres < 10 else f'{metres:.0f}'
        label += ' m' if share in (0.0, 1.0) else ''
        (text_width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
        x = min(max(x - text_width // 2, left), left + PANEL_WIDTH - text_width)
        write(sheet, label, (x, top + height + 22), 0.45, TEXT)
    write(sheet, 'one colour scale for all rows', (left, top + height + 42), 0.45, DIM)


def write(
    sheet: np.ndarray,
    text: str,
    origin: tuple[int, int],
    size: float,
    color: tuple[int, int, int],
    thickness: int = 1,
) -> None:
    """Write text with its baseline at ``origin`` (x, y); the font knows ASCII only."""
    text = text.encode('ascii', 'replace').decode()
    cv2.putText(sheet, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, color, thickness, cv2.LINE_AA)


def save_sheet(sheet: np.ndarray, path: Path) -> None:
    """Write the RGB sheet as PNG. Raises OSError."""
    encoded = cv2.imencode('.png', cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())
