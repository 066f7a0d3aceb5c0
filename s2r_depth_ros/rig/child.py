"""One child process: started, listened to, and ended with its parent at the latest."""

from __future__ import annotations

import ctypes
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from s2r_depth_ros.rig.events import Event, parse

# Whose event, and which; None: the process has ended.
EventQueue = queue.SimpleQueue[tuple[str, Event | None]]

_LOG_LINES = 12
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


class Child:
    """One process, ``python -m MODULE ARGUMENTS``, whose output goes to a log file.

    The events among its stdout lines are put into ``events`` as (name, event), and (name, None)
    when it has ended.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        events: EventQueue,
    ) -> None:
        self._name = name
        self._log = log
        self._events = events
        self._log_file = log.open('w')
        self._reason = ''  # why it failed, which a full disk keeps out of the log
        self._process = subprocess.Popen(
            [sys.executable, '-m', *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            text=True,
            env=dict(environment),
            # Ctrl-C reaches the parent alone, which then ends its children in order.
            start_new_session=True,
            preexec_fn=_end_with_parent if _LIBC else None,
        )
        self._reader = threading.Thread(target=self._read, name=f'{name}_output')
        self._reader.start()

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def interrupt(self) -> None:
        """Ask it to end, unless it has."""
        if self.status is None:
            self._process.send_signal(signal.SIGINT)

    def stop(self, seconds: float) -> int:
        """Wait for the end that ``interrupt`` asked for, else force it; return the exit status."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        with suppress(OSError):
            self._log_file.close()
        return self._process.wait()

    def last_words(self) -> str:
        """Return its name, its log file, the log's last lines, and what it told besides."""
        lines = last_lines(self._log)
        told = f'\n    {self._reason}' if self._reason not in lines else ''
        return f'{self._name} ({self._log}):\n{lines}{told}'

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = parse(line)
                if event is not None:
                    if event['event'] == 'failed':
                        self._reason = event['reason']
                    self._events.put((self._name, event))
                    continue
                with suppress(OSError):  # of a full disk, which the process tells by itself
                    self._log_file.write(line)
                    self._log_file.flush()
        self._process.wait()
        self._events.put((self._name, None))


def last_lines(log: Path) -> str:
    """Return the last lines of a log file, indented."""
    lines = log.read_text(errors='replace').splitlines()[-_LOG_LINES:]
    return '\n'.join(f'    {line}' for line in lines) or '    (it printed nothing)'


def _end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent dies, even by SIGKILL."""
    assert _LIBC
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
