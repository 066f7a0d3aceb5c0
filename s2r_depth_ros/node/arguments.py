"""The node's command line: its own options, and what of the ROS arguments rcl would refuse."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from s2r_depth_ros import __version__
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.parameter_files import ParameterFile, closest, is_for
from s2r_depth_ros.ros_environment import LOG_REMEDY

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
    """What the command line gives to nodes: its files of parameters, and all that is set.

    sections: (which nodes it is for, as in a file; name -> value as YAML has it) of the files and
    of the parameters given one by one, in the order given.
    """

    files: Sequence[ParameterFile]
    sections: Sequence[tuple[str, Mapping[str, Any]]]

    def names(self, full_name: str) -> list[str]:
        """Return the names of the parameters that are given to one node."""
        sections = [values for nodes, values in self.sections if is_for(nodes, full_name)]
        return list(dict.fromkeys(name for values in sections for name in values))

    def mixed(self, full_name: str) -> dict[str, Any]:
        """Return the last value of each parameter of a node that is given in several types.

        rcl keeps one of each type then, and rclpy takes the boolean before the integer, and so on:
        ``rectify: off`` of a file would win over a later ``-p rectify:=auto``.
        """
        # As rcl has it: one section for each text, in the order in which they appear first.
        merged: dict[str, dict[str, list[Any]]] = {}
        for nodes, values in self.sections:
            if is_for(nodes, full_name):
                for name, value in values.items():
                    merged.setdefault(nodes, {}).setdefault(name, []).append(value)
        given = {name: values for section in merged.values() for name, values in section.items()}
        return {
            name: values[-1] for name, values in given.items() if len(set(map(_kind, values))) > 1
        }

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
    if {'-h', '--help'} & set(ros):
        parser.parse_args(['--help'])
    files: list[ParameterFile] = []
    sections: list[tuple[str, Mapping[str, Any]]] = []
    for option, value in pairwise(ros):
        if option == '--params-file':
            files.append(ParameterFile(value))
            sections += files[-1].sections
        elif option in ('-p', '--param') and ':=' in value:
            sections.append(_single(value))
        elif option == '--log-level':
            _check_level(value)
    return NodeArguments(files, sections)


def explained(error: str) -> str:
    """Return what rcl says as it does not start, with the remedy: arguments, or another's fault."""
    # Its text ends with places in its source.
    text = re.sub(r', at /[^\s,]+', '', error.removeprefix('failed to initialize rcl: '))
    if found := re.fullmatch(r"Couldn't parse (.+): '(-\S+) (.*)'\. Error: (.*)", text, re.DOTALL):
        what, option, value, reason = found.groups()
        return f'{option} {value}: no {what} that ROS can read ({reason}): {_FORMS.get(what, "")}'
    remedies = (remedy for pattern, remedy in _REMEDIES.items() if re.search(pattern, text))
    return f'{text}: {next(remedies)}'


# What rcl says -> the remedy; the first that fits.
_REMEDIES = {
    'SECURITY': (
        'create the enclave with `ros2 security create_enclave`, name it by --enclave, or unset '
        'ROS_SECURITY_ENABLE'
    ),
    'logging|log directory': LOG_REMEDY,
    r'^\[|[Pp]arse|[Aa]rgument|Enclave name|namespace|node name': (
        'correct what follows --ros-args, --help tells more'
    ),
    '': '`ros2 run s2r_depth_ros doctor` looks at what ROS needs',
}
_FORMS = {
    'remap rule': (
        'write -r FROM:=TO; topics, namespaces and nodes have letters, digits and _ in their '
        'names, and no part begins with a digit'
    ),
    'parameter override rule': (
        'write -p NAME:=VALUE; an empty list is [], an empty text \'""\', and the items of a list '
        'are of one type'
    ),
    'params file': (
        'give each parameter a value ([] for an empty list) and lists whose items are of one type, '
        'beneath the name of a node, without aliases (&, *)'
    ),
}


def _single(text: str) -> tuple[str, Mapping[str, Any]]:
    """Return a parameter given as [NODE:]NAME:=VALUE in the form of a file's section."""
    rule, _, written = text.partition(':=')
    node, _, name = rule.rpartition(':')
    try:
        value = yaml.safe_load(written)
    except (yaml.YAMLError, ValueError, RecursionError):
        value = written  # rcl will refuse it
    return (f'/**/{node}' if node else '/**'), {name: value}


def _kind(value: Any) -> Any:
    """Return what is the same of two values where rcl lets the later one replace the other."""
    return (list, type(value[0]) if value else None) if isinstance(value, list) else type(value)


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
