"""A command line made of a table of commands, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s2r_depth_ros.errors import UserError

OK, USAGE = 0, 2


@dataclass(frozen=True)
class CommandTable:
    """The commands of one program.

    program: its name. package: that of the commands' modules, each named as its command, with
    ``add_arguments(parser)`` and ``run(args)``, which returns the exit status or None for success.
    commands: command -> one line of help. error_prefix: what an error begins with.
    """

    program: str
    package: str
    commands: Mapping[str, str]
    error_prefix: str = 'error'

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command that ``arguments`` begin with; return the exit status.

        2 for a mistake of the user: a UserError, or an OSError of a file that the user named, is
        printed as one line. Raises SystemExit where argparse does (--help, wrong options).
        """
        if not arguments or arguments[0] not in self.commands:
            return self._overview(arguments)
        command, *rest = arguments
        module = importlib.import_module(f'{self.package}.{command}')
        parser = argparse.ArgumentParser(
            prog=f'{self.program} {command}', description=self.commands[command]
        )
        module.add_arguments(parser)
        args = parser.parse_args(rest)
        try:
            return int(module.run(args) or OK)
        except UserError as error:
            return self.fail(str(error))
        except OSError as error:
            if error.filename is None:
                raise  # not of a file that the user named
            return self.fail(str(error))

    def fail(self, message: str) -> int:
        """Print an error as one line and return the exit status for it."""
        print(f'{self.error_prefix}: ' + ' '.join(message.split()), file=sys.stderr)
        return USAGE

    def _overview(self, arguments: Sequence[str]) -> int:
        column = max(map(len, self.commands)) + 1
        lines = '\n'.join(f'  {name:{column}} {line}' for name, line in self.commands.items())
        parser = argparse.ArgumentParser(
            prog=self.program,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f'commands:\n{lines}\n\n{self.program} COMMAND --help tells more',
        )
        parser.add_argument('command', metavar='COMMAND', choices=self.commands)
        parser.parse_args(arguments)
        return USAGE  # not reached: without a command of the table argparse exits
