"""The package as colcon installs it: what is there, and that it runs from there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from installed import Installation
from patience import PATIENCE
from source_files import ROOT, repository_files

from s2r_depth_ros.cli import COMMANDS
from s2r_depth_ros.launch_arguments import launch_arguments, node_arguments, rviz_arguments

EXECUTABLES = {'s2r_depth_ros', 's2r_train', *COMMANDS}

_NODE = '/robot/depth'
# What README.md and docs/ link to.
_LINKED = {
    'README.md', 'CONTRIBUTING.md', 'LICENSE', 'training/README.md', 'training/RESULTS.md',
    'benchmarks/NOTES.md',
}  # fmt: skip


def _run(installation: Installation, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installation.executable(command[0]), *command[1:]],
        env=installation.environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_every_command_is_an_executable(installation: Installation) -> None:
    installed = {file.name for file in (installation.prefix / 'lib' / 's2r_depth_ros').iterdir()}
    assert installed == EXECUTABLES


def test_every_entry_point_resolves(installation: Installation) -> None:
    (site_packages,) = installation.prefix.glob('lib/python*/site-packages')
    (package,) = metadata.distributions(name='s2r_depth_ros', path=[str(site_packages)])
    assert {point.name for point in package.entry_points} == EXECUTABLES
    for point in package.entry_points:
        assert callable(point.load()), point


def test_data_files_are_installed(installation: Installation) -> None:
    share = installation.prefix / 'share' / 's2r_depth_ros'
    expected = (
        {
            str(file.relative_to(ROOT))
            for file in repository_files()
            if file.relative_to(ROOT).parts[0] in ('launch', 'config', 'docs', 'models')
        }
        | _LINKED
        | {'package.xml', 'models/tiny.safetensors'}
    )
    installed = {str(file.relative_to(share)) for file in share.rglob('*') if file.is_file()}
    assert expected <= installed
    index = installation.prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    assert (index / 's2r_depth_ros').is_file()


def test_shaders_are_installed(installation: Installation) -> None:
    sources = {
        file.name
        for file in (ROOT / 'training').rglob('*')
        if file.suffix in ('.vert', '.frag', '.glsl')
    }
    installed = {file.name for file in installation.prefix.rglob('s2r_depth_training/**/shaders/*')}
    assert sources
    assert sources <= installed


def test_info_finds_an_installed_model_by_name(installation: Installation, tmp_path: Path) -> None:
    result = _run(installation, 'info', 'tiny', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    share = installation.prefix / 'share' / 's2r_depth_ros'
    assert str(share / 'models' / 'tiny.safetensors') in result.stdout
    assert 'sha256 check  ok' in result.stdout


def test_an_unknown_model_is_told_with_those_that_exist(
    installation: Installation, tmp_path: Path
) -> None:
    result = _run(installation, 's2r_depth_ros', 'info', 'nonsense', cwd=tmp_path)
    assert result.returncode == 2
    assert 'nonsense' in result.stderr
    assert 'tiny' in result.stderr


def _wait(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true value; fail after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f'not within {PATIENCE} s: {what}')


@pytest.fixture
def observer() -> Iterator[Any]:
    """A node of the test's own."""
    rclpy = pytest.importorskip('rclpy')
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('observer', context=context, use_global_arguments=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    node.executor = executor
    yield node
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def _call(observer: Any, kind: type, service: str, request: Any) -> Any:
    """Return the answer of a service of the node under test to a request without consequences."""
    from s2r_depth_ros.rig.services import RepeatedRequest

    client = observer.create_client(kind, service)
    repeated = RepeatedRequest(client, request)

    def spun() -> Any:
        observer.executor.spin_once(timeout_sec=0.05)
        return repeated.answer()

    try:
        return _wait(spun, f'an answer from {service}')
    finally:
        repeated.give_up()
        observer.destroy_client(client)


def _launched(installation: Installation, **changed: str) -> subprocess.Popen[str]:
    """Start the installed node with the command line that the launch file makes."""
    values = {argument.name: argument.default for argument in launch_arguments()} | changed
    share = installation.prefix / 'share' / 's2r_depth_ros'
    values['params_file'] = str(share / 'config' / 'depth.yaml')
    arguments = ['--ros-args', *node_arguments(values), '-r', f'__ns:=/{values["namespace"]}']
    return subprocess.Popen(
        [installation.executable('node'), *arguments],
        env=installation.environment | {'ROS_DOMAIN_ID': os.environ['ROS_DOMAIN_ID']},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _state(observer: Any) -> int:
    from lifecycle_msgs.srv import GetState

    return _call(observer, GetState, f'{_NODE}/get_state', GetState.Request()).current_state.id


def _has_one_publisher(observer: Any, topic: str) -> bool:
    count: int = observer.count_publishers(topic)
    return count == 1


def _check_topics(observer: Any) -> None:
    """The inputs are the remapped ones, the outputs those that rviz is started with."""
    for topic in ('/camera/image_raw/compressed', '/camera/camera_info'):
        _wait(partial(observer.count_subscribers, topic), f'subscriber of {topic}')
    values = {argument.name: argument.default for argument in launch_arguments()}
    rules = [rule.split(':=') for rule in rviz_arguments(values) if rule.startswith('/')]
    outputs = [f'/robot/{topic}' for absolute, topic in rules if absolute != '/image']
    assert len(outputs) >= 2
    for topic in outputs:
        _wait(partial(_has_one_publisher, observer, topic), f'publisher of {topic}')


@pytest.mark.parametrize('autostart', ['true', 'false'])
def test_the_launched_node_runs_and_ends_cleanly(
    installation: Installation, observer: Any, autostart: str
) -> None:
    from lifecycle_msgs.msg import State
    from rcl_interfaces.srv import GetParameters

    process = _launched(
        installation,
        namespace='robot',
        model='tiny',
        device='cpu',
        image='/camera/image_raw',
        camera_info='/camera/camera_info',
        image_transport='compressed',
        autostart=autostart,
    )
    try:
        wanted = (
            State.PRIMARY_STATE_ACTIVE if autostart == 'true' else State.PRIMARY_STATE_UNCONFIGURED
        )
        _wait(lambda: _state(observer) == wanted, f'lifecycle state {wanted}')
        names = ['model', 'device', 'image_transport', 'use_sim_time']
        request = GetParameters.Request(names=names)
        values = _call(observer, GetParameters, f'{_NODE}/get_parameters', request).values
        assert [value.string_value for value in values[:3]] == ['tiny', 'cpu', 'compressed']
        assert values[3].bool_value is False
        if autostart == 'true':
            _check_topics(observer)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        assert 'Traceback' not in output
    finally:
        process.kill()
        process.wait()


def test_a_wrong_launch_argument_is_told(installation: Installation, observer: Any) -> None:
    process = _launched(installation, namespace='robot', model='nonsense')
    try:
        from lifecycle_msgs.msg import State

        _wait(
            lambda: _state(observer) == State.PRIMARY_STATE_UNCONFIGURED,
            'unconfigured after failure',
        )
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
        assert 'nonsense' in output
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.wait()


def test_the_real_launch_stack_starts_the_node(installation: Installation, observer: Any) -> None:
    pytest.importorskip(
        'launch.actions', reason='the launch stack is in no wheel: ROS machines only'
    )
    pytest.importorskip('launch_ros')
    from lifecycle_msgs.msg import State

    share = installation.prefix / 'share' / 's2r_depth_ros'
    process = subprocess.Popen(
        [
            'ros2',
            'launch',
            str(share / 'launch' / 'depth.launch.py'),
            'namespace:=robot',
            'model:=tiny',
        ],
        env=installation.environment | {'ROS_DOMAIN_ID': os.environ['ROS_DOMAIN_ID']},
        start_new_session=True,
    )
    try:
        _wait(lambda: _state(observer) == State.PRIMARY_STATE_ACTIVE, 'lifecycle state active')
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
