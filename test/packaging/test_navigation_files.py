"""The files for Nav2 agree with the node, with each other and with Nav2."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml
from source_files import ROOT

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from s2r_depth_ros.node import topics
from s2r_depth_ros.node.parameters import PARAMETERS, Values, validate, value_of, with_changes
from s2r_depth_ros.parameter_files import flat

CONFIG = ROOT / 'config'
TYPES = {topic.name: topic.type_name for topic in topics.OUTPUTS}
KINDS = {'PointCloud2': 'sensor_msgs/msg/PointCloud2', 'pointcloud': 'sensor_msgs/msg/PointCloud2'}
# What the classes of Nav2's main branch of August 2026 declare, of what is set here.
VOXEL_LAYER = {
    'plugin', 'enabled', 'origin_z', 'z_resolution', 'z_voxels', 'max_obstacle_height',
    'mark_threshold', 'observation_sources',
}  # fmt: skip
OBSERVATION = {
    'topic', 'data_type', 'marking', 'clearing', 'min_obstacle_height', 'max_obstacle_height',
    'obstacle_max_range', 'obstacle_min_range', 'raytrace_max_range', 'raytrace_min_range',
    'expected_update_rate',
}  # fmt: skip
MONITOR_SOURCE = {'type', 'topic', 'min_height', 'max_height', 'min_range', 'enabled'}
POLYGON = {
    'type', 'points', 'action_type', 'slowdown_ratio', 'min_points', 'visualize',
    'polygon_pub_topic', 'enabled',
}  # fmt: skip


def _values(name: str, *path: str) -> dict[str, Any]:
    content = yaml.safe_load((CONFIG / name).read_text())
    for key in (*path, 'ros__parameters'):
        content = content[key]
    return dict(content)


NODE = _values('navigation.yaml', '/**')
COSTMAP = _values('nav2_costmap.yaml', 'local_costmap', 'local_costmap')
LAYER = COSTMAP['voxel_layer']
SOURCES = {name: LAYER[name] for name in LAYER['observation_sources'].split()}
MONITOR = _values('nav2_costmap.yaml', 'collision_monitor')


def chosen() -> Values:
    return with_changes(Values(), dict(flat(NODE)))


def test_the_nodes_file_has_parameters_of_the_node() -> None:
    assert {name for name, _ in flat(NODE)} <= {spec.name for spec in PARAMETERS}
    validate(chosen())
    # What stands there is a choice, or is there to be changed.
    assert any(value != value_of(Values(), name) for name, value in flat(NODE))


def test_nav2_subscribes_to_topics_of_the_node() -> None:
    for source in (*SOURCES.values(), *(MONITOR[name] for name in MONITOR['observation_sources'])):
        # Jazzy's costmap looks for a relative topic beneath its own namespace, /local_costmap.
        assert source['topic'].startswith('/')
        kind = KINDS[source.get('data_type', source.get('type'))]
        assert TYPES[source['topic'].lstrip('/')] == kind
    marking = {s['topic'] for s in SOURCES.values() if s['marking']}
    clearing = {s['topic'] for s in SOURCES.values() if s['clearing']}
    assert marking == {f'/{topics.OBSTACLES}'}
    assert clearing == {f'/{name}' for name in (topics.OBSTACLES, topics.GROUND, topics.CLEARING)}


def test_names_are_those_of_nav2() -> None:
    assert LAYER.keys() - SOURCES.keys() == VOXEL_LAYER
    assert all(source.keys() <= OBSERVATION for source in SOURCES.values())
    assert all(MONITOR[name].keys() <= MONITOR_SOURCE for name in MONITOR['observation_sources'])
    assert all(MONITOR[name].keys() <= POLYGON for name in MONITOR['polygons'])


def test_numbers_fit_those_of_the_node() -> None:
    values = chosen()
    # One point for each cell.
    assert values.cloud.voxel_size == COSTMAP['resolution']
    # Clearing reaches farther than marking, and both no farther than depth.
    for source in SOURCES.values():
        assert source['raytrace_max_range'] <= values.max_depth
        assert source['raytrace_max_range'] > SOURCES['obstacles']['obstacle_max_range']
    assert COSTMAP['width'] >= 2 * values.max_depth
    # Nav2 drops nothing that the node calls an obstacle, but what is higher than the robot.
    (source,) = (MONITOR[name] for name in MONITOR['observation_sources'])
    assert source['min_height'] <= values.ground.max_height
    assert source['max_height'] == values.scan.max_height
    # The layer says what marks; a source would drop what is higher, which then clears nothing.
    assert SOURCES['obstacles']['max_obstacle_height'] > LAYER['max_obstacle_height']
    assert LAYER['z_voxels'] <= 16
    assert LAYER['z_voxels'] * LAYER['z_resolution'] >= LAYER['max_obstacle_height']
    assert values.scan.max_range <= values.max_depth


def test_missing_data_stops_the_robot() -> None:
    assert MONITOR['source_timeout'] > 0
    assert SOURCES['obstacles']['expected_update_rate'] > 0
    stop = [MONITOR[name] for name in MONITOR['polygons'] if MONITOR[name]['action_type'] == 'stop']
    assert stop
    for polygon in (MONITOR[name] for name in MONITOR['polygons']):
        corners = ast.literal_eval(polygon['points'])
        assert len(corners) >= 3
        assert all(len(corner) == 2 for corner in corners)


@pytest.mark.parametrize('name', ['navigation.yaml', 'nav2_costmap.yaml'])
def test_every_number_is_explained(name: str) -> None:
    """A comment stands above each group of numbers."""
    lines = (CONFIG / name).read_text().splitlines()
    for number, line in enumerate(lines):
        value = line.partition(':')[2].strip()
        if value and not line.strip().startswith('#') and value.replace('.', '').isdigit():
            above = lines[max(0, number - 5) : number]
            assert any(text.strip().startswith('#') for text in above), line
