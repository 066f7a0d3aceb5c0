"""Which of several sources a frame is scaled by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from s2r_depth_ros.geometry.scale.estimate import NoScale, ScaleEstimate, tolerance

_DRIFT = 0.1
"""How much the log scale may have changed in a second since a reference was measured."""


@dataclass(frozen=True)
class ScaleChoice:
    """The estimate to use, None if there is none, and why: one line for diagnostics.

    contradiction: the fresh one that is farthest from it, and by how much, with what to do; '' if
    all agree within their deviations, None if there is no other.
    """

    estimate: ScaleEstimate | None
    text: str
    contradiction: str | None = None


def choose_scale(
    found: Sequence[ScaleEstimate | NoScale], now: float, max_age: float
) -> ScaleChoice:
    """Return the best fresh estimate: of least deviation, which grows with the reference's age.

    now: stamp of the depth image, s. A reference is fresh if it is at most ``max_age`` s older or
    newer than that. Of equally good ones the first wins.
    """
    fresh = [e for e in found if isinstance(e, ScaleEstimate) and abs(now - e.stamp) <= max_age]
    best = min(fresh, key=lambda e: _uncertainty(e, now), default=None)
    text = '; '.join(_told(f, best, now, max_age) for f in found) or 'no source'
    others = [e for e in fresh if best and e.source != best.source]
    return ScaleChoice(best, text, _contradiction(best, others) if best and others else None)


def _contradiction(best: ScaleEstimate, others: Sequence[ScaleEstimate]) -> str:
    far = max(others, key=lambda other: abs(other.log_scale - best.log_scale))
    off = abs(far.log_scale - best.log_scale)
    if off <= tolerance(best.deviation, far.deviation):
        return ''
    return (
        f'{best.source} says {best.scale:.3g} and {far.source} {far.scale:.3g}, which differ by a '
        f'factor of {math.exp(off):.2g}: check the transforms, units and heights of both, and '
        'depth_scale; until then the surer one is taken'
    )


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
