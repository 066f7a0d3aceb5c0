"""Messages that were published and never came, by the gaps in their numbers."""

from __future__ import annotations

import threading


class LostMessages:
    """Counts gaps in the numbers that DDS gives the messages of each publisher, from 1 on.

    A queue of one says nothing of what it overwrote, nor does best effort of what it lost. Where
    the numbers go back there are several publishers, or one that began anew: a gap counts once the
    message after it goes on from there. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: int | None = None
        self._gap = self._count = 0

    def see(self, number: int | None) -> None:
        """Take the number of the message that came; None if the middleware has none."""
        if number is None:
            return
        with self._lock:
            before, self._last = self._last, number
            if before is None:
                return
            if number > before:
                self._count, self._gap = self._count + self._gap, number - before - 1
            else:  # what seemed to be a gap was the number of another publisher
                self._last, self._gap = None, 0

    def take(self) -> int:
        """Return how many were lost since the last call."""
        with self._lock:
            count, self._count = self._count, 0
            return count
