"""The command line of the package: info and convert need torch alone, node and demo need ROS."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from s2r_depth_ros.command_table import CommandTable, reported

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
_TABLE = CommandTable('s2r_depth_ros', 's2r_depth_ros.commands', COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 for a mistake of its user.

    ``argv`` is the command and its arguments, sys.argv's by default. Raises SystemExit where
    argparse does (--help, wrong options).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [_NODE]:
        return reported(lambda: _run_node(arguments[1:]))
    return _TABLE.run(arguments)


def executable() -> int:
    """Run the command that this process's executable is called after, such as .../bin/predict."""
    return main([Path(sys.argv[0]).stem, *sys.argv[1:]])


def _run_node(arguments: list[str]) -> int:
    from s2r_depth_ros.node.main import main as run_node

    return run_node(arguments)
