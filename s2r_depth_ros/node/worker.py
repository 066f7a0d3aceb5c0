"""One thread that works on the newest items only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar('Key')
Item = TypeVar('Item')


@dataclass(frozen=True)
class _Slot(Generic[Item]):
    """An item that waits, and the monotonic time since which its key has one."""

    item: Item
    since: float


class NewestWorker(Generic[Key, Item]):
    """Calls ``work`` on a thread of its own with the newest item of every key that has a new one.

    Older items are dropped. patience: called with an item that waits; returns for how many seconds
    its key may be held back at most, counted from the first item put since the last one was taken,
    0 if the item is ready. No item of another key waits for it. on_error: called on that thread
    with an exception that ``work`` raised; the thread goes on. name: of the thread.

    One lock guards the waiting items; ``patience`` is called while it is held, ``work`` is not.
    """

    def __init__(
        self,
        work: Callable[[dict[Key, Item]], None],
        on_error: Callable[[Exception], None],
        patience: Callable[[Key, Item], float] = lambda key, item: 0.0,
        name: str = 'inference',
    ) -> None:
        self._work = work
        self._on_error = on_error
        self._patience = patience
        self._changed = threading.Condition()
        self._slots: dict[Key, _Slot[Item]] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def put(self, key: Key, item: Item) -> bool:
        """Return whether ``item``, which is the next of ``key`` now, displaced one that waited."""
        with self._changed:
            waiting = self._slots.get(key)
            self._slots[key] = _Slot(item, waiting.since if waiting else time.monotonic())
            self._changed.notify()
        return waiting is not None

    def wake(self) -> None:
        """Ask for the ``patience`` of the waiting items again."""
        with self._changed:
            self._changed.notify()

    def clear(self) -> None:
        """Forget the waiting items; those being worked on are finished."""
        with self._changed:
            self._slots.clear()

    def stop(self) -> None:
        """Let the thread end after the items it is working on; returns at once."""
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
        while (items := self._next()) is not None:
            try:
                self._work(items)
            except Exception as error:  # one bad frame must not end the node
                self._on_error(error)
            # Frames are large: do not hold them while waiting for the next.
            del items

    def _next(self) -> dict[Key, Item] | None:
        """Wait for items that are ready and take them; None once the thread is to end."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                waits = {
                    key: slot.since + self._patience(key, slot.item) - now
                    for key, slot in self._slots.items()
                }
                if ready := [key for key, wait in waits.items() if wait <= 0]:
                    return {key: self._slots.pop(key).item for key in ready}
                self._changed.wait(min(waits.values(), default=None))
        return None
