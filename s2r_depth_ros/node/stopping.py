"""SIGINT and SIGTERM: end a node that is starting at once, one that runs when it is ready to.

Imports nothing that takes time: signals are handled before rclpy and torch are imported.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PERIOD = 0.2  # s, after which a signal is seen at the latest
_LATEST = 5.0  # s, after which a process has ended that is to end


def stop_at_once() -> None:
    """End the process with code 0 on a signal from now on: nothing is open that must be closed.

    An exception instead would be swallowed by some imports, and printed by others.
    """
    _handle(lambda number, frame: os._exit(0))


class Stop:
    """Whether a signal has come since this was made; it ends nothing by itself."""

    def __init__(self) -> None:
        self.requested = False
        _handle(self._request)

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Wait until a signal or until ``done``."""
        while not (self.requested or done()):
            # The kernel may hand a signal to another thread, which does not end the sleep.
            time.sleep(_PERIOD)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


def end_soon() -> None:
    """Let no signal disturb the end, and end with code 0 after some seconds whatever still runs.

    That may be a model that loads, from a disk that hangs, or a frame on a device that does.
    """
    _handle(signal.SIG_IGN)
    timer = threading.Timer(_LATEST, os._exit, [0])
    timer.daemon = True
    timer.start()


def _handle(handler: signal.Handlers | Callable[[int, FrameType | None], None]) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)
