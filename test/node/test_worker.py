"""The thread that works on the newest items only."""

from __future__ import annotations

import queue
import threading
import time

from patience import PATIENCE

from s2r_depth_ros.node.worker import NewestWorker


def _gated_worker() -> tuple[
    NewestWorker[str, int],
    threading.Event,
    queue.Queue[dict[str, int]],
    queue.Queue[Exception],
]:
    """Return a worker that waits for a gate after each batch it was given, and what it got."""
    gate = threading.Event()
    done: queue.Queue[dict[str, int]] = queue.Queue()
    errors: queue.Queue[Exception] = queue.Queue()

    def work(items: dict[str, int]) -> None:
        done.put(items)
        assert gate.wait(PATIENCE)
        if 3 in items.values():
            raise ValueError('three')

    return NewestWorker(work, errors.put), gate, done, errors


def test_worker_takes_the_newest_and_survives_errors() -> None:
    worker, gate, done, errors = _gated_worker()
    assert not worker.put('a', 1)
    assert done.get(timeout=PATIENCE) == {'a': 1}
    assert [worker.put('a', item) for item in (2, 3)] == [False, True]
    gate.set()
    assert done.get(timeout=PATIENCE) == {'a': 3}
    assert str(errors.get(timeout=PATIENCE)) == 'three'
    assert not worker.put('a', 4)
    assert done.get(timeout=PATIENCE) == {'a': 4}
    worker.stop()
    worker.join()
    assert not worker.is_alive()
    assert done.empty()


def test_worker_takes_the_newest_of_every_key_at_once() -> None:
    worker, gate, done, _ = _gated_worker()
    worker.put('a', 1)
    assert done.get(timeout=PATIENCE) == {'a': 1}
    assert [worker.put(key, item) for key, item in (('b', 5), ('c', 6), ('b', 7))] == [
        False, False, True,
    ]  # fmt: skip
    gate.set()
    assert done.get(timeout=PATIENCE) == {'b': 7, 'c': 6}
    worker.stop()
    worker.join()


def test_worker_forgets_what_waits() -> None:
    worker, gate, done, _ = _gated_worker()
    worker.put('a', 1)
    assert done.get(timeout=PATIENCE) == {'a': 1}
    worker.put('a', 2)
    worker.clear()
    worker.put('a', 9)
    gate.set()
    assert done.get(timeout=PATIENCE) == {'a': 9}
    worker.put('a', 4)
    worker.stop()
    worker.join()


def test_worker_holds_an_unready_item_back_and_no_other() -> None:
    done: queue.Queue[dict[str, int]] = queue.Queue()
    ready = threading.Event()
    worker = NewestWorker(
        done.put,
        lambda error: None,
        lambda key, _: 3600.0 if key == 'b' and not ready.is_set() else 0,
    )
    worker.put('b', 1)
    worker.put('a', 2)
    assert done.get(timeout=PATIENCE) == {'a': 2}
    assert worker.put('b', 3), 'it waits still'
    ready.set()
    worker.wake()
    assert done.get(timeout=PATIENCE) == {'b': 3}
    worker.stop()
    worker.join()


def test_newer_items_do_not_prolong_the_wait() -> None:
    """Frames that come faster than patience ends would otherwise starve."""
    done: queue.Queue[dict[str, int]] = queue.Queue()
    worker = NewestWorker(done.put, lambda error: None, lambda key, item: 0.3)
    start = time.monotonic()
    number = 0
    while done.empty():
        assert time.monotonic() - start < PATIENCE
        worker.put('a', number)
        number += 1
        time.sleep(0.02)
    assert time.monotonic() - start > 0.25
    assert done.get()['a'] > 0
    worker.stop()
    worker.join()
