"""What the node publishes for navigation, on a real graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from frame_pipelines import OVER_FLOOR
from ros_graph import camera_info, pixels

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.status import WARN
from s2r_depth_ros.rig.clouds import structured_points

NAMES = tuple(t.name for t in topics.OUTPUTS if t.name in topics.OF_CLEAN_DEPTH)
KINDS = {t.name: t.type for t in topics.OUTPUTS}


@pytest.fixture
def outputs(live: Any) -> Iterator[dict[str, Any]]:
    """What navigation subscribes to, of a node that knows the pose of its camera."""
    for name, value in (('transforms', [OVER_FLOOR]), ('max_depth', 5.0)):
        assert live.graph.set(name, value).successful
    recorders = {name: live.graph.record(KINDS[name], name) for name in NAMES}
    live.graph.send_until(lambda: all(r.messages for r in recorders.values()), 'every output')
    yield recorders
    for recorder in recorders.values():
        live.graph.forget(recorder)


def test_the_floor_by_a_transform_gives_all_outputs(live: Any, outputs: Any) -> None:
    graph = live.graph
    frame = graph.send(graph.image(seed=3), camera_info())
    found = {name: graph.result(outputs[name], frame) for name in NAMES}
    depth = pixels(graph.result(live.outputs[topics.DEPTH], frame))
    for name in NAMES:
        expected = 'base_footprint' if name == topics.SCAN else 'camera'
        assert found[name].header.frame_id == expected, name
    clouds = [structured_points(found[n]) for n in (topics.OBSTACLES, topics.GROUND)]
    assert sum(map(len, clouds)) <= np.isfinite(depth).sum()
    heights = [0.5 - points['y'] for points in clouds]
    assert all((over > 0.1).all() for over in heights[:1])
    scan = found[topics.SCAN]
    assert len(scan.ranges) == round((scan.angle_max - scan.angle_min) / scan.angle_increment) + 1
    assert pixels(found[topics.CONFIDENCE]).shape == depth.shape


def test_parameters_are_in_force_with_the_next_frame(live: Any, outputs: Any) -> None:
    graph = live.graph
    assert graph.set('cloud.voxel_size', 0.2).successful
    frame = graph.send(graph.image(seed=3), camera_info())
    cloud = graph.result(live.outputs[topics.POINTS], frame)
    assert (cloud.height, cloud.is_dense) == (1, True)
    refused = graph.set('cloud.region', [1.0, 2.0])
    assert not refused.successful
    assert 'cloud.region has 2 numbers' in refused.reason
    refused = graph.set('scan.max_height', 0.05)
    assert not refused.successful
    assert 'scan.min_height must be less' in refused.reason
    assert graph.set('cloud.region', [-9.0, -9.0, 0.0, 9.0, 9.0, 0.01]).successful
    frame = graph.send(graph.image(seed=3), camera_info())
    assert graph.result(live.outputs[topics.POINTS], frame).width == 0


def test_without_a_floor_the_rest_goes_on_and_diagnostics_say_why(live: Any, outputs: Any) -> None:
    graph = live.graph
    assert graph.set('transforms', []).successful

    def told(status: Any, _values: Any) -> bool:
        graph.send(graph.image(), camera_info())
        return 'the floor is not known' in status.message

    status = graph.until_status(told, 'the missing floor')
    assert status.level == WARN
    assert f'no {topics.GROUND}, {topics.OBSTACLES}, {topics.SCAN}: ' in status.message
    frame = graph.send(graph.image(), camera_info())
    for recorder in (live.outputs[topics.ATTENTION], outputs[topics.CLEARING]):
        graph.result(recorder, frame)
    assert not outputs[topics.SCAN].with_stamp(frame)
    assert graph.set('transforms', [OVER_FLOOR]).successful
    frame = graph.send(graph.image(), camera_info())
    graph.result(outputs[topics.SCAN], frame)
    graph.until_fine()
