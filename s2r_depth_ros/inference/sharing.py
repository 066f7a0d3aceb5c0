"""One estimator for several threads, whose images become batches while it is busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction, View


class Inference(NamedTuple):
    """What the network gave for one image.

    seconds: time in the network, of the whole batch. batch: how many images it saw at once.
    """

    prediction: Prediction
    seconds: float
    batch: int


class _Request:
    """An image that waits for the network, and what came of it: an Inference to be, or an error."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.finish: Callable[[], Prediction] | None = None
        self.error: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.seconds, self.batch = 0.0, 0

    @property
    def is_done(self) -> bool:
        return self.finish is not None or self.error is not None


class SharedEstimator:
    """Lets threads infer one image each; those who wait while others are inferred are a batch.

    ``_running`` is held while the network runs, ``_changing`` while the list of those who wait is
    looked at. Whoever gets to run takes all who wait along, so nobody waits for more than two runs.
    """

    def __init__(self, estimator: DepthEstimator) -> None:
        self._estimator = estimator
        self._running = threading.Lock()
        self._changing = threading.Lock()
        self._waiting: list[_Request] = []

    def infer(self, view: View) -> Inference:
        """Return what the network gives for an image; as ``DepthEstimator.infer``, it may raise.

        What is left to do to the image alone is done on the caller's thread, beside other images.
        """
        request = _Request(view)
        with self._changing:
            self._waiting.append(request)
        try:
            with self._running:
                if not request.is_done:
                    self._run()
            if request.finish is None:
                assert request.error is not None
                # The error is that of all in the batch: without the others' ways through here.
                raise request.error.with_traceback(request.traceback)
            return Inference(request.finish(), request.seconds, request.batch)
        finally:
            del request  # its error would hold this frame, and with it the image

    def _run(self) -> None:
        with self._changing:
            requests, self._waiting = self._waiting, []
        start = time.perf_counter()
        try:
            unfinished = self._estimator.infer([request.view for request in requests])
        except BaseException as error:  # on another camera's thread: each is to hear of it
            while requests:  # emptied, as the traceback holds what is in this function
                requests[-1].traceback = error.__traceback__
                requests.pop().error = error
            return
        seconds = time.perf_counter() - start
        for request, finish in zip(requests, unfinished):
            request.finish, request.seconds, request.batch = finish, seconds, len(requests)
