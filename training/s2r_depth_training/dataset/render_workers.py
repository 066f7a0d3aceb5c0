"""What the processes that render have in common, on disk or streamed.

They are spawned: an OpenGL context does not survive a fork. Each reports by a queue, also what it
failed by, and their parent reads the queue with ``next_report``.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any

import cv2

from s2r_depth_training.errors import RenderingError

CONTEXT = multiprocessing.get_context('spawn')


def begin_worker() -> None:
    """Keep this process to one core, as the number of workers is what scales, and to its parent.

    A parent that is killed cannot end its workers, and they would render on for hours, into the
    folder that the next run goes on with.
    """
    os.environ.setdefault('LP_NUM_THREADS', '0')
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def failure(error: Exception) -> RenderingError:
    """Return what a worker that failed by ``error`` reports."""
    return RenderingError(f'{type(error).__name__}: {error}')


def next_report(reports: Queue[Any], processes: Sequence[BaseProcess]) -> Any:
    """Wait for a report and return it.

    Raises RenderingError if a worker failed, or if those that should report are gone.
    """
    while True:
        try:
            report = reports.get(timeout=1.0)
        except queue.Empty:
            dead = [p.exitcode for p in processes if p.exitcode not in (None, 0)]
            if dead or not any(p.is_alive() for p in processes):
                raise RenderingError(f'a render worker ended early, exit status {dead}') from None
            continue
        if isinstance(report, Exception):
            raise RenderingError(f'a render worker failed: {report}') from report
        return report


def stop(processes: Sequence[BaseProcess]) -> None:
    """End processes, whatever they are at."""
    for process in processes:
        process.terminate()
        process.join()
