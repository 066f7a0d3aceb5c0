"""The contact sheet shows what the recorded messages hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import written_bags as bags
from rosbags.rosbag2 import StoragePlugin

from s2r_depth_ros.demo import contact_sheet as sheets
from s2r_depth_ros.demo.summary import summarise
from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.rig.recording import Recording

WIDTH, HEIGHT, FRAMES = 80, 60, 8
LATENCY = 0.04
INTRINSICS = Intrinsics(70.0, 70.0, 39.5, 29.5, WIDTH, HEIGHT)


def rgb(index: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), (30 * index, 10, 250 - 30 * index), np.uint8)


def structure(index: int) -> np.ndarray:
    return np.repeat(np.linspace(0, 200 + index, WIDTH).astype(np.uint8)[None], HEIGHT, axis=0)


def depth(index: int) -> np.ndarray:
    metres = np.repeat(np.linspace(1.0, 5.0, HEIGHT, dtype=np.float32)[:, None], WIDTH, axis=1)
    metres[:10] = np.nan
    return metres + 0.1 * index


def cloud(stamp: float, index: int):
    packed = CloudPacker(INTRINSICS).pack(depth(index), rgb(index))
    field = bags.TYPES['sensor_msgs/msg/PointField']
    fields = [
        field(name, offset, 7, 1) for name, offset in zip(('x', 'y', 'z', 'rgb'), range(0, 16, 4))
    ]
    return bags.TYPES[bags.CLOUD](
        bags.header(stamp), HEIGHT, WIDTH, fields, False, 16, 16 * WIDTH, packed.reshape(-1), False
    )


@pytest.fixture(scope='module')
def recording(tmp_path_factory) -> Recording:
    """Eight frames; the node dropped frame 3, and the cloud of frame 7 was lost."""
    folder: Path = tmp_path_factory.mktemp('recording')
    messages = []
    for index in range(FRAMES):
        stamp = 50.0 + 0.1 * index
        messages.append(('/camera/image_raw', bags.IMAGE, bags.image(stamp, rgb(index), 'rgb8')))
        if index == 3:
            continue
        metres, map_ = bags.image(stamp, depth(index), '32FC1'), structure(index)
        messages.append(('/depth_registered/image_rect', bags.IMAGE, metres))
        messages.append(('/depth/structure', bags.IMAGE, bags.image(stamp, map_, 'mono8')))
        if index != 7:
            messages.append(('/depth_registered/points', bags.CLOUD, cloud(stamp, index)))
    times = [
        bags.nanoseconds(m.header.stamp) + int(LATENCY * 1e9) + n
        for n, (_, _, m) in enumerate(messages)
    ]
    bags.write(folder / 'bag', messages, StoragePlugin.MCAP, times)
    arrivals: dict[str, list] = {}
    for (topic, _, message), time in zip(messages, times):
        arrivals.setdefault(topic, []).append((bags.nanoseconds(message.header.stamp), time))
    (folder / 'arrivals.json').write_text(json.dumps(arrivals))
    return Recording.load(folder / 'bag', folder / 'arrivals.json', 'depth')


def test_rows_are_whole_frames_spread_over_the_recording(recording):
    rows = sheets.read_rows(recording, count=3)
    assert len(rows) == 3
    for row, index in zip(rows, (0, 2, 6)):  # of 0 1 2 4 5 6, which alone have everything
        np.testing.assert_array_equal(row.image, rgb(index))
        np.testing.assert_array_equal(row.structure[..., 0], structure(index))
        np.testing.assert_array_equal(row.depth, depth(index))
        assert len(row.points) == len(row.colors) == (HEIGHT - 10) * WIDTH
        assert row.points[:, 2].min() == pytest.approx(np.nanmin(depth(index)))
        assert tuple(row.colors[0]) == tuple(rgb(index)[0, 0])
    assert '40 ms' in rows[0].caption


def panel(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    height = round(sheets.PANEL_WIDTH * HEIGHT / WIDTH)
    top = sheets.HEADER + row * (height + sheets.CAPTION + sheets.GAP)
    left = sheets.column_x(column)
    return sheet[top : top + height, left : left + sheets.PANEL_WIDTH]


def test_panels_hold_the_messages_pixels(recording):
    rows = sheets.read_rows(recording, count=3)
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
        drawn = panel(sheet, number, 3).reshape(-1, 3)
        assert (drawn == row.colors[0]).all(axis=1).mean() > 0.02
    assert len(sheet) == sheets.HEADER + sheets.FOOTER + 3 * (270 + sheets.CAPTION + sheets.GAP)


def test_scale_bar_ends_in_the_nearest_and_farthest_colour(recording):
    rows = sheets.read_rows(recording, count=1)
    near, far = sheets.depth_range(rows)
    sheet = sheets.draw_sheet(rows, 'title', 'subtitle')
    top = sheets.HEADER + 270 + sheets.CAPTION + sheets.GAP + 10
    left = sheets.column_x(2)
    ends = colorize_depth(np.array([[near, far]], np.float32), near, far)[0]
    assert tuple(sheet[top, left]) == tuple(ends[0])
    assert tuple(sheet[top, left + sheets.PANEL_WIDTH - 1]) == tuple(ends[1])


def test_summary_counts_drops_and_latency(recording):
    played = [bags.nanoseconds(bags.header(50.0 + 0.1 * i).stamp) for i in range(FRAMES)]
    summary = summarise(recording, played)
    assert (summary.played, summary.processed, summary.dropped) == (8, 7, 1)
    assert summary.latency_median == pytest.approx(40.0, abs=0.1)
    assert summary.camera_rate == pytest.approx(10.0, abs=0.01)
    assert summary.rate == pytest.approx(6 / 0.7, abs=0.01)
    assert '8 frames played' in summary.line()
    assert '1 dropped' in summary.line()
    assert summary.as_dict()['latency_median_ms'] == summary.latency_median


@pytest.mark.parametrize('order', ['<', '>'])
def test_millimetre_depth_of_either_byte_order_is_metres(order):
    values = np.array([[1500, 0], [65535, 1]], f'{order}u2')
    message = bags.image(0.0, values, '16UC1')
    message.is_bigendian = int(order == '>')
    metres = sheets.depth_metres(message)
    np.testing.assert_allclose(metres, [[1.5, np.nan], [65.535, 0.001]])


def test_a_frame_without_valid_depth_can_be_drawn():
    empty = sheets.Row(
        'nothing',
        rgb(0),
        np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        np.full((HEIGHT, WIDTH), np.nan, np.float32),
        np.empty((0, 3), np.float32),
        np.empty((0, 3), np.uint8),
    )
    sheet = sheets.draw_sheet([empty], 'title', 'subtitle')
    assert (panel(sheet, 0, 2) == 0).all()
