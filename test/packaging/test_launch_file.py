"""The launch files start the node with the command line of launch_arguments, and nothing else."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from source_files import ROOT

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.launch_arguments import (
    is_true,
    launch_arguments,
    node_arguments,
    rviz_arguments,
)
from s2r_depth_ros.transport import PROFILE_VARIABLES

_LAUNCH_FILE = ROOT / 'launch' / 'depth.launch.py'


def _values(**changed: str) -> dict[str, str]:
    return {argument.name: argument.default for argument in launch_arguments()} | changed


def _pairs(arguments: list[str], flag: str) -> dict[str, str]:
    values = [arguments[i + 1] for i, argument in enumerate(arguments) if argument == flag]
    return dict(value.split(':=', 1) for value in values)


def test_every_argument_has_a_description_and_a_valid_default() -> None:
    for argument in launch_arguments():
        assert len(argument.description) > 10
        assert argument.choices is None or argument.default in argument.choices
    assert Path(_values()['params_file']).is_file()


def test_defaults_leave_the_rest_to_the_parameter_file() -> None:
    assert set(_pairs(node_arguments(_values()), '-p')) == {'autostart', 'use_sim_time'}


def test_text_parameters_stay_text_in_yaml() -> None:
    parameters = _pairs(node_arguments(_values(model='2024', device='cuda:0')), '-p')
    assert yaml.safe_load(parameters['model']) == '2024'
    assert yaml.safe_load(parameters['device']) == 'cuda:0'
    assert yaml.safe_load(parameters['autostart']) is True


@pytest.mark.parametrize('image', ['/camera/image_raw', '/camera/image_raw/compressed'])
def test_compressed_images_are_remapped_too(image: str) -> None:
    rules = _pairs(node_arguments(_values(image=image)), '-r')
    assert rules['image'] == '/camera/image_raw'
    assert rules['image/compressed'] == '/camera/image_raw/compressed'


def test_several_cameras_have_the_topics_beneath_their_names() -> None:
    values = _values(cameras='front, rear', image='image_raw', camera_info='/info')
    arguments = node_arguments(values)
    assert yaml.safe_load(_pairs(arguments, '-p')['cameras']) == ['front', 'rear']
    rules = _pairs(arguments, '-r')
    for name in ('front', 'rear'):
        assert rules.pop(f'{name}/image') == f'{name}/image_raw'
        assert rules.pop(f'{name}/image/compressed') == f'{name}/image_raw/compressed'
        assert rules.pop(f'{name}/camera_info') == f'{name}/info'
    assert not rules
    assert _pairs(rviz_arguments(values), '-r') == {
        '/rgb/image_rect_color': 'front/rgb/image_rect_color',
        '/depth_registered/image_rect': 'front/depth_registered/image_rect',
        '/depth_registered/points': 'front/depth_registered/points',
        '/depth_registered/points_obstacles': 'front/depth_registered/points_obstacles',
        '/depth_registered/points_ground': 'front/depth_registered/points_ground',
        '/depth_registered/scan': 'front/depth_registered/scan',
        '/depth/depth_color': 'depth/front/depth_color',
    }


def test_the_imu_of_gravity_is_one_for_all_cameras() -> None:
    topics = pytest.importorskip('s2r_depth_ros.node.topics', reason='needs ROS 2 (rclpy)')
    rules = _pairs(node_arguments(_values(cameras='front,rear', imu='/imu/data')), '-r')
    assert {name: to for name, to in rules.items() if 'imu' in name} == {topics.IMU: '/imu/data'}
    assert topics.IMU not in _pairs(node_arguments(_values()), '-r')


def test_one_sensor_is_the_reference_of_all_cameras() -> None:
    names = ('scan', 'points', 'range', 'depth', 'camera_info')
    given = {f'reference_{name}': f'/sensor/{name}' for name in names}
    rules = _pairs(node_arguments(_values(cameras='front,rear', **given)), '-r')
    for camera in ('front', 'rear'):
        for name in names:
            assert rules[f'{camera}/reference/{name}'] == f'/sensor/{name}'
    topics = pytest.importorskip('s2r_depth_ros.node.topics', reason='needs ROS 2 (rclpy)')
    assert {f'reference/{n}' for n in names} == {t.name for t in topics.INPUTS if t.source}
    assert not [rule for rule in _pairs(node_arguments(_values()), '-r') if 'reference' in rule]


def test_rviz_shows_topics_of_the_namespace() -> None:
    topics = pytest.importorskip('s2r_depth_ros.node.topics', reason='needs ROS 2 (rclpy)')
    shown = {
        display['Topic']['Value']
        for display in yaml.safe_load((ROOT / 'config' / 'depth.rviz').read_text())[
            'Visualization Manager'
        ]['Displays']
        if 'Topic' in display
    }
    rules = _pairs(rviz_arguments(_values(image='/camera/image_raw')), '-r')
    assert rules.keys() == shown
    # No topic of a camera, which may be compressed alone.
    assert shown <= {'/' + topic.name.replace('~', 'depth') for topic in topics.OUTPUTS}
    assert all(absolute == f'/{relative}' for absolute, relative in rules.items())


@pytest.mark.parametrize('name', ['autostart', 'use_sim_time', 'rviz'])
@pytest.mark.parametrize(
    ('text', 'meant'),
    [(t, True) for t in ('true', 'True', 'TRUE', 'yes', 'on', '1')]
    + [(t, False) for t in ('false', 'False', 'no', 'off', '0')],
)
def test_booleans_are_read_as_they_are_written(name: str, text: str, meant: bool) -> None:
    values = _values(**{name: text})
    assert is_true(values, name) == meant
    if name != 'rviz':
        parameters = _pairs(node_arguments(values), '-p')
        assert parameters[name] == ('true' if meant else 'false')


@pytest.mark.parametrize('name', ['autostart', 'use_sim_time', 'rviz'])
@pytest.mark.parametrize('text', ['', 'maybe', '2', 'tru'])
def test_a_boolean_that_is_neither_is_named(name: str, text: str) -> None:
    with pytest.raises(UserError, match=f'{name}:={text} is neither true nor false'):
        is_true(_values(**{name: text}), name)


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        ('front,rear', ['front', 'rear']),
        (' front , rear ,', ['front', 'rear']),
        ('[front, rear]', ['front', 'rear']),
        ('["yes", \'null\']', ['yes', 'null']),
        ('[]', []),
        ('1e3,0x1,no', ['1e3', '0x1', 'no']),
    ],
)
def test_cameras_are_read_as_they_are_written(text: str, names: list[str]) -> None:
    assert yaml.safe_load(_pairs(node_arguments(_values(cameras=text)), '-p')['cameras']) == names


@pytest.mark.parametrize(
    ('section', 'namespace'),
    [
        ('/**', ''),
        ('depth', ''),
        ('/robot/depth', 'robot'),
        ('/*/depth', '/robot'),
        ('/**/depth', 'a/b'),
    ],
)
def test_cameras_of_the_parameter_file_are_remapped_too(
    tmp_path: Path, section: str, namespace: str
) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(yaml.safe_dump({section: {'ros__parameters': {'cameras': ['left', 'right']}}}))
    values = _values(params_file=str(file), namespace=namespace, image='image_raw')
    assert 'cameras' not in _pairs(node_arguments(values), '-p')
    assert _pairs(node_arguments(values), '-r')['right/image'] == 'right/image_raw'
    shown = _pairs(rviz_arguments(values), '-r')['/depth_registered/points']
    assert shown == 'left/depth_registered/points'
    # The argument wins over the file.
    assert _pairs(node_arguments({**values, 'cameras': '[]'}), '-r')['image'] == 'image_raw'


class _Recorded:
    """Stands for a class of the launch API: keeps what it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs


class _LaunchConfiguration(_Recorded):
    def perform(self, context: SimpleNamespace) -> str:
        return context.launch_configurations[self.args[0]]


class _DeclareLaunchArgument(_Recorded):
    pass


class _SetEnvironmentVariable(_Recorded):
    pass


class _Node(_Recorded):
    pass


class _IncludeLaunchDescription(_Recorded):
    pass


@pytest.fixture
def launch_file(launch_api: None) -> ModuleType:
    """launch/depth.launch.py."""
    return _imported(_LAUNCH_FILE)


@pytest.fixture
def launch_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of the launch API that records."""
    stand_ins: dict[str, dict[str, object]] = {
        'launch': {'LaunchContext': SimpleNamespace, 'LaunchDescription': list},
        'launch.actions': {
            'DeclareLaunchArgument': _DeclareLaunchArgument,
            'IncludeLaunchDescription': _IncludeLaunchDescription,
            'OpaqueFunction': _Recorded,
            'SetEnvironmentVariable': _SetEnvironmentVariable,
        },
        'launch.launch_description_sources': {'PythonLaunchDescriptionSource': str},
        'launch.substitutions': {'LaunchConfiguration': _LaunchConfiguration},
        'ament_index_python': {},
        'ament_index_python.packages': {
            'PackageNotFoundError': KeyError,
            'get_package_prefix': {'rviz2': '/opt/ros'}.__getitem__,
        },
        'launch_ros': {},
        'launch_ros.actions': {'Node': _Node},
    }
    for name, members in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


def _imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('launch_file', file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _start(launch_file: ModuleType, **changed: str) -> list[_Recorded]:
    return launch_file.start(SimpleNamespace(launch_configurations=_values(**changed)))


def test_the_launch_file_declares_the_table(launch_file: ModuleType) -> None:
    description = launch_file.generate_launch_description()
    declared = [action for action in description if isinstance(action, _DeclareLaunchArgument)]
    assert [(action.args[0], action.kwargs['default_value']) for action in declared] == [
        (argument.name, argument.default) for argument in launch_arguments()
    ]
    assert description[-1].kwargs['function'] is launch_file.start


@pytest.mark.parametrize('rviz', ['false', 'true'])
def test_the_launch_file_runs_the_shared_command_lines(
    launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch, rviz: str
) -> None:
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    changed = {'namespace': 'robot', 'image': '/camera/image_raw', 'rviz': rviz}
    actions = _start(launch_file, **changed)
    nodes = [action.kwargs for action in actions if isinstance(action, _Node)]
    assert nodes[0]['executable'] == 'node'
    assert nodes[0]['ros_arguments'] == node_arguments(_values(**changed))
    assert [node['package'] for node in nodes] == ['s2r_depth_ros', 'rviz2'][: 1 + (rviz == 'true')]
    assert {node['namespace'] for node in nodes} == {'robot'}
    # The environment is set before the processes start.
    assert [action.args[0] for action in actions[:2]] == list(PROFILE_VARIABLES)


def test_without_rviz2_nothing_is_started(launch_file: ModuleType) -> None:
    vars(launch_file)['get_package_prefix'] = {}.__getitem__
    with pytest.raises(UserError, match='rviz2 is not installed: apt-get install ros-'):
        _start(launch_file, rviz='true')
    assert _start(launch_file, rviz='false')


def test_the_launch_file_keeps_the_profile_of_the_user(
    launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROFILE_VARIABLES[0], 'mine.xml')
    actions = _start(launch_file)
    assert not any(isinstance(action, _SetEnvironmentVariable) for action in actions)


def test_navigation_hands_all_arguments_on_to_the_depth_file(launch_api: None) -> None:
    description = _imported(ROOT / 'launch' / 'navigation.launch.py').generate_launch_description()
    declared = {
        action.args[0]: action.kwargs['default_value']
        for action in description
        if isinstance(action, _DeclareLaunchArgument)
    }
    others = {argument.name: argument.default for argument in launch_arguments()}
    assert Path(declared.pop('params_file')) == ROOT / 'config' / 'navigation.yaml'
    others.pop('params_file')
    assert declared == others
    (included,) = (a for a in description if isinstance(a, _IncludeLaunchDescription))
    assert Path(included.args[0]) == _LAUNCH_FILE
    handed = {name: value.args[0] for name, value in included.kwargs['launch_arguments']}
    assert handed == {name: name for name in (*others, 'params_file')}
