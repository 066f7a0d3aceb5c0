"""The command line of the package: info and convert need torch alone, node and demo need ROS.

Imports little: a node that is starting is to heed a signal soon.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    'calibrate_scale': "set a running node's depth_scale by one known distance (needs ROS 2)",
    'doctor': 'check this installation: ROS, torch, GPU, shared memory, models, a round trip',
    'export': 'write a model as ONNX, also in int8, for other runtimes',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 for a mistake of its user.

    ``argv`` is the command and its arguments, sys.argv's by default. Raises SystemExit where
    argparse does (--help, wrong options).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [_NODE]:
        return _run_node(arguments[1:])
    from s2r_depth_ros.command_table import CommandTable

    return CommandTable('s2r_depth_ros', 's2r_depth_ros.commands', COMMANDS).run(arguments)


def executable() -> int:
    """Run the command that this process's executable is called after, such as .../bin/predict."""
    name = sys.argv[0].rpartition('/')[2]
    return main([name.removesuffix('.py'), *sys.argv[1:]])


def _run_node(arguments: list[str]) -> int:
    from s2r_depth_ros.node.main import main as run_node

    return run_node(arguments)
