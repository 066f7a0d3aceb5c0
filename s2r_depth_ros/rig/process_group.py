"""The child processes of one run: started, followed by their events, and always ended."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.child import Child, EventQueue
from s2r_depth_ros.rig.events import Event

_STOP_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ProcessError(UserError):
    """A process of the run failed.

    ``what`` says in which way, ``last_words`` is the end of the logs that may tell why.
    """

    def __init__(self, what: str, last_words: str) -> None:
        super().__init__(f'{what}; the last lines of its log are above')
        self.what = what
        self.last_words = last_words


class SilenceError(ProcessError):
    """No process has told anything for too long."""


class ProcessGroup:
    """Child processes by name. At the end of the ``with`` block all of them have ended.

    Within the block SIGINT and SIGTERM interrupt only ``next_event`` and ``pause``, by
    KeyboardInterrupt: a process is either not started yet or will be ended. Use it in the main
    thread.
    """

    def __init__(
        self, logs: Path, environment: Mapping[str, str], suspects: Sequence[str] = ()
    ) -> None:
        """Keep where to write NAME.log and the environment of every process.

        suspects: names of processes whose logs are shown with every error, because they are
        mostly why another process gives up.
        """
        self._logs = logs
        self._environment = environment
        self._suspects = suspects
        self._children: dict[str, Child] = {}
        # SimpleQueue: its put may be called from a signal handler.
        self._events: EventQueue = queue.SimpleQueue()
        self._interrupted = False
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> ProcessGroup:
        self._handlers = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._interrupted and error is None:
            raise KeyboardInterrupt

    def start(self, name: str, arguments: Sequence[str], **variables: str) -> int:
        """Start ``python -m ARGUMENTS`` with further environment variables; return its id."""
        log = self._logs / f'{name}.log'
        environment = {**self._environment, **variables}
        self._children[name] = Child(name, arguments, log, environment, self._events)
        return self._children[name].pid

    def next_event(self, patience: float) -> tuple[str, Event]:
        """Return the name of the process that told something next, and the event.

        Raises SilenceError after ``patience`` seconds without an event, ProcessError if a process
        ends or tells that it failed, KeyboardInterrupt after SIGINT or SIGTERM.
        """
        told = self._take(patience)
        if told is None:
            what = f'nothing has happened for {patience:g} s'
            raise SilenceError(what, self.last_words(*self._children))
        return told

    def pause(self, seconds: float) -> None:
        """Let the processes go on for a while, whatever they tell.

        Raises ProcessError and KeyboardInterrupt as next_event does.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._take(left)

    def stop(self) -> dict[str, int]:
        """End all processes, in the order of starting; return their exit statuses by name."""
        for child in self._children.values():
            child.interrupt()
        return {name: child.stop(_STOP_SECONDS) for name, child in self._children.items()}

    def last_words(self, *names: str) -> str:
        """Return the last lines of the logs of those processes, each once."""
        return '\n'.join(self._children[name].last_words() for name in dict.fromkeys(names))

    def _take(self, patience: float) -> tuple[str, Event] | None:
        """Return the next event as next_event does, but None after ``patience`` seconds."""
        try:
            name, event = self._events.get(timeout=patience)
        except queue.Empty:
            return None
        if self._interrupted:
            raise KeyboardInterrupt
        if event is None:
            status = self._children[name].status
            raise self._error(f'the {name} process ended with status {status}', name)
        if event['event'] == 'failed':
            raise self._error(event['reason'], name)
        return name, event

    def _error(self, what: str, name: str) -> ProcessError:
        suspects = [suspect for suspect in self._suspects if suspect in self._children]
        return ProcessError(what, self.last_words(name, *suspects))

    def _interrupt(self, *_: object) -> None:
        self._interrupted = True
        self._events.put(('signal', {}))  # wakes who waits for an event
