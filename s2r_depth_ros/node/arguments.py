"""The node's command line: its own options, and what of the ROS arguments rcl would refuse."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from s2r_depth_ros import __version__
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.parameter_files import ParameterFile, closest

_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal', 'unset')
_EXAMPLES = """\
ROS arguments follow --ros-args, for example
  ros2 run s2r_depth_ros node --ros-args -p autostart:=true \\
    -r image:=/camera/image_raw -r camera_info:=/camera/camera_info
  ros2 run s2r_depth_ros node --ros-args --params-file my_depth.yaml -r __ns:=/robot

The node is managed: without autostart it waits for the transitions configure and activate
(ros2 lifecycle set /depth configure). All parameters, with comments, are in config/depth.yaml of
the package's share folder, topics and parameters in its docs/reference.md. The launch file
depth.launch.py sets the transport profile for large images, too.
"""


@dataclass(frozen=True)
class NodeArguments:
    """What the command line gives to nodes: its files of parameters, and those given one by one.

    parameters: (node, '' for any; name of a parameter), in the order given.
    """

    files: Sequence[ParameterFile]
    parameters: Sequence[tuple[str, str]]

    def names(self, node_name: str, full_name: str) -> list[str]:
        """Return the names of the parameters that are given to one node."""
        of_files = [name for file in self.files for name in file.for_node(full_name) or ()]
        single = [name for node, name in self.parameters if node in ('', node_name)]
        return list(dict.fromkeys([*of_files, *single]))

    def strangers(self, full_name: str) -> list[str]:
        """Return a warning for each file that has nothing for the node."""
        return [
            f'the parameter file {file.path} is for {", ".join(n for n, _ in file.sections)} and '
            f'sets nothing here: put what is for this node beneath /** or {full_name}'
            for file in self.files
            if file.for_node(full_name) is None
        ]


def read_arguments(arguments: Sequence[str]) -> NodeArguments:
    """Look at the command line, without the program's name.

    Raises UserError for what rcl would refuse in its own words: a parameter file, a level of the
    log, a ROS argument before --ros-args. Raises SystemExit for --help and --version.
    """
    own, ros = _split(arguments)
    parser = argparse.ArgumentParser(
        prog='node',
        description='Run the depth node: images and camera_info in, metric depth and clouds out.',
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage='node [-h] [--version] [--ros-args ...]',
    )
    parser.add_argument('--version', action='version', version=f's2r_depth_ros {__version__}')
    _, unknown = parser.parse_known_args(own)
    if unknown:
        raise UserError(
            f'{" ".join(unknown)}: the node has no such option; ROS arguments (-p, -r, '
            '--params-file) follow --ros-args, and --help tells more'
        )
    files, parameters = [], []
    for option, value in pairwise(ros):
        if option == '--params-file':
            files.append(ParameterFile(value))
        elif option in ('-p', '--param') and ':=' in value:
            node, _, name = value.split(':=')[0].rpartition(':')
            parameters.append((node, name))
        elif option == '--log-level':
            _check_level(value)
    return NodeArguments(files, parameters)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the node's own arguments and those between --ros-args and -- or the end."""
    own: list[str] = []
    ros: list[str] = []
    into = own
    for argument in arguments:
        if argument == '--ros-args':
            into = ros
        elif argument == '--' and into is ros:
            into = own
        else:
            into.append(argument)
    return own, ros


def _check_level(text: str) -> None:
    level = text.split(':=')[-1]
    if level.lower() not in _LEVELS:
        raise UserError(
            f'--log-level {text}: {level!r} is no level, use one of {", ".join(_LEVELS[:-1])}'
            + closest(level.lower(), _LEVELS)
        )
