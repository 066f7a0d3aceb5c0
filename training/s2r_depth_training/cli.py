"""The command line: a table of commands, each imported only when it is asked for.

So recording and rendering need no Lightning, and the overview needs nothing.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from s2r_depth_ros.errors import UserError

_PROGRAM = 's2r_train'

# Command -> one line of help. Its module is s2r_depth_training.commands.COMMAND.
COMMANDS = {
    'render': 'render scenes into a training set; resumes',
    'bag_to_dataset': 'turn recordings into a training set',
    'fit': 'train the stages of an experiment; resumes',
    'timed': 'render, train and evaluate in a given time; resumes',
    'export': 'turn a checkpoint into a model file',
    'card': "write a model's card and scores",
    'priors': 'make the priors that models are compared with',
    'demo_clip': 'render the clip that the demo plays',
    'smoke': 'a few steps of everything',
}

OK, USAGE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 2 for a mistake of its user.

    ``argv`` is the command and its arguments, sys.argv's by default. Raises SystemExit where
    argparse does (--help, wrong options).
    """
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        return _run(arguments[0], arguments[1:])
    overview = '\n'.join(f'  {name:15} {line}' for name, line in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'commands:\n{overview}\n\n{_PROGRAM} COMMAND --help tells more',
    )
    parser.add_argument('command', metavar='COMMAND', choices=COMMANDS)
    parser.parse_args(arguments)
    return USAGE  # not reached: without a command of the table argparse exits


def _run(command: str, arguments: list[str]) -> int:
    module = importlib.import_module(f's2r_depth_training.commands.{command}')
    parser = argparse.ArgumentParser(prog=f'{_PROGRAM} {command}', description=COMMANDS[command])
    module.add_arguments(parser)
    args = parser.parse_args(arguments)
    try:
        module.run(args)
    except UserError as error:
        return _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise  # not of a file that the user named
        return _fail(str(error))
    return OK


def _fail(message: str) -> int:
    print(f'{_PROGRAM}: ' + ' '.join(message.split()), file=sys.stderr)
    return USAGE


if __name__ == '__main__':
    sys.exit(main())
