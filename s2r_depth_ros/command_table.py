"""A command line made of a table of commands, each imported only when it is asked for."""

from __future__ import annotations

import argparse
import errno
import importlib
import keyword
import os
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from s2r_depth_ros.dependencies import dependency_error
from s2r_depth_ros.errors import UserError

OK, CLOSED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit status: done; nobody reads standard output any more; a mistake of the user; Ctrl-C."""


@dataclass(frozen=True)
class CommandTable:
    """The commands of one program.

    program: its name. package: that of the commands' modules, each named as its command (import_
    where Python needs the word itself), with ``add_arguments(parser)`` and ``run(args)``, which
    returns the exit status or None for success.
    commands: command -> one line of help. error_prefix: what an error begins with.
    """

    program: str
    package: str
    commands: Mapping[str, str]
    error_prefix: str = 'error'

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command that ``arguments`` begin with; return the exit status, see ``reported``.

        Raises SystemExit where argparse does (--help, wrong options).
        """
        return reported(lambda: self._run(arguments), self.error_prefix)

    def fail(self, message: str) -> int:
        """Print an error as one line and return the exit status for it."""
        return _fail(message, self.error_prefix)

    def _run(self, arguments: Sequence[str]) -> int | None:
        if not arguments or arguments[0] not in self.commands:
            return self._overview(arguments)
        command, *rest = arguments
        name = f'{command}_' if keyword.iskeyword(command) else command
        module = importlib.import_module(f'{self.package}.{name}')
        parser = argparse.ArgumentParser(
            prog=f'{self.program} {command}', description=self.commands[command]
        )
        module.add_arguments(parser)
        status: int | None = module.run(parser.parse_args(rest))
        return status

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


def reported(run: Callable[[], int | None], prefix: str = 'error') -> int:
    """Call ``run`` and return the exit status: what it returns, None is success.

    2 for a mistake of the user: a UserError, an OSError of a file that the user named, or an import
    of what is not installed, or is broken (DependencyError), is printed as one line that begins
    with ``prefix``.
    1 where nobody reads standard output any more, 130 after Ctrl-C, with what is to be said of it.
    """
    try:
        return _status(run, prefix)
    except KeyboardInterrupt as error:
        print('interrupted' + ''.join(f': {text}' for text in error.args), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        if not _nobody_reads():
            raise  # another pipe: a defect
        _let_go_of_output()
        return CLOSED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _let_go_of_output()
        return _fail(f'standard output: {error.strerror}', prefix)


def _let_go_of_output() -> None:
    """Throw away what is left to write: Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status(run: Callable[[], int | None], prefix: str) -> int:
    try:
        return int(run() or OK)
    except UserError as error:
        return _fail(str(error), prefix)
    except Exception as error:  # a package that is broken raises anything as it is imported
        if explained := dependency_error(error):
            return _fail(str(explained), prefix)
        if isinstance(error, OSError) and error.filename is not None:  # a file that the user named
            return _fail(str(error), prefix)
        raise
    finally:
        # Here, where a closed pipe can still be dealt with. None: it was closed from the start.
        if sys.stdout is not None:
            sys.stdout.flush()


def _fail(message: str, prefix: str) -> int:
    print(f'{prefix}: ' + ' '.join(message.split()), file=sys.stderr)
    return USAGE


def _nobody_reads() -> bool:
    """Return whether standard output is a pipe that was closed at its other end."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)
    return any(events & select.POLLERR for _, events in waiting.poll(0))
