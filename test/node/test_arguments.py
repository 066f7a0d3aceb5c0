"""The node's command line, before ROS reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2r_depth_ros import __version__
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node.arguments import read_arguments


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help_says_how_to_run_the_node(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='0'):
        read_arguments([option])
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
    assert given.names('depth', '/a/depth') == ['model', 'q.r', 'device']
    assert given.names('other', '/other') == ['device', 'rate']
    assert given.strangers('/a/depth') == []
    (text,) = given.strangers('/depth')
    assert text.startswith(f'the parameter file {file} is for /a/depth and sets nothing here')
