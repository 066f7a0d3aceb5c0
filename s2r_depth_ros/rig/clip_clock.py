"""When the frames of a clip are due, by clocks that may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

# A step from one frame to the next, in seconds, is believed from SHORTEST (1000 Hz) to LONGEST:
# clocks that are set anew jump further, and nobody watches a demo that stands still for longer.
SHORTEST_S, LONGEST_S = 0.001, 10.0


@dataclass
class _Anchors:
    """Two moments of one clock, each its reading and the clip's time then (s).

    trusted: the last one that went on from another; latest: that of the frame before.
    """

    trusted: tuple[float, float]
    latest: tuple[float, float]


class ClipClock:
    """Tells the clip's time of frame after frame, in seconds after the first.

    The first clock whose reading goes on from an earlier one decides: a stamp of zero, one that
    repeats, runs backwards or jumps costs no more than its own frame, and a clock that was set anew
    is believed again one frame later. Where no clock makes sense, ``steady`` seconds pass.
    """

    def __init__(self, steady: float) -> None:
        self._steady = steady
        self._time: float | None = None
        self._anchors: list[_Anchors] = []

    def __call__(self, *readings: float) -> float:
        """Return the time of the next frame; ``readings`` (s): of each clock, best first."""
        if self._time is None:
            self._time = 0.0
            self._anchors = [_Anchors((r, 0.0), (r, 0.0)) for r in readings]
            return self._time
        times = [self._by(anchors, r) for anchors, r in zip(self._anchors, readings)]
        sensible = [time for time in times if time is not None]
        self._time = sensible[0] if sensible else self._time + self._steady
        for anchors, reading, time in zip(self._anchors, readings, times):
            anchors.latest = (reading, self._time)
            if time is not None:
                anchors.trusted = anchors.latest
        return self._time

    def _by(self, anchors: _Anchors, reading: float) -> float | None:
        """Return the clip's time by one clock, None if that makes no sense."""
        assert self._time is not None
        for then, time in (anchors.trusted, anchors.latest):
            now = time + (reading - then)
            # Rounded to microseconds: sums of binary fractions miss a millisecond by a hair.
            if SHORTEST_S <= round(now - self._time, 6) <= LONGEST_S:
                return now
        return None
