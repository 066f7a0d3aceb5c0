"""How many frames of a camera took which way, at which rates, and how long they took."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# Frames over which latencies are summarised.
_WINDOW = 300
# Images whose distance in time says how often a camera sends some.
_IMAGES = 6
# A stamp further from the node's clock than this comes from another clock, not from a slow node.
_PLAUSIBLE = (-0.5, 60.0)  # s


@dataclass(frozen=True)
class FrameCounts:
    """What happened since the counts before.

    rate_in, rate_out: images received and frames published, per second. totals: since activation,
    by ``lost`` (before they arrived), ``received``, ``published``, ``dropped``, ``skipped`` and
    ``errors``. recent: the same, since the counts before. latency: seconds from stamp to publishing
    of the latest frames. inference: seconds in the network of the latest.
    stamp_offset: seconds that the newest stamp is behind the node's clock if it is from another
    clock, else None. since_image: seconds since the newest image arrived. image_period: seconds
    between the latest images, the median; 0 before there were two.
    """

    rate_in: float
    rate_out: float
    totals: Mapping[str, int]
    recent: Mapping[str, int]
    latency: Sequence[float]
    inference: Sequence[float]
    stamp_offset: float | None
    since_image: float
    image_period: float


class FrameCounter:
    """Counts the frames of one camera; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Start anew, as on activation."""
        with self._lock:
            self._totals: Counter[str] = Counter()
            self._totals_before: Counter[str] = Counter()
            self._latency: deque[float] = deque(maxlen=_WINDOW)
            self._inference: deque[float] = deque(maxlen=_WINDOW)
            self._stamp_offset: float | None = None
            self._image_times: deque[float] = deque(maxlen=_IMAGES)
            self._time_before = self._begin = time.monotonic()

    def count_received(self, dropped: bool) -> None:
        """Count an image that arrived, and whether an older one was dropped for it."""
        with self._lock:
            self._totals['received'] += 1
            self._totals['dropped'] += dropped
            self._image_times.append(time.monotonic())

    def count_dropped(self) -> None:
        """Count an image that was dropped for a newer one after it was counted as received."""
        with self._lock:
            self._totals['dropped'] += 1

    def count_lost(self, count: int) -> None:
        """Count images that were published and never arrived."""
        with self._lock:
            self._totals['lost'] += count

    def count_skipped(self) -> None:
        """Count a frame that nobody wanted."""
        with self._lock:
            self._totals['skipped'] += 1

    def count_error(self) -> None:
        """Count a frame that gave an error."""
        with self._lock:
            self._totals['errors'] += 1

    def count_published(self, latency: float, inference: float | None) -> None:
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

    def take(self) -> FrameCounts:
        """Return what happened since the last call."""
        with self._lock:
            now = time.monotonic()
            seconds = max(now - self._time_before, 1e-3)
            new = self._totals - self._totals_before
            self._time_before, self._totals_before = now, self._totals.copy()
            times = list(self._image_times)
            periods = [later - earlier for earlier, later in itertools.pairwise(times)]
            return FrameCounts(
                rate_in=new['received'] / seconds,
                rate_out=new['published'] / seconds,
                totals=self._totals.copy(),
                recent=new,
                latency=tuple(self._latency),
                inference=tuple(self._inference),
                stamp_offset=self._stamp_offset,
                since_image=now - (times[-1] if times else self._begin),
                image_period=median(periods) if periods else 0.0,
            )
