"""One thread that works on the newest item only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar('Item')


class NewestWorker(Generic[Item]):
    """Calls ``work`` with the newest item put, on a thread of its own; older ones are dropped.

    on_error: called on that thread with an exception that ``work`` raised; the thread goes on.
    """

    def __init__(self, work: Callable[[Item], None], on_error: Callable[[Exception], None]) -> None:
        self._work = work
        self._on_error = on_error
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='inference')
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Make ``item`` the next to be worked on; True if it displaced one that was waiting."""
        with self._changed:
            dropped = self._item is not None
            self._item = item
            self._changed.notify()
        return dropped

    def clear(self) -> None:
        """Forget the waiting item; the one being worked on is finished."""
        with self._changed:
            self._item = None

    def stop(self) -> None:
        """Let the thread end after the item it is working on; returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended; call stop first."""
        self._thread.join()

    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._work(item)
            except Exception as error:  # one bad frame must not end the node
                self._on_error(error)
            # A frame is large: do not hold it while waiting for the next.
            del item

    def _next(self) -> Item | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._item is not None)
            item, self._item = self._item, None
            return None if self._stopping else item
