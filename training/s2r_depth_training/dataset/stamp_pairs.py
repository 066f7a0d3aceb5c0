"""Pairs the messages of two topics by their stamps, as they come out of a recording."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_WAITING = 30  # messages of one topic kept until their partner comes
_RESTART = 1.0  # s that stamps go back when a clock has begun anew


class StampPair(NamedTuple):
    """Two messages that are each other's nearest. stamp: of the first, s."""

    first: Any
    second: Any
    stamp: float


@dataclass(frozen=True, eq=False)
class _Waiting:
    stamp: float
    message: Any


class StampPairs:
    """Finds the messages of two topics that are each other's nearest in time.

    A message waits until none that is still to come can be nearer: the first one within the
    tolerance may belong to the frame before. Messages of before a clock began anew pair with none
    of after. tolerance: s, at most between the two. ``closest``: s, the least between any two.
    """

    def __init__(self, tolerance: float) -> None:
        self.closest = math.inf
        self._tolerance = tolerance
        self._waiting: tuple[list[_Waiting], list[_Waiting]] = ([], [])
        self._latest = [-math.inf, -math.inf]

    def add(self, side: int, stamp: float, message: Any) -> Iterator[StampPair]:
        """Add a message of topic 0 or 1; give the pairs that are now certain."""
        own, other = self._waiting[side], self._waiting[1 - side]
        if stamp < self._latest[side] - _RESTART:
            yield from self.rest()
            own.clear()
            other[:] = [entry for entry in other if entry.stamp <= stamp + _RESTART]
            self._latest = [-math.inf, max((e.stamp for e in other), default=-math.inf)]
            if side:
                self._latest.reverse()
        if len(own) == _WAITING:  # its partner, if it has one, is as good as it gets
            yield from self._settled(own[0])
            del own[: len(own) - _WAITING + 1]
        self._latest[side] = max(self._latest[side], stamp)
        own.append(_Waiting(stamp, message))
        self.closest = min([self.closest, *(abs(entry.stamp - stamp) for entry in other)])
        yield from self._settled()

    def rest(self) -> Iterator[StampPair]:
        """Give the pairs of what still waits: nothing more is to come."""
        self._latest = [math.inf, math.inf]
        yield from self._settled()

    def _settled(self, leaving: _Waiting | None = None) -> Iterator[StampPair]:
        """Give and forget the pairs that nothing can better, and that of a message that leaves."""
        firsts, seconds = self._waiting
        for first in list(firsts):
            second = _nearest(seconds, first.stamp)
            if second is None or _nearest(firsts, second.stamp) is not first:
                continue
            apart = abs(first.stamp - second.stamp)
            passed = min(self._latest) >= max(first.stamp, second.stamp) + apart
            certain = passed or apart == 0 or leaving in (first, second)
            if apart <= self._tolerance and certain:
                firsts.remove(first)
                seconds.remove(second)
                yield StampPair(first.message, second.message, first.stamp)


def _nearest(waiting: Sequence[_Waiting], stamp: float) -> _Waiting | None:
    return min(waiting, key=lambda entry: abs(entry.stamp - stamp), default=None)
