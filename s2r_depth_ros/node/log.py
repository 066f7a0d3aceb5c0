"""What the node logs: errors as their user reads them, no line too often, other layers' records."""

from __future__ import annotations

import logging
import re
import time
import traceback

from rclpy.impl.rcutils_logger import RcutilsLogger

from s2r_depth_ros.errors import UserError, brief

# Characters of one text of the log: more than those of this package have, less than a message can
# bring in a frame_id.
MOST_CHARACTERS = 1200
# What differs between two texts of one kind.
_PARTICULARS = re.compile(r"""'[^']*'|"[^"]*"|[\d.]+""")
_KINDS = 20


def describe(error: BaseException) -> str:
    """Return an error for its user, in one line; a defect of this package keeps its traceback."""
    if isinstance(error, UserError):
        return brief(error, MOST_CHARACTERS)
    return ''.join(traceback.format_exception(error)).rstrip()


class Throttle:
    """Lets each kind of message through once in ``period`` seconds of the steady clock.

    Simulated time may jump or stand still, so it is not asked. Of more than 20 kinds in that time
    the others are not said.
    """

    def __init__(self, period: float = 10.0) -> None:
        self._period = period
        self._last: dict[str, float] = {}

    def is_due(self, text: str) -> bool:
        """Return whether a message may be said now; if so it is noted as said.

        Messages that differ in numbers and in what they quote are of one kind.
        """
        now, kind = time.monotonic(), _PARTICULARS.sub('', text)
        self._last = {k: then for k, then in self._last.items() if now - then < self._period}
        if kind in self._last or len(self._last) >= _KINDS:
            return False
        self._last[kind] = now
        return True


def forward_log(logger: RcutilsLogger) -> None:
    """Pass what the layers without ROS log on to a node's logger, from now on."""
    logging.getLogger('s2r_depth_ros').addHandler(_LogForwarder(logger))


class _LogForwarder(logging.Handler):
    """Hands Python log records to a ROS logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        # One line each: rclpy allows one severity per calling line.
        if record.levelno >= logging.ERROR:
            self._logger.error(record.getMessage())
        elif record.levelno >= logging.WARNING:
            self._logger.warning(record.getMessage())
        else:
            self._logger.info(record.getMessage())
