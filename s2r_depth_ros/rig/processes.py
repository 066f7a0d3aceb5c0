"""The demo's child processes: started, listened to, and always ended."""

from __future__ import annotations

import ctypes
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.events import parse

LOG_LINES = 12
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent dies, even by SIGKILL."""
    assert LIBC
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ProcessError(UserError):
    """A process of the demo failed; ``last_words`` is the end of the logs that may tell why."""

    def __init__(self, what: str, last_words: str) -> None:
        super().__init__(f'{what}; the last lines of its log are above')
        self.last_words = last_words


def last_words(log: Path) -> str:
    """Return the last lines of a log file, indented."""
    lines = log.read_text(errors='replace').splitlines()[-LOG_LINES:]
    return '\n'.join(f'    {line}' for line in lines) or '    (it printed nothing)'


class Child:
    """One process, ``python -m MODULE ARGUMENTS``, whose output goes to a log file.

    The events among its stdout lines are put into ``events`` as (name, event); when it has ended,
    (name, None) is.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        events: queue.SimpleQueue[tuple[str, dict[str, Any] | None]],
    ) -> None:
        self.name = name
        self.log = log
        self._events = events
        self._log_file = log.open('w')
        self._process = subprocess.Popen(
            [sys.executable, '-m', *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            text=True,
            env=dict(environment),
            # Ctrl-C reaches the demo alone, which then ends its children in order.
            start_new_session=True,
            preexec_fn=end_with_parent if LIBC else None,
        )
        self._reader = threading.Thread(target=self._read, name=f'{name}_output')
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = parse(line)
            if event is None:
                self._log_file.write(line)
                self._log_file.flush()
            else:
                self._events.put((self.name, event))
        self._process.wait()
        self._events.put((self.name, None))

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ask it to end, unless it has."""
        if self.status is None:
            self._process.send_signal(number)

    def stop(self, seconds: float) -> int:
        """Wait for the end that ``interrupt`` asked for, else force it; return the exit status."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        self._log_file.close()
        return self._process.wait()

    def last_words(self) -> str:
        """Return the last lines of its log."""
        return last_words(self.log)
