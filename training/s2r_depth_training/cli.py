"""The command line of the training: only what the command needs is imported.

So recording and rendering need no Lightning, and the overview needs nothing.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from s2r_depth_ros.command_table import CommandTable

# Command -> one line of help. Its module is s2r_depth_training.commands.COMMAND.
COMMANDS = {
    'render': 'render scenes into a training set; resumes',
    'bag_to_dataset': 'turn recordings into a training set',
    'import': 'turn a public data set into a training set',
    'eval_set': 'turn a public data set into images to evaluate by',
    'adapt': 'fine-tune a model on recordings of a robot; resumes',
    'fit': 'train the stages of an experiment; resumes',
    'timed': 'render, train and evaluate in a given time; called again, goes on',
    'relay': 'train a piece of a long run; called again, goes on',
    'export': 'turn a checkpoint into a model file',
    'card': "write a model's card and scores",
    'poses': "put the angles of a model's cameras into its file",
    'confidence': "put into a model's file how likely its depths are right",
    'priors': 'make the priors that models are compared with',
    'demo_clip': 'render the clip that the demo plays',
    'smoke': 'a few steps of everything',
}
_TABLE = CommandTable('s2r_train', 's2r_depth_training.commands', COMMANDS, 's2r_train')


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 for a mistake of its user.

    ``argv`` is the command and its arguments, sys.argv's by default. Raises SystemExit where
    argparse does (--help, wrong options).
    """
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    # Lightning prints what it logs itself, so it would be there twice.
    logging.getLogger('lightning').propagate = False
    return _TABLE.run(list(sys.argv[1:] if argv is None else argv))


if __name__ == '__main__':
    sys.exit(main())
