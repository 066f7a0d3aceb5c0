"""The simulated drive judges right: what is there is marked, what has gone is cleared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')
pytest.importorskip('moderngl', reason='moderngl is not installed')
pytest.importorskip('numba', reason='numba is not installed')

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node import topics
from s2r_depth_training.synthetic.renderer.errors import RendererError
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from simulated_drive.drive import RoomResult, drive_room
from simulated_drive.frames import BLOCKED, HEIGHT, WIDTH, Drive, drive_through
from simulated_drive.grid import CELL, Grid, widened
from simulated_drive.messages import scan_of, scan_points
from simulated_drive.outputs import MissingOutputError, Outputs
from simulated_drive.paths import CLEARANCE, STEP, plan
from simulated_drive.picture import picture
from simulated_drive.results import summary_of, table_of
from simulated_drive.rooms import make_room
from simulated_drive.setups import CLOUD, LAYER, SCAN, SPLIT, Setup
from simulated_drive.voxel_layer import LayerSettings, Observation, Source, VoxelLayer, _walk

HEIGHTS = (-1.0, 3.0)
BOTH = Source(True, True, *HEIGHTS)
CLEARS = Source(False, True, *HEIGHTS)
BAND: dict[str, Any] = {
    'min_obstacle_height': 0.1,
    'max_obstacle_height': 1.0,
    'z_resolution': 0.1,
    'z_voxels': 16,
}
GRID = Grid(0.0, 0.0, (80, 80))
EYE = np.array([0.52, 2.02, 0.52])
ROBOT = np.array([0.5, 2.0])

# ---- lines and the voxel layer


@settings(deadline=None)
@given(
    st.tuples(*[st.floats(0, size - 0.01) for size in (30, 25, 16)]),
    st.tuples(*[st.floats(0, size - 0.01) for size in (30, 25, 16)]),
    st.floats(1, 60),
)
def test_lines_are_those_of_bresenham(start: Any, end: Any, most: float) -> None:
    begin, ends = np.array(start), np.array([end])
    passed = np.zeros((30, 25, 16), bool)
    _walk(begin, ends, most, passed)
    first, last = begin.astype(int), ends[0].astype(int)
    longest = int(np.abs(last - first).max())
    length = math.dist(start, end)
    steps = int(min(1.0, most / length) * longest) if length else 0
    expected = {
        tuple(
            int(a + np.sign(b - a) * ((longest // 2 + i * abs(b - a)) // max(longest, 1)))
            for a, b in zip(first, last)
        )
        for i in range(steps + 1)
    }
    assert {tuple(map(int, voxel)) for voxel in np.argwhere(passed)} == expected


def layer_with(*points: Any, source: Source = BOTH, **others: Any) -> VoxelLayer:
    layer = VoxelLayer(GRID, LayerSettings(**BAND, **others))
    see(layer, *points, source=source)
    return layer


def see(layer: VoxelLayer, *points: Any, source: Source = BOTH) -> None:
    cloud = np.array(points, float).reshape(-1, 3)
    layer.update([Observation(source, cloud, EYE)], ROBOT)


def lethal(layer: VoxelLayer) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in np.argwhere(layer.lethal)}


def test_a_point_in_the_band_marks_its_cell_and_a_point_behind_it_clears_it() -> None:
    layer = layer_with((2.02, 2.02, 0.52))
    assert lethal(layer) == {(40, 40)}
    see(layer, (2.02, 2.02, 0.52))
    assert lethal(layer) == {(40, 40)}, 'cleared and marked in one cycle'
    see(layer, (3.02, 2.02, 0.52), source=CLEARS)
    assert not lethal(layer)


@pytest.mark.parametrize(
    'nothing', [(math.nan,) * 3, (math.inf, math.inf, math.inf), (math.inf, 2.0, 0.5), (3, 2, 9.0)]
)
def test_what_is_not_finite_or_out_of_the_heights_neither_marks_nor_clears(nothing: Any) -> None:
    assert not lethal(layer_with(nothing))
    layer = layer_with((2.02, 2.02, 0.52))
    see(layer, nothing)
    assert lethal(layer) == {(40, 40)}


@pytest.mark.parametrize(('height', 'marks'), [(0.05, 0), (0.15, 1), (0.95, 1), (1.05, 0)])
def test_only_heights_of_the_band_mark(height: float, marks: int) -> None:
    assert len(lethal(layer_with((2.02, 2.02, height)))) == marks


def test_ranges_limit_marking_and_clearing() -> None:
    assert not lethal(layer_with((3.3, 2.02, 0.52))), 'beyond obstacle_max_range'
    far = Source(True, True, *HEIGHTS, obstacle_max_range=3.2)
    layer = layer_with((3.6, 2.02, 0.52), source=far)
    assert lethal(layer) == {(72, 40)}
    see(layer, (3.9, 2.02, 0.52))
    assert lethal(layer) == {(72, 40)}, 'the ray ends at raytrace_max_range'


def test_a_ray_ends_two_cells_before_its_point() -> None:
    layer = layer_with((2.02, 2.02, 0.52))
    see(layer, (2.08, 2.02, 0.52), source=CLEARS)
    assert lethal(layer) == {(40, 40)}
    see(layer, (2.17, 2.02, 0.52), source=CLEARS)
    assert not lethal(layer)


def test_more_marks_than_the_threshold_make_a_cell_lethal() -> None:
    low, high = (2.02, 2.02, 0.32), (2.02, 2.02, 0.72)
    assert not lethal(layer_with(low, mark_threshold=1))
    assert lethal(layer_with(low, high, mark_threshold=1)) == {(40, 40)}


def test_the_footprint_is_freed() -> None:
    layer = layer_with((0.62, 2.02, 0.32), (0.62, 2.02, 0.72))
    assert not lethal(layer)
    # A ray that clears one of the voxels does not make the rest lethal again.
    layer.update([Observation(CLEARS, np.array([[3.0, 2.02, 0.72]]), EYE)], ROBOT + 2)
    assert not lethal(layer)


def test_rays_through_the_floor_end_there_and_clear() -> None:
    layer = layer_with((1.02, 2.02, 0.32))
    see(layer, (1.82, 2.02, -0.1), source=CLEARS)
    assert not lethal(layer)


def test_the_top_of_who_has_gone_is_cleared_by_the_wall_behind() -> None:
    """With the files as shipped: what is seen over the band of the layer must clear."""
    layer, obstacles = VoxelLayer(GRID, LAYER), SPLIT[topics.OBSTACLES]
    see(layer, (2.02, 2.02, 1.5), source=obstacles)
    assert lethal(layer) == {(40, 40)}
    see(layer, EYE + 2 * np.array([1.5, 0.0, 0.98]), source=obstacles)
    assert not lethal(layer)


# ---- the way


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(*[st.integers(5, 70)] * 4), max_size=4))
def test_the_way_keeps_clear_of_everything(boxes: list[tuple[int, int, int, int]]) -> None:
    occupied = np.zeros(GRID.shape, bool)
    occupied[[0, -1]] = occupied[:, [0, -1]] = True
    for x, y, width, depth in boxes:
        occupied[x : x + width // 4, y : y + depth // 4] = True
    way = plan(occupied, GRID)
    if way is None:
        return
    there = GRID.centres(np.argwhere(occupied))
    gap = np.linalg.norm(way[:, None] - there, axis=2).min()
    assert gap > CLEARANCE - 2 * CELL
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() < STEP + 1e-6


def test_there_is_a_way_through_an_empty_room_and_none_through_a_full_one() -> None:
    way = plan(np.zeros(GRID.shape, bool), GRID)
    assert way is not None
    assert np.linalg.norm(way[-1] - way[0]) > 3
    assert plan(np.ones(GRID.shape, bool), GRID) is None


# ---- drives


@pytest.fixture(scope='module')
def renderer() -> Iterator[Renderer]:
    try:
        made = Renderer(WIDTH, HEIGHT, supersampling=1)
    except RendererError as error:
        pytest.skip(str(error))
    yield made
    made.close()


# Nothing beyond 2 m is seen, so that only points_clearing clears what is higher than the camera.
NEAR = {'max_depth': 2.0}
WITHOUT_CLEARING = {t: s for t, s in SPLIT.items() if t != topics.CLEARING}
SHORT = (
    Setup('whole', sources=CLOUD, true_depth=True),
    Setup('split', {'max_depth': 4.0}, SPLIT, true_depth=True),
    Setup('scan', {'max_depth': 4.0}, SCAN, true_depth=True),
    Setup('near', NEAR, SPLIT, true_depth=True),
    Setup('near, not cleared', NEAR, WITHOUT_CLEARING, true_depth=True),
    Setup('by network', {'scale.source': ('camera_height',)}, CLOUD),
)


@pytest.fixture(scope='module')
def short_drive(renderer: Renderer) -> RoomResult:
    """The first metre through a bedroom."""
    room = make_room(7_000_023)
    assert room is not None
    return drive_room(room, SHORT, Drive(moving=10), DepthEstimator('indoor-s'), renderer)


def test_true_depth_misses_nothing_and_invents_nothing(short_drive: RoomResult) -> None:
    for name in ('whole', 'split'):
        figures = short_drive.figures[name]
        assert figures['missed, 0.1 m'] < 0.04
        assert figures['missed, 0.2 m'] < 0.01
        assert figures['false, 0.1 m'] < 0.002
        assert figures['stopped'] == 0
        assert figures['noticed'] > 0.95


def test_a_scan_of_true_depth_invents_nothing(short_drive: RoomResult) -> None:
    figures = short_drive.figures['scan']
    assert figures['false, 0.1 m'] < 0.002
    assert figures['missed, 0.1 m'] < 0.05
    assert figures['noticed'] > 0.5


def test_the_network_is_judged_worse(short_drive: RoomResult) -> None:
    figures = short_drive.figures['by network']
    assert figures['missed, 0.1 m'] > 0.1
    assert short_drive.scales['by network'] != 1
    assert short_drive.scales['whole'] == 1


def test_what_has_gone_is_cleared_and_not_without_points_that_clear(
    short_drive: RoomResult,
) -> None:
    for name in ('whole', 'split', 'near'):
        assert short_drive.figures[name]['cleared'] == pytest.approx(0.2)
        assert short_drive.figures[name]['left'] < 0.05
    ghost = short_drive.figures['near, not cleared']
    assert ghost['cleared'] == math.inf
    assert ghost['left'] > 0.5


def test_results_become_a_table_and_a_picture(short_drive: RoomResult) -> None:
    summary = summary_of([short_drive])
    lines = table_of(summary).splitlines()
    assert len(lines) == 2 + len(SHORT)
    assert '0.2 s, 1 of 1' in lines[2]
    assert '0 of 1' in next(line for line in lines if 'not cleared' in line)
    shown = picture(short_drive, ('whole', 'by network'))
    assert shown.shape[1] % 3 == 0
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 6


def test_a_topic_that_is_not_made_is_told(renderer: Renderer) -> None:
    room = make_room(7_000_023)
    assert room is not None
    frame = next(drive_through(room, Drive(), renderer))
    setup = Setup('lost', {'base_frame': 'nowhere', 'max_depth': 3.0}, SPLIT, true_depth=True)
    model = DepthEstimator('indoor-s').metadata
    with pytest.raises(MissingOutputError, match='nowhere'):
        Outputs(setup, model, 0.5).of(
            frame, lambda view: pytest.fail('true depth needs no network')
        )


def test_the_scanner_sees_what_is_at_its_height(renderer: Renderer) -> None:
    room = make_room(7_000_023)
    assert room is not None
    frames = list(drive_through(room, Drive(moving=1), renderer))
    assert [frame.blocked for frame in frames].count(True) == BLOCKED
    frame = frames[0]
    points = scan_points(scan_of(frame))
    points = points[np.linalg.norm(points, axis=1) < 15]
    x, y = frame.camera.rotation[:2, 2] / np.linalg.norm(frame.camera.rotation[:2, 2])
    world = points[:, :2] @ np.array([[x, y], [-y, x]])
    cells = room.grid.mask(world + frame.camera.position[:2])
    assert cells.sum() > 10
    assert (cells & widened(room.blocked_obstacles, 2 * CELL)).sum() > 0.95 * cells.sum()
