"""The thread that works on the newest item only."""

from __future__ import annotations

import queue
import threading
import time

import pytest
from patience import PATIENCE

from s2r_depth_ros.node.worker import NewestWorker


def _gated_worker() -> tuple[
    NewestWorker[int], threading.Event, queue.Queue[int], queue.Queue[BaseException]
]:
    """Return a worker that waits for a gate after each item it was given, and what it got."""
    gate = threading.Event()
    done: queue.Queue[int] = queue.Queue()
    errors: queue.Queue[BaseException] = queue.Queue()

    def work(item: int) -> None:
        done.put(item)
        assert gate.wait(PATIENCE)
        if item == 3:
            raise ValueError('three')

    return NewestWorker(work, errors.put), gate, done, errors


def test_worker_takes_the_newest_and_survives_errors() -> None:
    worker, gate, done, errors = _gated_worker()
    assert not worker.put(1)
    assert done.get(timeout=PATIENCE) == 1
    assert [worker.put(item) for item in (2, 3)] == [False, True]
    gate.set()
    assert done.get(timeout=PATIENCE) == 3
    assert str(errors.get(timeout=PATIENCE)) == 'three'
    assert not worker.put(4)
    assert done.get(timeout=PATIENCE) == 4
    worker.stop()
    worker.join()
    assert not worker.is_alive()
    assert done.empty()


def test_worker_forgets_what_waits() -> None:
    worker, gate, done, _ = _gated_worker()
    worker.put(1)
    assert done.get(timeout=PATIENCE) == 1
    worker.put(2)
    worker.clear()
    assert not worker.put(9)
    gate.set()
    assert done.get(timeout=PATIENCE) == 9
    worker.put(4)
    worker.stop()
    worker.join()


def test_worker_holds_an_unready_item_back() -> None:
    done: queue.Queue[int] = queue.Queue()
    ready = threading.Event()
    worker = NewestWorker(done.put, lambda error: None, lambda _: 0.0 if ready.is_set() else 3600.0)
    worker.put(1)
    assert worker.put(3), 'it waits still'
    ready.set()
    worker.wake()
    assert done.get(timeout=PATIENCE) == 3
    worker.stop()
    worker.join()


def test_newer_items_do_not_prolong_the_wait() -> None:
    """Frames that come faster than patience ends would otherwise starve."""
    done: queue.Queue[int] = queue.Queue()
    worker = NewestWorker(done.put, lambda error: None, lambda item: 0.3)
    start = time.monotonic()
    number = 0
    while done.empty():
        assert time.monotonic() - start < PATIENCE
        worker.put(number)
        number += 1
        time.sleep(0.02)
    assert time.monotonic() - start > 0.25
    assert done.get() > 0
    worker.stop()
    worker.join()


@pytest.mark.parametrize('kind', [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_error_ends_a_worker_silently(kind: type[BaseException]) -> None:
    done: queue.Queue[int] = queue.Queue()
    errors: queue.Queue[BaseException] = queue.Queue()

    def work(item: int) -> None:
        done.put(item)
        if item == 1:
            raise kind('one')

    worker = NewestWorker(work, errors.put)
    worker.put(1)
    assert type(errors.get(timeout=PATIENCE)) is kind
    worker.put(2)
    assert [done.get(timeout=PATIENCE) for _ in range(2)] == [1, 2]
    worker.stop()
    worker.join()


def test_an_item_of_which_nobody_can_tell_the_patience_is_taken_and_that_is_told() -> None:
    done: queue.Queue[int] = queue.Queue()
    errors: queue.Queue[BaseException] = queue.Queue()

    def patience(_item: int) -> float:
        raise ValueError('no patience')

    worker = NewestWorker(done.put, errors.put, patience)
    for item in (1, 2):
        worker.put(item)
        assert done.get(timeout=PATIENCE) == item
        assert str(errors.get(timeout=PATIENCE)) == 'no patience'
    worker.stop()
    worker.join()
