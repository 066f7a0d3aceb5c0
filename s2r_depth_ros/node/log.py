"""What the node logs: errors as their user reads them, no line too often, other layers' records."""

from __future__ import annotations

import logging
import math
import time
import traceback

from rclpy.impl.rcutils_logger import RcutilsLogger

from s2r_depth_ros.errors import UserError


def describe(error: Exception) -> str:
    """Return an error for its user; what is a defect of this package keeps its traceback."""
    if isinstance(error, UserError):
        return str(error)
    return ''.join(traceback.format_exception(error)).rstrip()


class Throttle:
    """Lets the same message through once in ``period`` seconds of the steady clock.

    Simulated time may jump or stand still, so it is not asked.
    """

    def __init__(self, period: float = 10.0) -> None:
        self._period = period
        self._last: dict[str, float] = {}

    def is_due(self, key: str) -> bool:
        """Return whether the message ``key`` may be said now; if so it is noted as said."""
        now = time.monotonic()
        if now - self._last.get(key, -math.inf) < self._period:
            return False
        self._last[key] = now
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
