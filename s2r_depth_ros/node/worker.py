"""One thread that works on the newest item only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar('Item')


@dataclass(frozen=True)
class _Slot(Generic[Item]):
    """The item that waits, and the monotonic time since which there is one."""

    item: Item
    since: float


class NewestWorker(Generic[Item]):
    """Calls ``work`` on a thread of its own with the newest item, whenever there is a new one.

    Older items are dropped. patience: called with the item that waits; returns for how many seconds
    it may be held back at most, counted from the first item put since the last one was taken, 0 if
    it is ready. on_error: called on that thread with an exception that ``work`` raised; the thread
    goes on. name: of the thread.

    One lock guards the waiting item; ``patience`` is called while it is held, ``work`` is not.
    """

    def __init__(
        self,
        work: Callable[[Item], None],
        on_error: Callable[[BaseException], None],
        patience: Callable[[Item], float] = lambda item: 0.0,
        name: str = 'newest',
    ) -> None:
        self._work = work
        self._on_error = on_error
        self._patience = patience
        self._changed = threading.Condition()
        self._slot: _Slot[Item] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Return whether ``item``, which is the next one now, displaced one that waited."""
        with self._changed:
            waiting = self._slot
            self._slot = _Slot(item, waiting.since if waiting else time.monotonic())
            self._changed.notify()
        return waiting is not None

    def wake(self) -> None:
        """Ask for the ``patience`` of the waiting item again."""
        with self._changed:
            self._changed.notify()

    def clear(self) -> None:
        """Forget the waiting item; one that is being worked on is finished."""
        with self._changed:
            self._slot = None

    def stop(self) -> None:
        """Let the thread end after the item that it is working on; returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended; call stop first."""
        self._thread.join()

    def is_alive(self) -> bool:
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (slot := self._next()) is not None:
            try:
                self._work(slot.item)
            except BaseException as error:  # or the thread ends, and no one is told
                self._on_error(error)
            # Frames are large: do not hold one while waiting for the next.
            del slot

    def _next(self) -> _Slot[Item] | None:
        """Wait for an item that is ready and take it; None once the thread is to end."""
        with self._changed:
            while not self._stopping:
                wait: float | None = None
                if (slot := self._slot) is not None:
                    wait = slot.since + self._patience_with(slot.item) - time.monotonic()
                    if wait <= 0:
                        self._slot = None
                        return slot
                    del slot
                self._changed.wait(wait)
        return None

    def _patience_with(self, item: Item) -> float:
        """Return the patience; an item of which it cannot be told is taken at once."""
        try:
            return self._patience(item)
        except BaseException as error:  # or the thread ends, and no one is told
            self._on_error(error)
            return 0.0
