"""What filters do to the outputs of a frame, without a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from floor_scenes import CAMERA, floor_plane, seen_depth
from frame_pipelines import Frames, model_of, pipeline_of
from image_transport_format import decoded_depth
from ros_graph import pixels

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.parameters import Values, with_changes
from s2r_depth_ros.rig.clouds import structured_points

DEFAULTS = Values()
PLANE = floor_plane(0.2)
ROOM = seen_depth(PLANE, [(3.0, 0.0, 5.0)])
NETWORK = {topics.DEPTH, topics.DEPTH_COMPRESSED, topics.POINTS, topics.DEPTH_COLOR}
FILTERS = ('edge_filter', 'temporal_filter', 'confidence', 'sky_filter')


def frames(changes: dict[str, Any] | None = None, **more: Any) -> Frames:
    scene = more.pop('scene', 'indoor')
    return Frames(pipeline_of(model_of(scene)), with_changes(DEFAULTS, changes or {}), **more)


def depth_of(given: Frames, depth: np.ndarray, **more: Any) -> np.ndarray:
    return pixels(given.messages(depth, topics.DEPTH, **more)[topics.DEPTH]).copy()


def smeared() -> np.ndarray:
    """Return a near box before a far wall, with the slope between them that a network makes."""
    depth = np.full((120, 160), 4.0, np.float32)
    depth[:, :70] = 1.5
    depth[:, 70:75] = np.linspace(1.5, 4.0, 5)
    return depth


def test_without_filters_depth_is_what_the_network_gave() -> None:
    given = frames({'min_depth': 0.5, 'max_depth': 2.8})
    messages = given.messages(ROOM, *NETWORK)
    inside = (ROOM >= 0.5) & (ROOM <= 2.8)
    expected = np.where(inside, ROOM, np.float32(np.nan))
    np.testing.assert_array_equal(pixels(messages[topics.DEPTH]), expected)
    z = structured_points(messages[topics.POINTS])['z'].reshape(ROOM.shape)
    np.testing.assert_array_equal(z, expected)


def test_flying_pixels_go_from_depth_and_cloud() -> None:
    given = frames({'edge_filter.enable': True})
    messages = given.messages(smeared(), topics.DEPTH, topics.POINTS)
    depth = pixels(messages[topics.DEPTH])
    assert np.isnan(depth[:, 71:74]).all()
    np.testing.assert_array_equal(depth[:, :69], 1.5)
    z = structured_points(messages[topics.POINTS])['z'].reshape(depth.shape)
    np.testing.assert_array_equal(z, depth)
    # A wider limit lets them stay.
    given.values = with_changes(
        given.values, {'edge_filter.max_incidence': 1.569, 'edge_filter.max_step': 1.0}
    )
    assert np.isfinite(depth_of(given, smeared())).all()


def test_flying_pixels_stay_where_the_camera_is_unknown() -> None:
    given = frames({'edge_filter.enable': True}, camera=None)
    result = given.result(smeared(), {topics.DEPTH})
    assert np.isfinite(pixels(result.messages[topics.DEPTH])).all()
    assert result.camera_problem == 'no camera_info'


@pytest.mark.parametrize('encoding', ['32FC1', '16UC1'])
@pytest.mark.parametrize('out_of_range', ['invalid', 'infinite'])
def test_what_is_out_of_range(encoding: str, out_of_range: str) -> None:
    limits = {'min_depth': 1.0, 'max_depth': 2.0}
    given = frames({**limits, 'out_of_range': out_of_range, 'depth_encoding': encoding})
    depth = np.full((120, 160), 1.5, np.float32)
    depth[:40], depth[40:80] = 0.5, 5.0
    depth[0, 0] = np.nan
    messages = given.messages(depth, *NETWORK, topics.CLEARING)
    shown = pixels(messages[topics.DEPTH])
    if encoding == '16UC1':
        assert set(np.unique(shown)) == {0, 1500}
    elif out_of_range == 'infinite':
        assert np.isnan(shown[0, 0])
        assert (shown[1:40] == -np.inf).all()
        assert (shown[40:80] == np.inf).all()
    else:
        assert np.isnan(shown[:80]).all()
    inside = np.zeros(depth.shape, bool)
    inside[80:] = True
    assert ((decoded_depth(messages[topics.DEPTH_COMPRESSED]) > 0) == inside).all()
    # Clouds and pictures have neither.
    assert (np.isfinite(structured_points(messages[topics.POINTS])['x']) == inside.ravel()).all()
    assert (pixels(messages[topics.DEPTH_COLOR]).any(axis=-1) == inside).all()


def test_sky_is_too_far_in_models_of_streets_only() -> None:
    depth = np.full((120, 160), 3.0, np.float32)
    depth[:50] = 6.0  # beyond half of 10 m
    changes = {'sky_filter.enable': True, 'out_of_range': 'infinite'}
    outdoors = depth_of(frames(changes, scene='outdoor'), depth)
    assert (outdoors[:50] == np.inf).all()
    assert (outdoors[50:] == 3.0).all()
    # What is far is half of the farthest depth after all scaling.
    longer = with_changes(DEFAULTS, {**changes, 'depth_scale': 2.0})
    given = Frames(pipeline_of(model_of('outdoor')), longer)
    assert (np.isposinf(depth_of(given, depth))[:, 0] == (depth[:, 0] == 6.0)).all()
    indoors = frames(changes)
    result = indoors.result(depth, {topics.DEPTH})
    assert np.isfinite(pixels(result.messages[topics.DEPTH])).all()
    assert 'sky_filter.enable has no effect' in result.navigation_problem


def test_a_model_brings_its_own_confidence() -> None:
    model = replace(model_of('indoor'), confidence_curve=(2.0, 0.0, 0.0, 0.0))
    given = Frames(pipeline_of(model), DEFAULTS)
    confidence = pixels(given.messages(ROOM, topics.CONFIDENCE)[topics.CONFIDENCE])
    np.testing.assert_allclose(confidence[np.isfinite(ROOM)], 1 / (1 + np.exp(-2.0)), rtol=1e-5)


def test_confidence_is_an_image_and_a_threshold() -> None:
    given = frames()
    messages = given.messages(smeared(), topics.CONFIDENCE, topics.DEPTH)
    confidence = pixels(messages[topics.CONFIDENCE])
    assert messages[topics.CONFIDENCE].encoding == '32FC1'
    assert ((confidence > 0) & (confidence < 1)).all()
    assert confidence[:, 60:90].mean() < confidence[:, 120:].mean()
    assert np.isfinite(pixels(messages[topics.DEPTH])).all()
    least = float(np.median(confidence))
    given.values = with_changes(given.values, {'confidence.enable': True, 'confidence.min': least})
    kept = np.isfinite(depth_of(given, smeared()))
    np.testing.assert_array_equal(kept, confidence >= np.float32(least))


def flickering(number: int) -> np.ndarray:
    """Return the depth of a still room as frame ``number`` shows it."""
    noise = np.random.default_rng(number).normal(0, 0.02, ROOM.shape)
    return (np.where(np.isfinite(ROOM), ROOM, 3.0) * np.exp(noise)).astype(np.float32)


def spread(given: Frames, wanted: set[str], count: int = 8) -> float:
    """Return how much the log depth of the last frame is off the still room's."""
    for number in range(count - 1):
        given.result(flickering(number), wanted)
    still = np.where(np.isfinite(ROOM), ROOM, 3.0)
    return float(np.std(np.log(depth_of(given, flickering(count)) / still)))


def test_flicker_becomes_less_though_only_the_last_frame_is_wanted() -> None:
    """The filter must see every frame that is inferred, also those for another output."""
    changes = {'temporal_filter.enable': True}
    every, last = (spread(frames(changes), {wanted}) for wanted in (topics.DEPTH, topics.STRUCTURE))
    assert last == every < 0.7 * spread(frames(), {topics.DEPTH})


@pytest.mark.parametrize('event', ['activation', 'camera', 'stamp', 'pause', 'off', 'size'])
def test_what_went_before_something_else_is_forgotten(event: str) -> None:
    given = frames({'temporal_filter.enable': True})
    for number in range(3):
        given.result(flickering(number), {topics.DEPTH})
    newest: np.ndarray = flickering(9)
    assert not np.array_equal(depth_of(given, flickering(3)), flickering(3))
    stamp = None
    if event == 'activation':
        given.pipeline.begin(7)
    elif event == 'camera':
        given.camera = replace(CAMERA, fx=101.0)
    elif event == 'stamp':
        stamp = 50.0
    elif event == 'pause':
        stamp = 200.0
    elif event == 'off':
        given.values = with_changes(given.values, {'temporal_filter.enable': False})
        given.result(newest, {topics.DEPTH})
        given.values = with_changes(given.values, {'temporal_filter.enable': True})
    else:
        given.camera = CAMERA.resized(80, 120)
        newest = np.ascontiguousarray(newest[:, :80])
    np.testing.assert_array_equal(depth_of(given, newest, stamp=stamp), newest)
    # And it goes on from there.
    later = flickering(10)[:, : newest.shape[1]]
    assert not np.array_equal(depth_of(given, np.ascontiguousarray(later)), later)


def test_a_changed_weight_is_in_force_with_the_next_frames() -> None:
    given = frames({'temporal_filter.enable': True, 'temporal_filter.weight': 1.0})
    for number in range(3):
        np.testing.assert_allclose(
            depth_of(given, flickering(number)), flickering(number), rtol=1e-6
        )
    given.values = with_changes(given.values, {'temporal_filter.weight': 0.4})
    depth_of(given, flickering(3))
    assert not np.allclose(depth_of(given, flickering(4)), flickering(4), rtol=1e-3)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([(120, 160), (60, 80), (33, 47), (120, 161)]),
            st.sampled_from(['room', 'nan', 'zero', 'inf', 'far', 'noise']),
            st.sets(st.sampled_from(FILTERS)),
            st.floats(0.0, 1000.0),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_depth_size_and_change_of_parameters_gives_depth(
    steps: list[tuple[tuple[int, int], str, set[str], float, bool]],
) -> None:
    given = frames(scene='outdoor')
    for size, kind, enabled, stamp, known in steps:
        depth: Any = np.full(
            size, {'nan': np.nan, 'zero': 0.0, 'inf': np.inf, 'far': 9e9}.get(kind, 2.0)
        )
        if kind == 'room':
            depth = np.resize(ROOM, size)
        elif kind == 'noise':
            depth = np.random.default_rng(1).exponential(2.0, size)
        given.camera = CAMERA.resized(size[1], size[0]) if known else None
        switches = {f'{name}.enable': name in enabled for name in FILTERS}
        given.values = with_changes(DEFAULTS, {**switches, 'max_depth': 8.0})
        wanted = {topics.DEPTH, topics.POINTS, topics.CONFIDENCE}
        result = given.result(depth.astype(np.float32), wanted, stamp=stamp)
        shown = pixels(result.messages[topics.DEPTH])
        assert shown.shape == size
        seen = shown[~np.isnan(shown)]
        assert (seen <= 8.0).all()
        confidence = pixels(result.messages[topics.CONFIDENCE])
        assert ((confidence >= 0) & (confidence <= 1)).all()
        assert (topics.POINTS in result.messages) == known
