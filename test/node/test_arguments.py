"""The node's command line, before ROS reads it."""

from __future__ import annotations

import json
import re
import tempfile
from array import array
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rcl_interfaces.msg import ParameterDescriptor

from s2r_depth_ros import __version__
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node.arguments import explained, read_arguments
from s2r_depth_ros.parameter_files import ParameterFileError


@pytest.mark.parametrize(
    'arguments', [['-h'], ['--help'], ['--ros-args', '-p', 'a:=1', '--help'], ['--ros-args', '-h']]
)
def test_help_says_how_to_run_the_node(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match='0'):
        read_arguments(arguments)
    shown = capsys.readouterr().out
    for part in ('--ros-args -p autostart:=true', 'camera_info:=/camera', 'config/depth.yaml'):
        assert part in shown


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='0'):
        read_arguments(['--version'])
    assert capsys.readouterr().out == f's2r_depth_ros {__version__}\n'


@pytest.mark.parametrize(
    'arguments',
    [
        ['-p', 'model:=x'],
        ['__ns:=/robot'],
        ['--ros-args', '-p', 'model:=x', '--', '--params-file', 'x.yaml'],
        ['--verbose'],
    ],
)
def test_ros_arguments_elsewhere_are_named(arguments: list[str]) -> None:
    with pytest.raises(UserError, match=r'ROS arguments .* follow --ros-args'):
        read_arguments(arguments)


@pytest.mark.parametrize('level', ['warn', 'WARN', 'depth:=debug', 'rcl:=Fatal', 'unset'])
def test_levels_of_the_log_that_rcl_knows_pass(level: str) -> None:
    read_arguments(['--ros-args', '--log-level', level])


@pytest.mark.parametrize('level', ['warning', 'depth:=verbose', '', '10'])
def test_other_levels_are_named(level: str) -> None:
    with pytest.raises(UserError, match='is no level, use one of debug, info, warn, error, fatal'):
        read_arguments(['--ros-args', '--log-level', level])


def test_what_is_given_to_a_node_is_collected(tmp_path: Path) -> None:
    file = tmp_path / 'a.yaml'
    file.write_text('/a/depth: {ros__parameters: {model: x, q: {r: 1}}}')
    line = (
        f'--ros-args --params-file {file} -p device:=cpu -p other:rate:=5 '
        '--param depth:model:=y -r image:=/b'
    )
    given = read_arguments(line.split())
    assert given.names('/a/depth') == ['model', 'q.r', 'device']
    assert given.names('/other') == ['device', 'rate']
    assert not given.mixed('/a/depth')
    assert given.strangers('/a/depth') == []
    (text,) = given.strangers('/depth')
    assert text.startswith(f'the parameter file {file} is for /a/depth and sets nothing here')


@given(
    of_the_file=st.sampled_from([True, 10, 1.5, 'text', ['a'], []]),
    of_the_line=st.sampled_from([False, 3, 2.5, 'other', ['b', 'c'], []]),
)
def test_the_last_value_wins_whatever_its_type(of_the_file: Any, of_the_line: Any) -> None:
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(yaml.safe_dump({'/**': {'ros__parameters': {'x': of_the_file}}}))
        file.flush()
        line = ['-p', f'x:={json.dumps(of_the_line)}']
        for arguments, last in (
            (['--params-file', file.name, *line], of_the_line),
            ([*line, '--params-file', file.name], of_the_file),
        ):
            arguments = ['--ros-args', *arguments]
            value = _as_rclpy_reads(arguments) | read_arguments(arguments).mixed('/depth')
            assert value['x'] == last
            assert type(value['x']) is type(last)


def _as_rclpy_reads(arguments: list[str]) -> dict[str, Any]:
    """Return the parameter x of a node, as a list if it is one."""
    context = rclpy.Context()
    rclpy.init(args=arguments, context=context)
    node = rclpy.create_node('depth', context=context, enable_rosout=False)
    try:
        value = node.declare_parameter('x', None, ParameterDescriptor(dynamic_typing=True)).value
        # An empty list is none to rclpy.
        return {'x': list(value or []) if value is None or isinstance(value, array) else value}
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['-p', 'rectify=never'], '-p rectify=never: no parameter override rule .* -p NAME:=VALUE'),
        (['-p', 'cameras:='], r'-p cameras:=: no parameter .* an empty list is \[\]'),
        (['-p', 'cameras:=[a, 2]'], r'Sequence should be of same type.* of one type'),
        (['-p'], "Couldn't parse trailing -p flag.*: correct what follows --ros-args"),
        (['-r', 'image'], '-r image: no remap rule .* write -r FROM:=TO'),
        (['-r', 'image:=/cam-1/image'], 'no remap rule .* letters, digits and _ in their names'),
        (['-r', 'image:=/1cam/image'], 'no remap rule .* no part begins with a digit'),
        (['-r', '__ns:=a b'], 'no remap rule'),
        (['--prams-file', 'x'], r"'--prams-file'.*--help tells more"),
    ],
)
def test_what_rcl_cannot_read_is_told_with_the_remedy(arguments: list[str], told: str) -> None:
    with pytest.raises(RuntimeError) as error:
        rclpy.init(args=['--ros-args', *arguments], context=rclpy.Context())
    text = explained(str(error.value))
    assert re.search(told, text)
    assert '.c:' not in text


def test_aliases_that_rcl_would_refuse_are_refused_before(tmp_path: Path) -> None:
    file = tmp_path / 'a.yaml'
    file.write_text('/**: {ros__parameters: {a: &x 1.0, b: *x}}')
    arguments = ['--ros-args', '--params-file', str(file)]
    with pytest.raises(ParameterFileError, match=r'aliases .* which ROS does not read'):
        read_arguments(arguments)
    with pytest.raises(RuntimeError, match='Will not support aliasing'):
        rclpy.init(args=arguments, context=rclpy.Context())


@pytest.mark.parametrize(
    ('parameters', 'told'),
    [
        ('{cameras: }', 'No value at line'),
        ('{cameras: [a, 2]}', 'Sequence should be of same type'),
    ],
)
def test_files_that_rcl_cannot_read_are_told_with_the_remedy(
    tmp_path: Path, parameters: str, told: str
) -> None:
    file = tmp_path / 'a.yaml'
    file.write_text(f'/**: {{ros__parameters: {parameters}}}')
    arguments = ['--ros-args', '--params-file', str(file)]
    read_arguments(arguments)
    with pytest.raises(RuntimeError) as error:
        rclpy.init(args=arguments, context=rclpy.Context())
    text = explained(str(error.value))
    assert text.startswith(f'--params-file {file}: no params file that ROS can read ({told}')
    assert r'[] for an empty list' in text
