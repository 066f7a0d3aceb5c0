"""What /diagnostics says: counts, rates, latencies, and what is wrong with its remedy."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)

# Frames over which latencies are summarised.
_WINDOW = 300
# A stamp further from the node's clock than this comes from another clock, not from a slow node.
_PLAUSIBLE = (-0.5, 60.0)


class Throttle:
    """Lets the same message through once in ``period`` seconds of the steady clock.

    Simulated time may jump or stand still, so it is not asked.
    """

    def __init__(self, period: float = 10.0) -> None:
        self._period = period
        self._last: dict[str, float] = {}

    def is_due(self, key: str) -> bool:
        """Whether the message ``key`` may be said now; if so it is noted as said."""
        now = time.monotonic()
        if now - self._last.get(key, -np.inf) < self._period:
            return False
        self._last[key] = now
        return True


@dataclass(frozen=True)
class Summary:
    """What happened since the summary before: rates per second, totals since activation."""

    rate_in: float
    rate_out: float
    totals: Mapping[str, int]
    errors: int
    latency: Sequence[float]
    inference: Sequence[float]
    stamp_offset: float | None
    since_image: float


class Statistics:
    """Counts frames; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Start anew, as on activation."""
        with self._lock:
            self._totals: Counter[str] = Counter()
            self._at_summary: Counter[str] = Counter()
            self._latency: deque[float] = deque(maxlen=_WINDOW)
            self._inference: deque[float] = deque(maxlen=_WINDOW)
            self._stamp_offset: float | None = None
            self._summary_time = self._image_time = time.monotonic()

    def received(self, dropped: bool) -> None:
        """Count an image that arrived, and whether an older one was dropped for it."""
        with self._lock:
            self._totals['received'] += 1
            self._totals['dropped'] += dropped
            self._image_time = time.monotonic()

    def skipped(self) -> None:
        """Count a frame that nobody wanted."""
        with self._lock:
            self._totals['skipped'] += 1

    def failed(self) -> None:
        """Count a frame that gave an error."""
        with self._lock:
            self._totals['errors'] += 1

    def published(self, latency: float, inference: float | None) -> None:
        """Count a published frame: seconds from its stamp to now, seconds in the network.

        A latency no node could have (a bag played without its clock, a clock that jumped back) is
        reported as an offset and kept out of the percentiles.
        """
        with self._lock:
            self._totals['published'] += 1
            plausible = _PLAUSIBLE[0] <= latency <= _PLAUSIBLE[1]
            self._stamp_offset = None if plausible else latency
            if plausible:
                self._latency.append(latency)
            if inference is not None:
                self._inference.append(inference)

    def summary(self) -> Summary:
        """Return what happened since the last call."""
        with self._lock:
            now = time.monotonic()
            seconds = max(now - self._summary_time, 1e-3)
            new = self._totals - self._at_summary
            self._summary_time, self._at_summary = now, self._totals.copy()
            return Summary(
                rate_in=new['received'] / seconds,
                rate_out=new['published'] / seconds,
                totals=self._totals.copy(),
                errors=new['errors'],
                latency=tuple(self._latency),
                inference=tuple(self._inference),
                stamp_offset=self._stamp_offset,
                since_image=now - self._image_time,
            )


def summary_values(summary: Summary) -> dict[str, str]:
    """Return a summary as the key-value pairs of /diagnostics; times in milliseconds."""
    values = {
        'images in (Hz)': f'{summary.rate_in:.1f}',
        'frames out (Hz)': f'{summary.rate_out:.1f}',
        'age of the newest image (s)': f'{summary.since_image:.1f}',
    }
    for key, label in (
        ('received', 'images received'),
        ('published', 'frames published'),
        ('dropped', 'images dropped for a newer one'),
        ('skipped', 'images skipped for want of a subscriber'),
        ('errors', 'frames with an error'),
    ):
        values[label] = str(summary.totals[key])
    for label, seconds in (
        ('latency from stamp to publish', summary.latency),
        ('inference', summary.inference),
    ):
        for percentile in (50, 95):
            key = f'{label} p{percentile} (ms)'
            values[key] = f'{np.percentile(seconds, percentile) * 1e3:.1f}' if seconds else 'n/a'
    return values


def status(
    name: str,
    hardware_id: str,
    problems: Sequence[tuple[bytes, str]],
    otherwise: str,
    values: Mapping[str, str],
) -> DiagnosticStatus:
    """Return the status message: the worst of ``problems`` (level, text) sets the level.

    STALE outranks no ERROR but any WARN. ``otherwise``: the message when nothing is wrong.
    """
    rank = {OK: 0, WARN: 1, STALE: 2, ERROR: 3}
    ordered = sorted(problems, key=lambda problem: -rank[problem[0]])
    return DiagnosticStatus(
        name=name,
        hardware_id=hardware_id,
        level=ordered[0][0] if ordered else OK,
        message='; '.join(text for _, text in ordered) or otherwise,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
