"""What is told of the scale of a frame: on ~/scale, on /diagnostics and in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from numpy.typing import NDArray
from std_msgs.msg import Header

from s2r_depth_ros.geometry.scale import Correction, FilterState, Freshness, ScaleEstimate
from s2r_depth_ros.geometry.scale.correction import KNOTS


@dataclass(frozen=True)
class ScaleReport:
    """The scale of one frame, and how it came about.

    state: with the correction that depth was scaled by. age: seconds since the last reference that
    was believed, None before. estimate: what was taken last, None before. text: what became of
    every source. notes: what makes a source worse than it could be, each with the remedy.
    withheld: whether nothing in metres is published.
    """

    state: FilterState
    freshness: Freshness
    age: float | None
    estimate: ScaleEstimate | None
    text: str
    notes: Sequence[str]
    withheld: bool

    def apply(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return unscaled depth, float32 of any shape, scaled; NaN stays NaN."""
        return self.state.current.apply(depth)

    @property
    def level(self) -> bytes:
        """The level of DiagnosticStatus."""
        if self.withheld:
            return bytes(DiagnosticStatus.ERROR)
        fine = self.freshness is Freshness.FRESH and not self.notes
        return bytes(DiagnosticStatus.OK if fine else DiagnosticStatus.WARN)

    @property
    def message(self) -> str:
        """One line for people: which reference is missing since when, and what to do."""
        if self.freshness is Freshness.FRESH:
            return '; '.join([f'{self.freshness.value} by {self.state.source}', *self.notes])
        since = '' if self.age is None else f' (for {self.age:.1f} s)'
        parts = [f'{self.freshness.value}{since}: {self.text}', *self.notes]
        if self.withheld:
            parts.append('nothing in metres is published, as scale.on_timeout is stop')
        return '; '.join(parts)

    def values(self) -> dict[str, str]:
        """Return the numbers as text: scale, deviation of its logarithm, anchors, residual, age.

        anchors_rejected: points that fell on the image and were dropped. residual: median of what
        is left of |log depth|. age: seconds. curve: 0 where all depths are scaled alike, else
        pairs of unscaled metres and the factor there.
        """
        estimate, age = self.estimate, self.age
        return {
            'scale': f'{self.state.scale:.6g}',
            'deviation': f'{self.state.deviation:.4g}',
            'anchors_used': str(estimate.used if estimate else 0),
            'anchors_rejected': str(estimate.rejected if estimate else 0),
            'residual': 'nan' if estimate is None else f'{estimate.residual:.4g}',
            'source': self.state.source or 'none',
            'age': 'nan' if age is None else f'{age:.3f}',
            'freshness': self.freshness.name.lower(),
            'curve': _curve(self.state.current),
        }


def scale_message(header: Header, report: ScaleReport | None) -> DiagnosticArray:
    """Return the message of ~/scale; None: nothing but depth_scale scales depth."""
    if report is None:
        off = {'scale': '1', 'source': 'none', 'freshness': 'off'}
        status = DiagnosticStatus(name='scale', message='off: scale.source is empty')
        values = off
    else:
        status = DiagnosticStatus(name='scale', level=report.level, message=report.message)
        values = report.values()
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticArray(header=header, status=[status])


def _curve(correction: Correction) -> str:
    if correction.is_constant:
        return '0'
    factors = correction.apply(KNOTS.astype('f4'))
    return ' '.join(f'{depth:.3g} {metres / depth:.4g}' for depth, metres in zip(KNOTS, factors))
