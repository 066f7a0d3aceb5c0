"""Endless training frames, rendered by worker processes without touching the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing.queues import Queue

from s2r_depth_training.dataset.format import TRAIN, ShardFrame
from s2r_depth_training.dataset.render_workers import (
    CONTEXT,
    begin_worker,
    failure,
    next_report,
    stop,
)
from s2r_depth_training.dataset.rendering import FrameMaker, Recipe, split_of


class FrameStream:
    """Frames as workers render them; scenes of the validation split never occur.

    Entering the ``with`` block starts the workers; leaving it ends them. recipes: drawn in turn,
    all of one size. first: seed to begin with. prefetch: frames that may wait. With one worker the
    order is reproducible; with more, each frame is, their order is not.
    """

    def __init__(
        self, recipes: Sequence[Recipe], workers: int, first: int = 0, prefetch: int = 256
    ) -> None:
        self._frames = CONTEXT.Queue(prefetch)
        self._processes = [
            CONTEXT.Process(
                target=_work, args=(recipes, first + k, workers, self._frames), daemon=True
            )
            for k in range(workers)
        ]

    def __enter__(self) -> FrameStream:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *error: object) -> None:
        stop(self._processes)

    def __iter__(self) -> Iterator[ShardFrame]:
        """Yield frames as they come. Raises RenderingError when a worker fails."""
        while True:
            yield next_report(self._frames, self._processes)


def _work(
    recipes: Sequence[Recipe], seed: int, stride: int, frames: Queue[ShardFrame | Exception]
) -> None:
    try:
        begin_worker()
        makers = [FrameMaker(recipe) for recipe in recipes]
        turn = 0
        while True:
            maker = makers[turn % len(makers)]
            if split_of(seed, maker.recipe.validation) == TRAIN:
                for frame in maker.frames(seed):
                    frames.put(frame)
                turn += 1
            seed += stride
    except Exception as error:  # goes to the parent, which raises
        frames.put(failure(error))
