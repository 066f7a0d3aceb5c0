"""Which of several sources a frame is scaled by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s2r_depth_ros.geometry.scale.estimate import NoScale, ScaleEstimate

_DRIFT = 0.1
"""How much the log scale may have changed in a second since a reference was measured."""


@dataclass(frozen=True)
class ScaleChoice:
    """The estimate to use, None if there is none, and why: one line for diagnostics."""

    estimate: ScaleEstimate | None
    text: str


def choose_scale(
    found: Sequence[ScaleEstimate | NoScale], now: float, max_age: float
) -> ScaleChoice:
    """Return the best fresh estimate: of least deviation, which grows with the reference's age.

    now: stamp of the depth image, s. A reference is fresh if it is at most ``max_age`` s older or
    newer than that. Of equally good ones the first wins.
    """
    fresh = [e for e in found if isinstance(e, ScaleEstimate) and abs(now - e.stamp) <= max_age]
    best = min(fresh, key=lambda e: _uncertainty(e, now), default=None)
    return ScaleChoice(best, '; '.join(_told(f, best, now, max_age) for f in found) or 'no source')


def _uncertainty(estimate: ScaleEstimate, now: float) -> float:
    """Return the variance of the log scale by now."""
    return estimate.deviation**2 + (_DRIFT * (now - estimate.stamp)) ** 2


def _told(
    found: ScaleEstimate | NoScale, best: ScaleEstimate | None, now: float, max_age: float
) -> str:
    """Return what became of one answer."""
    if isinstance(found, NoScale):
        return found.text
    age = now - found.stamp
    about = f'{found.source}: {found.scale:.3f}, deviation {found.deviation:.2f}, age {age:.1f} s'
    if found is best:
        return f'{about}, the surest'
    if abs(age) > max_age:
        return f'{about}: more than {max_age:g} s from the image'
    return f'{about}: another one is surer'
