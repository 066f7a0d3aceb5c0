"""The scale over time: no jumps, and a scale that outlives its reference.

A state goes in, a state comes out; nothing is random and no clock is read, so the same estimates at
the same times give the same scales. Times are in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from s2r_depth_ros.geometry.scale.correction import LOG_KNOTS, Correction
from s2r_depth_ros.geometry.scale.estimate import ScaleEstimate, tolerance

_LONGEST_STEP = 1.0  # s: after a longer pause the scale moves no farther than in this time
# Errors of one frame are those of the next: averaging takes at most this share of the deviation.
_LEAST_SHARE = 0.5


class Freshness(Enum):
    """How much the scale is worth now; the value is a text for diagnostics."""

    UNSET = 'no reference has been believed yet'
    FRESH = 'measured'
    HELD = 'held: its reference is missing or not believed'
    STALE = 'stale: its reference has been missing or not believed for too long'


@dataclass(frozen=True)
class FilterSettings:
    """How the scale may move.

    rate_limit: most change of log scale in a second. confirm_count, confirm_time: estimates in a
    row, and the least seconds they span, before a jump is believed; one that is not seen again for
    ``timeout`` longer is forgotten. drift: deviation of the log scale after a second without a
    measurement. fresh_time, timeout: s after its reference at which the scale is held, and stale.
    Raises ValueError unless all are finite and above 0.
    """

    rate_limit: float = 0.2
    confirm_count: int = 3
    confirm_time: float = 0.5
    drift: float = 0.05
    fresh_time: float = 0.5
    timeout: float = 5.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name} is {value}; it must be a number above 0')


@dataclass(frozen=True)
class Jump:
    """Estimates in a row that agree with each other, but not with what is believed.

    log_scale: of the last one. since, seen: times of the first and of the last one, s.
    """

    log_scale: float
    count: int
    since: float
    seen: float


@dataclass(frozen=True)
class FilterState:
    """The scale now, and what it moves to.

    current, target: corrections, log factors at KNOTS. log_scale: of the target, its one factor;
    deviation: of that, of log scale. updated: when, None before the first update. measured: stamp
    of the last reference that was believed, None before. source: of that.
    """

    current: Correction = field(default_factory=lambda: Correction.constant(1.0))
    target: Correction = field(default_factory=lambda: Correction.constant(1.0))
    log_scale: float = 0.0
    deviation: float = 0.3
    updated: float | None = None
    measured: float | None = None
    source: str = ''
    jump: Jump | None = None

    @classmethod
    def initial(cls, scale: float = 1.0) -> FilterState:
        """Return the state before any reference. Raises ValueError unless scale is above 0."""
        start = Correction.constant(scale)
        return cls(start, start, math.log(scale))

    @property
    def scale(self) -> float:
        """The one factor that the current correction is near, > 0: its mean over the knots in log.

        It is not the target's: the rate limit is between them.
        """
        lag = np.subtract(self.current.log_factors, self.target.log_factors)
        return math.exp(self.log_scale + float(lag.mean()))

    def age(self, now: float) -> float | None:
        """Return the seconds since the last believed reference, None if there was none."""
        return None if self.measured is None else max(0.0, now - self.measured)

    def freshness(self, now: float, settings: FilterSettings) -> Freshness:
        """Return how much the scale is worth at this time."""
        age = self.age(now)
        if age is None:
            return Freshness.UNSET
        if age <= settings.fresh_time:
            return Freshness.FRESH
        return Freshness.HELD if age <= settings.timeout else Freshness.STALE


def update(
    state: FilterState, estimate: ScaleEstimate | None, now: float, settings: FilterSettings
) -> FilterState:
    """Return the state at time ``now``, with an estimate or, where the reference is lost, without.

    The current correction moves towards the target, at no knot by more than the rate limit allows
    since the last update. A time before the last update, as when a recording begins again, moves
    nothing. Raises ValueError if ``now`` is not finite.
    """
    if not math.isfinite(now):
        raise ValueError(f'the time is {now}')
    passed = 0.0 if state.updated is None else now - state.updated
    if passed < 0:
        state = _at_earlier_time(state, now)
    passed = min(max(passed, 0.0), _LONGEST_STEP)
    state = replace(state, deviation=math.hypot(state.deviation, settings.drift * passed**0.5))
    if estimate is not None:
        state = _measured(state, estimate, now, settings)
    return replace(state, current=_moved(state, settings.rate_limit * passed), updated=now)


def rescaled(state: FilterState, factor: float) -> FilterState:
    """Return the state for unscaled depth that is ``factor`` times what it was: the same metres.

    Raises ValueError unless the factor is above 0.
    """
    shift = Correction.constant(factor).log_factors[0]

    def moved(correction: Correction) -> Correction:
        # Depth d is now where d / factor was.
        return Correction(tuple((correction.log_factor(LOG_KNOTS - shift) - shift).tolist()))

    return replace(
        state,
        current=moved(state.current),
        target=moved(state.target),
        log_scale=state.log_scale - shift,
        jump=None,
    )


def _at_earlier_time(state: FilterState, now: float) -> FilterState:
    """Return the state when time has gone back: what was measured later was measured now."""
    measured = None if state.measured is None else min(state.measured, now)
    return replace(state, measured=measured, jump=None)


def _measured(
    state: FilterState, estimate: ScaleEstimate, now: float, settings: FilterSettings
) -> FilterState:
    """Return the state after an estimate: believed, or remembered as the start of a jump."""
    off = abs(estimate.log_scale - state.log_scale)
    if off <= tolerance(state.deviation, estimate.deviation):
        return _believed(state, estimate, now)
    jump = state.jump
    if (
        jump is None
        or abs(estimate.log_scale - jump.log_scale) > tolerance(estimate.deviation)
        or now - jump.seen > settings.confirm_time + settings.timeout
    ):
        return replace(state, jump=Jump(estimate.log_scale, 1, now, now))
    jump = Jump(estimate.log_scale, jump.count + 1, jump.since, now)
    if jump.count < settings.confirm_count or now - jump.since < settings.confirm_time:
        return replace(state, jump=jump)
    # Nothing of what was believed remains.
    return _believed(replace(state, deviation=math.inf), estimate, now)


def _believed(state: FilterState, estimate: ScaleEstimate, now: float) -> FilterState:
    """Return the state with the target moved to the estimate, by how sure both are (Kalman)."""
    own, other = state.deviation**2, estimate.deviation**2
    gain = 1.0 if math.isinf(own) or own + other == 0 else own / (own + other)
    mixed = (1 - gain) * np.asarray(state.target.log_factors) + gain * np.asarray(
        estimate.correction.log_factors
    )
    stamp = min(estimate.stamp, now)
    deviation = math.sqrt(other if math.isinf(own) else (1 - gain) * own)
    return replace(
        state,
        target=Correction(tuple(mixed.tolist())),
        log_scale=(1 - gain) * state.log_scale + gain * estimate.log_scale,
        deviation=max(deviation, _LEAST_SHARE * estimate.deviation),
        measured=stamp if state.measured is None else max(stamp, state.measured),
        source=estimate.source,
        jump=None,
    )


def _moved(state: FilterState, most: float) -> Correction:
    """Return the current correction after a step towards the target, at each knot ``most``."""
    current = np.asarray(state.current.log_factors)
    step = np.clip(np.asarray(state.target.log_factors) - current, -most, most)
    return Correction(tuple((current + step).tolist()))
