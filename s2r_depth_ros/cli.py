"""The command line: a table of commands, each imported only when it is asked for.

So info and convert need torch alone, and only node and demo need ROS.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from s2r_depth_ros.errors import UserError

_PROGRAM = 's2r_depth_ros'
_NODE = 'node'

# Command -> one line of help. Its module is s2r_depth_ros.commands.COMMAND, except for node.
COMMANDS = {
    _NODE: 'run the ROS 2 node (needs ROS 2; takes --ros-args)',
    'predict': 'depth of images, folders and videos, without ROS',
    'convert': "turn the authors' four checkpoint files into one model file",
    'info': 'show what a model file says about itself and check its weights',
    'demo': 'play a sequence through the node over ROS 2 topics (needs ROS 2)',
    'evaluate': 'score a model on images with ground truth',
    'benchmark': 'measure how fast a model runs here',
    'export': 'write a model as ONNX, also in int8, for other runtimes',
}

OK, USAGE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 for a mistake of its user.

    ``argv`` is the command and its arguments, sys.argv's by default. Raises SystemExit where
    argparse does (--help, wrong options).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        command, *rest = arguments
        return _run_node(rest) if command == _NODE else _run(command, rest)
    overview = '\n'.join(f'  {name:10} {line}' for name, line in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'commands:\n{overview}\n\n{_PROGRAM} COMMAND --help tells more',
    )
    parser.add_argument('command', metavar='COMMAND', choices=COMMANDS)
    parser.parse_args(arguments)
    return USAGE  # not reached: without a command of the table argparse exits


def executable() -> int:
    """Run the command that this process's executable is called after, such as .../bin/predict."""
    return main([Path(sys.argv[0]).stem, *sys.argv[1:]])


def _run(command: str, arguments: list[str]) -> int:
    module = importlib.import_module(f's2r_depth_ros.commands.{command}')
    parser = argparse.ArgumentParser(prog=f'{_PROGRAM} {command}', description=COMMANDS[command])
    module.add_arguments(parser)
    args = parser.parse_args(arguments)
    try:
        return int(module.run(args))
    except UserError as error:
        return _fail(str(error))


def _run_node(arguments: list[str]) -> int:
    if importlib.util.find_spec('rclpy') is None:
        return _fail('the node needs ROS 2 (rclpy): source /opt/ros/<distro>/setup.bash first')
    node = importlib.import_module('s2r_depth_ros.node.main')
    return int(node.main(arguments) or OK)


def _fail(message: str) -> int:
    print('error: ' + ' '.join(message.split()), file=sys.stderr)
    return USAGE
