"""One estimator for several threads."""

from __future__ import annotations

import gc
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
from patience import PATIENCE

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction, View
from s2r_depth_ros.inference.sharing import Inference, SharedEstimator


class _Gated:
    """Gives the first pixel of an image as its depth; waits at a gate, fails where told to."""

    def __init__(self) -> None:
        self.entered: queue.Queue[int] = queue.Queue()
        self.gate = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.finished_by: dict[int, str] = {}
        self._busy = threading.Lock()

    def infer(self, views: Sequence[View]) -> list[Callable[[], Prediction]]:
        assert self._busy.acquire(blocking=False), 'two threads at once'
        self.entered.put(len(views))
        assert self.gate.acquire(timeout=PATIENCE)
        self._busy.release()
        if self.error is not None:
            raise self.error
        return [partial(self._finish, int(view.rgb[0, 0, 0])) for view in views]

    def _finish(self, value: int) -> Prediction:
        self.finished_by[value] = threading.current_thread().name
        return Prediction(np.full((32, 32), value, np.float32), None, None, 1.0)


class _Setting:
    """Threads that ask a shared estimator."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.estimator = _Gated()
        self.shared = SharedEstimator(cast(DepthEstimator, self.estimator))
        self._pool = pool
        self.asked: dict[int, str] = {}

    def ask(self, value: int) -> Future[Inference]:
        def infer() -> Inference:
            self.asked[value] = threading.current_thread().name
            return self.shared.infer(View(np.full((32, 32, 3), value, np.uint8)))

        return self._pool.submit(infer)

    def ask_while_busy(self, *values: int) -> tuple[Future[Inference], list[Future[Inference]]]:
        """Let an image of ones into the network, where it is held, and the others wait for it."""
        first = self.ask(1)
        assert self.estimator.entered.get(timeout=PATIENCE) == 1
        others = [self.ask(value) for value in values]
        end = time.monotonic() + PATIENCE
        while len(self.shared._waiting) < len(values):
            assert time.monotonic() < end, f'{len(self.shared._waiting)} wait, not {len(values)}'
            time.sleep(0.005)
        return first, others

    def fail_with_batch(self, error: BaseException, *values: int) -> list[Future[Inference]]:
        """Let the network fail for those that waited while it was busy; return what they get."""
        first, others = self.ask_while_busy(*values)
        self.estimator.gate.release()
        assert first.result(PATIENCE).batch == 1
        self.estimator.entered.get(timeout=PATIENCE)
        self.estimator.error = error
        self.estimator.gate.release()
        return others


@pytest.fixture
def setting() -> Iterator[_Setting]:
    with ThreadPoolExecutor(4) as pool:
        yield _Setting(pool)


def test_who_waits_while_it_is_busy_is_the_next_batch(setting: _Setting) -> None:
    first, others = setting.ask_while_busy(2, 3, 4)
    setting.estimator.gate.release(2)
    assert setting.estimator.entered.get(timeout=PATIENCE) == 3
    found = [future.result(PATIENCE) for future in (first, *others)]
    assert [int(one.prediction.depth[0, 0]) for one in found] == [1, 2, 3, 4]
    assert [one.batch for one in found] == [1, 3, 3, 3]
    assert all(one.seconds > 0 for one in found)
    assert setting.estimator.finished_by == setting.asked, 'not each by its own thread'
    assert setting.estimator.entered.empty()


def test_an_error_is_that_of_all_in_the_batch_and_the_next_is_none(setting: _Setting) -> None:
    for future in setting.fail_with_batch(RuntimeError('out of memory'), 2, 3):
        with pytest.raises(RuntimeError, match='out of memory'):
            future.result(PATIENCE)
    setting.estimator.error = None
    setting.estimator.gate.release()
    assert setting.ask(5).result(PATIENCE).batch == 1


@pytest.mark.parametrize('kind', [RuntimeError, SystemExit, GeneratorExit])
def test_whoever_ran_a_batch_that_failed_all_hear_of_it(
    setting: _Setting, kind: type[BaseException]
) -> None:
    broken = kind('broken')
    for future in setting.fail_with_batch(broken, 2, 3, 4):
        assert future.exception(PATIENCE) is broken
    assert setting.estimator.entered.empty(), 'the network ran again, for nobody'


def test_an_image_of_which_the_inference_failed_is_let_go_at_once() -> None:
    """Not when Python looks for cycles: of large images that is gigabytes."""
    images: list[weakref.ref[Any]] = []
    estimator = _Gated()
    shared = SharedEstimator(cast(DepthEstimator, estimator))
    gc.disable()
    try:
        for _ in range(3):
            image = np.zeros((32, 32, 3), np.uint8)
            images.append(weakref.ref(image))
            estimator.error = RuntimeError('out of memory')
            estimator.gate.release()
            with pytest.raises(RuntimeError, match='memory'):
                shared.infer(View(image))
            del image
        estimator.error = None
        assert [image() for image in images] == [None] * 3
    finally:
        gc.enable()
