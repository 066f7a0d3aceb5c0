"""Times of several callables that take turns: a machine's speed drifts, so only ratios hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Timed = Callable[[], object]

# Runs in a row of one callable before the next has its turn; the first of them warms the caches.
_BLOCK = 6


def measure_in_turns(
    timed: Mapping[str, Timed], runs: int, synchronise: Timed
) -> dict[str, NDArray[np.float64]]:
    """Run every callable at least ``runs`` times, taking turns in blocks.

    synchronise: waits until the device has done what was asked of it.
    Returns name -> float64 [n, 2]: seconds of wall clock and of CPU time.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(-(-runs // (_BLOCK - 1))):
        for name, call in timed.items():
            call()
            for _ in range(_BLOCK - 1):
                synchronise()
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                synchronise()
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.array(values) for name, values in times.items()}
