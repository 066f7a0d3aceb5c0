"""How far a piece of a long run goes, and its stages: by steps, or by the clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from s2r_depth_training.runs.trunk import TRUNK, Trunk, Work
from s2r_depth_training.stages.config import StageConfig

_SAVE_S = 60.0  # between files of the trunk
_SAFETY = 0.95  # of the time that is left for annealing


@dataclass(frozen=True)
class Steps:
    """A stage of a number of steps."""

    steps: int

    def growing(self, trunk: Trunk) -> Work[bool]:
        """Let the trunk grow until its next file; return whether its share is done."""
        top = trunk.first + round(TRUNK * self.steps)
        # As many as fill the time between two files, once the pace is known.
        yield from trunk.growing(
            min(top - trunk.step.number, int(trunk.steps_per_s * _SAVE_S) or 16)
        )
        return trunk.step.number >= top

    def left(self, trunk: Trunk) -> int:
        """Return the steps that are left for annealing, at least 1."""
        return max(1, self.steps - trunk.grown)


@dataclass(frozen=True)
class Until:
    """A stage that ends at ``end``, a time.monotonic()."""

    end: float

    def growing(self, trunk: Trunk) -> Work[bool]:
        """Let the trunk grow until its next file; return whether its share is done."""
        until = trunk.began + TRUNK * (self.end - trunk.began)
        yield from trunk.growing_until(min(until, time.monotonic() + _SAVE_S))
        return time.monotonic() >= until

    def left(self, trunk: Trunk) -> int:
        """Return the steps that fit in before the end, at least 1."""
        return max(1, int(_SAFETY * trunk.steps_per_s * (self.end - time.monotonic())))


@dataclass(frozen=True)
class Extent:
    """How far a piece goes: to ``end``, a time.monotonic(), or ``images`` further.

    By images, stages before the last one take the steps that they are given in the experiment.
    """

    end: float = 0.0
    images: int = 0

    def budget(self, stages: Sequence[StageConfig], batch: int) -> Steps | Until:
        """Return how far the first of ``stages`` goes, which are all that are left."""
        stage, last = stages[0], len(stages) == 1
        if self.images:
            return Steps(self.images // batch if last else stage.steps)
        now = time.monotonic()
        share = stage.steps / sum(s.steps for s in stages)
        return Until(self.end if last else now + share * (self.end - now))
