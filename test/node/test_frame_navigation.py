"""Clouds, scan and what clears, of frames whose floor and obstacles are known; without a graph."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from floor_scenes import CAMERA, HEIGHT, floor_plane, seen_depth
from frame_pipelines import OVER_FLOOR, Frames, content, pipeline_of, pipeline_over
from ros_graph import pixels

from s2r_depth_ros.geometry import project
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.parameters import ParameterError, Values, validate, with_changes
from s2r_depth_ros.node.pipeline import NOTHING_VALID
from s2r_depth_ros.rig.clouds import read_xyz_rgb, structured_points

DEFAULTS = with_changes(Values(), {'max_depth': 5.0})
LEVEL = floor_plane()
SPLIT = {topics.OBSTACLES, topics.GROUND}
EVERY = SPLIT | {topics.SCAN, topics.CLEARING}
PITCH = 0.3
PITCHED = f'base_footprint camera 0.2 0 {HEIGHT} {-math.pi / 2 - PITCH} 0 {-math.pi / 2}'


def frames(
    changes: dict[str, Any] | None = None, transform: str = OVER_FLOOR, **more: Any
) -> Frames:
    return Frames(pipeline_of(None, transform), with_changes(DEFAULTS, changes or {}), **more)


def cloud(message: Any) -> np.ndarray:
    """Return the points of a cloud that says that all are finite."""
    assert message.is_dense
    assert message.height == 1
    points = structured_points(message)
    xyz = np.stack([points[name] for name in 'xyz'], -1)
    assert np.isfinite(xyz).all()
    assert len(xyz) == message.width
    return np.asarray(xyz)


def heights(points: np.ndarray, pitch: float = 0.0) -> np.ndarray:
    plane = floor_plane(pitch)
    return np.asarray(plane.offset - points @ np.array(plane.normal))


@pytest.mark.parametrize('pitch', [0.0, PITCH])
def test_floor_and_obstacles_are_apart(pitch: float) -> None:
    given = frames(transform=PITCHED if pitch else OVER_FLOOR)
    depth = seen_depth(floor_plane(pitch), [(2.0, 0.0, 3.0)])
    messages = given.messages(depth, *SPLIT)
    obstacles, ground = cloud(messages[topics.OBSTACLES]), cloud(messages[topics.GROUND])
    assert len(obstacles) > 1000 < len(ground) + 1000
    # Within 0.1 m, and 3 degrees as far as the wall reaches into the sides of the image.
    np.testing.assert_allclose(heights(ground, pitch), 0, atol=0.1 + 0.0524 * 2.6)
    assert heights(obstacles, pitch).min() > 0.1
    assert len(obstacles) + len(ground) <= np.isfinite(depth).sum()
    # Each has the colour of its pixel.
    rgb = np.random.default_rng(0).integers(0, 256, (*depth.shape, 3)).astype(np.uint8)
    points, colours = read_xyz_rgb(given.messages(depth, *SPLIT, rgb=rgb)[topics.OBSTACLES])
    columns, rows = np.rint(project(points, CAMERA)).astype(int).T
    np.testing.assert_array_equal(rgb[rows, columns], colours)


def test_every_output_has_the_stamp_of_its_image() -> None:
    result = frames().result(seen_depth(LEVEL, [(2.0, 0.0, 3.0)]), EVERY)
    assert set(result.messages) == EVERY
    for name, message in result.messages.items():
        assert message.header.stamp == result.header.stamp
        assert message.header.frame_id == ('base_footprint' if name == topics.SCAN else 'camera')
    assert result.navigation_problem == ''


@settings(deadline=None, max_examples=40)
@given(st.floats(1.0, 3.9), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-3, 3))
def test_a_scan_has_the_wall_where_it_is_in_its_frame(
    distance: float, x: float, y: float, yaw: float
) -> None:
    pose = f'base camera {x} {y} {HEIGHT} {-math.pi / 2} 0 {yaw - math.pi / 2}'
    given = frames({'base_frame': 'base'}, pose)
    scan = given.messages(seen_depth(LEVEL, [(distance, 0.0, 3.0)]), topics.SCAN)[topics.SCAN]
    ranges = np.asarray(scan.ranges)
    assert isinstance(scan.ranges, array)
    assert scan.header.frame_id == 'base'
    angles = scan.angle_min + scan.angle_increment * np.arange(len(ranges))
    assert scan.angle_max == pytest.approx(angles[-1], abs=1e-5)
    hit = np.isfinite(ranges)
    assert hit.sum() > 40
    assert ((ranges[hit] >= scan.range_min) & (ranges[hit] <= scan.range_max)).all()
    places = ranges[hit, None] * np.stack([np.cos(angles), np.sin(angles)], -1)[hit]
    ahead = (places - (x, y)) @ [math.cos(yaw), math.sin(yaw)]
    np.testing.assert_allclose(ahead, distance, rtol=0.03)


def test_a_scan_of_free_floor_is_infinite_and_of_nothing_nan() -> None:
    given = frames()
    depth = seen_depth(LEVEL)
    free = np.asarray(given.messages(depth, topics.SCAN)[topics.SCAN].ranges)
    assert np.isposinf(free).mean() > 0.9
    unknown = given.messages(np.full_like(depth, np.nan), topics.SCAN)[topics.SCAN]
    assert np.isnan(unknown.ranges).all()
    # Nobody knows what is beyond max_depth.
    assert unknown.range_max == 5.0
    given.values = with_changes(given.values, {'scan.max_range': 3.0})
    assert given.messages(depth, topics.SCAN)[topics.SCAN].range_max == 3.0


def test_the_time_of_a_scan_is_that_since_the_one_before() -> None:
    given, depth = frames(), seen_depth(LEVEL)
    times = [
        given.messages(depth, topics.SCAN, stamp=stamp)[topics.SCAN].scan_time
        for stamp in (100.0, 100.25, 100.0, 160.0)
    ]
    assert times == pytest.approx([0.0, 0.25, 0.0, 0.0], abs=1e-6)


def test_free_view_clears_up_to_the_farthest_depth_and_nan_does_not() -> None:
    given = frames()
    depth = np.full((120, 160), np.nan, np.float32)
    depth[:40], depth[40:80] = 9.0, 2.0
    points = cloud(given.messages(depth, topics.CLEARING)[topics.CLEARING])
    assert len(points) == 10 * 40  # of every fourth row and column
    np.testing.assert_allclose(points[:, 2], 5.0)
    assert (project(points, CAMERA)[:, 1] < 40).all()


def test_rays_that_clear_are_no_more_for_a_large_image() -> None:
    """A costmap walks along each of them."""
    large = CAMERA.resized(3840, 2160)
    given = frames(camera=large)
    points = cloud(given.messages(np.full((2160, 3840), 9.0, np.float32), topics.CLEARING)[
        topics.CLEARING
    ])  # fmt: skip
    assert len(points) == 160 * 90
    places = project(points, large)
    assert places.min(axis=0).tolist() == pytest.approx([0, 0], abs=0.01)
    assert (places.max(axis=0) >= (3840 - 24, 2160 - 24)).all()


@pytest.mark.parametrize(
    'depth',
    [np.full((120, 160), np.nan), np.full((120, 160), 0.6), np.full((120, 160), 4.9),
     np.full((120, 160), 50.0), np.zeros((120, 160)), seen_depth(floor_plane(-1.2))],
    ids=['nothing', 'wall', 'far wall', 'sky', 'zero', 'ceiling'],
)  # fmt: skip
@pytest.mark.parametrize('pitch', [0.0, -1.2, 1.4])
def test_whatever_the_camera_looks_at_there_are_messages(depth: np.ndarray, pitch: float) -> None:
    pose = f'base_footprint camera 0 0 0.5 {-math.pi / 2 - pitch} 0 {-math.pi / 2}'
    result = frames(transform=pose).result(depth.astype(np.float32), EVERY | {topics.DEPTH})
    assert set(result.messages) == EVERY | {topics.DEPTH}
    for name in EVERY - {topics.SCAN}:
        cloud(result.messages[name])
    if np.isnan(depth).all():
        assert not any(result.messages[name].width for name in EVERY - {topics.SCAN})
    # What is beyond max_depth is free.
    assert result.navigation_problem == (NOTHING_VALID if np.isnan(depth).all() else '')


OTHERS = {topics.DEPTH, topics.POINTS, topics.RECT_COLOR}


@pytest.mark.parametrize(
    ('changes', 'transform', 'missing', 'reason'),
    [
        ({}, '', SPLIT | {topics.SCAN}, "the parameter transforms has no frame 'base_footprint'"),
        ({'base_frame': 'odom'}, OVER_FLOOR, SPLIT | {topics.SCAN}, "no frame 'odom'"),
        (
            {},
            'base_footprint camera 0 0 -0.1 -1.57 0 -1.57',
            SPLIT | {topics.SCAN},
            'height of the camera over the floor is -0.1 m; it must be positive and finite: '
            "base_frame is 'base_footprint'; give it a frame on the floor",
        ),
        ({'max_depth': 0.0}, OVER_FLOOR, {topics.CLEARING}, 'max_depth is 0 m; it must be'),
        ({'ground.max_height': 0.6}, OVER_FLOOR, SPLIT, 'the camera only 0.5 m over the floor'),
        ({'scan.min_height': 0.6}, OVER_FLOOR, {topics.SCAN}, 'scan.min_height is 0.6 m'),
        ({'scan.frame': 'lidar'}, OVER_FLOOR, {topics.SCAN}, "no frame 'lidar'"),
        ({'scan.frame': 'camera'}, OVER_FLOOR, {topics.SCAN}, 'tilted by 90 degrees'),
        ({'scan.angle_increment': 0.001}, OVER_FLOOR, {topics.SCAN}, 'a pixel of this camera is'),
        (
            {'scan.min_range': 6.0},
            OVER_FLOOR,
            {topics.SCAN},
            'scan.min_range is 6 and scan.max_range is 5',
        ),
        (
            {'cloud.voxel_size': 1e-8},
            OVER_FLOOR,
            SPLIT | {topics.POINTS},
            'cloud.voxel_size is 1e-08 m, too fine',
        ),
        (
            {'cloud.region': (0.0, 0.0, 0.0, 1.0, 1.0, 1.0), 'cloud.region_frame': 'map'},
            OVER_FLOOR,
            SPLIT | {topics.POINTS},
            "no frame 'map'",
        ),
    ],
)
def test_what_cannot_be_made_is_told_and_the_rest_goes_on(
    changes: dict[str, Any], transform: str, missing: set[str], reason: str
) -> None:
    given = frames(changes, transform)
    wanted = EVERY | OTHERS
    # A wall and no floor: without a transform none is seen in the image either.
    wall = np.full((120, 160), 2.0, np.float32) * np.linspace(1, 0.99, 160, dtype=np.float32)
    result = given.result(wall, wanted)
    assert set(result.messages) == wanted - missing
    assert reason in result.navigation_problem
    for name in missing:
        assert name in result.navigation_problem
    # Once it is mended all is there.
    given.values = DEFAULTS
    given.pipeline = pipeline_of(None, OVER_FLOOR)
    assert set(given.result(seen_depth(LEVEL), wanted).messages) == wanted


@pytest.mark.parametrize('pitch', [0.0, 0.1])
def test_without_a_transform_the_floor_is_the_one_that_is_seen(pitch: float) -> None:
    """Its height is the camera's in metres, whatever scales depth."""
    given = frames(transform='')
    depth = seen_depth(floor_plane(pitch), [(3.0, 0.0, 3.0)])
    result = given.result(depth, EVERY)
    assert set(result.messages) == EVERY - {topics.SCAN}
    assert f'no {topics.SCAN}: ' in result.navigation_problem
    # Who takes a guess for what TF says, is told.
    told = (
        f'{topics.GROUND}, {topics.OBSTACLES} by the floor that the image shows: the floor is not'
    )
    told_later = given.result(depth, {topics.GROUND}).navigation_problem
    assert told in result.navigation_problem
    assert "no frame 'base_footprint'" in told_later
    assert not given.result(depth, {topics.CLEARING}).navigation_problem
    obstacles = cloud(result.messages[topics.OBSTACLES])
    assert (heights(obstacles, pitch) > 0.08).all()
    assert len(obstacles) > 1000
    ground = cloud(result.messages[topics.GROUND])
    assert (np.abs(heights(ground, pitch)) < 0.1 + 0.0524 * 4.5).all()
    assert len(ground) > 1000
    # It is remembered for a while when something hides it.
    later = given.result(np.full((120, 160), 2.0, np.float32), SPLIT)
    assert set(later.messages) == SPLIT


def test_without_camera_info_depth_goes_on() -> None:
    result = frames(camera=None).result(seen_depth(LEVEL), EVERY | {topics.DEPTH})
    assert set(result.messages) == {topics.DEPTH}
    assert (result.camera_problem, result.navigation_problem) == ('no camera_info', '')


def test_nothing_is_looked_up_for_what_nobody_wants() -> None:
    result = frames(transform='').result(seen_depth(LEVEL), OTHERS)
    assert set(result.messages) == OTHERS
    assert result.navigation_problem == ''


@pytest.mark.parametrize('stride', [1, 2, 7, 64])
def test_a_stride_keeps_the_cloud_organised(stride: int) -> None:
    depth = seen_depth(LEVEL, [(2.0, 0.0, 3.0)])
    message = frames({'cloud.stride': stride}).messages(depth, topics.POINTS)[topics.POINTS]
    assert (message.height, message.width) == (-(-120 // stride), -(-160 // stride))
    points = structured_points(message).reshape(message.height, message.width)
    whole = frames().messages(depth, topics.POINTS)[topics.POINTS]
    expected = structured_points(whole).reshape(120, 160)[::stride, ::stride]
    for name in 'xyz':
        np.testing.assert_allclose(points[name], expected[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(points['rgb'].view('u4'), expected['rgb'].view('u4'))


def test_voxels_make_clouds_small_and_not_organised() -> None:
    depth = seen_depth(LEVEL, [(2.05, 0.0, 3.0)])
    messages = frames({'cloud.voxel_size': 0.1}).messages(depth, topics.POINTS, *SPLIT)
    for name in (topics.POINTS, *SPLIT):
        cells = np.floor(cloud(messages[name]) / 0.1).astype(int)
        assert 0 < len(np.unique(cells, axis=0)) == len(cells)
    assert len(cloud(messages[topics.POINTS])) < 0.3 * np.isfinite(depth).sum()


@settings(deadline=None, max_examples=40)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.03, 0.4), st.integers(1, 5), st.booleans())
def test_a_region_cuts_clouds_in_its_frame(
    x: float, y: float, z: float, stride: int, voxels: bool
) -> None:
    """Of a camera 0.3 m ahead of the base: a box of 2 m each way from (x, y, z) of the base."""
    pose = f'base_footprint camera 0.3 0 {HEIGHT} {-math.pi / 2} 0 {-math.pi / 2}'
    changes = {
        'cloud.region': (x, y, z, x + 2, y + 2, z + 2), 'cloud.region_frame': 'base_footprint',
        'cloud.stride': stride, 'cloud.voxel_size': 0.05 if voxels else 0.0,
    }  # fmt: skip
    depth = seen_depth(LEVEL, [(2.0, 0.0, 3.0)])
    given = frames(changes, pose)
    messages = given.messages(depth, topics.POINTS, *SPLIT, topics.DEPTH)

    def base(name: str) -> np.ndarray:
        points, _ = read_xyz_rgb(messages[name])
        return np.stack([points[:, 2] + 0.3, -points[:, 0], HEIGHT - points[:, 1]], -1)

    low, high = np.array([x, y, z]), np.array([x + 2, y + 2, z + 2])
    for name in (topics.POINTS, *SPLIT):
        assert ((base(name) >= low - 1e-4) & (base(name) <= high + 1e-4)).all()
    if stride == 1 and not voxels:
        whole, _ = read_xyz_rgb(frames({}, pose).messages(depth, topics.POINTS)[topics.POINTS])
        there = np.stack([whole[:, 2] + 0.3, -whole[:, 0], HEIGHT - whole[:, 1]], -1)
        inside = ((there > low + 1e-4) & (there < high - 1e-4)).all(axis=1).sum()
        assert inside <= len(base(topics.POINTS)) <= inside + 300  # some lie on the border
    # The depth image is whole.
    np.testing.assert_array_equal(
        pixels(messages[topics.DEPTH]), np.where(depth <= 5, depth, np.float32(np.nan))
    )


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'cloud.region': (1.0, 2.0)}, 'cloud.region has 2 numbers; give [x_min, y_min, z_min'),
        (
            {'cloud.region': (1.0, 0.0, 0.0, 1.0, 2.0, 2.0)},
            'lower x of cloud.region is 1 and upper',
        ),
        ({'cloud.region': (math.nan,) * 6}, 'cloud.region must be from -1000 to 1000, not nan'),
        ({'cloud.stride': 0}, 'cloud.stride must be from 1 to 64'),
        ({'scan.min_height': 1.5}, 'scan.min_height is 1.5 and scan.max_height is 1'),
        ({'scan.min_range': 20.0}, 'scan.min_range is 20 and scan.max_range is 10'),
        ({'temporal_filter.weight': 0.2}, 'temporal_filter.weight must be from 0.4 to 1'),
        ({'ground.max_height': 0.0}, 'ground.max_height must be from 0.001 to 10'),
        ({'out_of_range': 'nan'}, 'out_of_range must be one of invalid, infinite'),
    ],
)
def test_impossible_values_are_refused_with_the_reason(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        validate(with_changes(Values(), changes))
    assert reason in str(caught.value)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([(120, 160), (60, 80), (33, 47)]),
            st.floats(0.06, 2.0),
            st.floats(0.02, 2.0),
            st.integers(1, 9),
            st.sets(st.sampled_from(sorted(EVERY | OTHERS)), min_size=1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_sizes_and_parameters_may_change_in_mid_stream(
    steps: list[tuple[tuple[int, int], float, float, int, set[str]]],
) -> None:
    """What is published is what a new pipeline would have made of the frame."""
    used = frames()
    for size, min_height, max_height, stride, wanted in steps:
        changes = {
            'scan.min_height': min_height, 'scan.max_height': min_height + 0.5,
            'ground.max_height': max_height, 'cloud.stride': stride, 'scan.angle_increment': 0.05,
        }  # fmt: skip
        depth = np.resize(seen_depth(LEVEL, [(2.0, 0.0, 3.0)]), size)
        fresh = frames()
        for each in (used, fresh):
            each.values = with_changes(DEFAULTS, changes)
            each.camera = CAMERA.resized(size[1], size[0])
        got, expected = (each.result(depth, wanted, stamp=100.0) for each in (used, fresh))
        assert got.navigation_problem == expected.navigation_problem
        assert got.messages.keys() == expected.messages.keys()
        for name, message in got.messages.items():
            assert content(message) == content(expected.messages[name]), name


class Turning:
    """Transforms of a camera that looks ahead until second 101, and down by PITCH from then on."""

    def find(self, target: str, source: str, stamp: float) -> np.ndarray:
        pose = OVER_FLOOR if stamp < 101 else PITCHED
        return FixedTransforms([pose]).find(target, source)


def test_tables_follow_a_camera_that_is_moved() -> None:
    """As on a pan-tilt unit: the floor is looked up for each frame."""
    given = Frames(pipeline_over(Turning()), DEFAULTS)
    for stamp, pitch, ahead in ((100.0, 0.0, 2.0), (102.0, PITCH, 2.2), (100.5, 0.0, 2.0)):
        depth = seen_depth(floor_plane(pitch), [(2.0, 0.0, 3.0)])
        messages = given.messages(depth, *EVERY, stamp=stamp)
        scan = messages[topics.SCAN]
        angles = scan.angle_min + scan.angle_increment * np.arange(len(scan.ranges))
        distances = np.asarray(scan.ranges) * np.cos(angles)
        np.testing.assert_allclose(distances[np.isfinite(distances)], ahead, rtol=0.03)
        assert heights(cloud(messages[topics.OBSTACLES]), pitch).min() > 0.1
