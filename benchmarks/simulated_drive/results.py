"""The tables and the JSON of drives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from s2r_depth_ros.evaluation.scores import Interval, interval
from s2r_depth_ros.tables import format_markdown_table
from simulated_drive.counting import LOOSE, Figures
from simulated_drive.drive import RoomResult
from simulated_drive.truth import TOLERANCE

_SHARES = ('missed', 'missed_loose', 'false', 'false_loose', 'stopped', 'noticed')


def summary_of(results: Sequence[RoomResult]) -> dict[str, Any]:
    """Return the figures of every setup: means over rooms with intervals, and those of each room.

    cleared: of the rooms in which somebody was marked, in how many the marks went, and the median
    of the seconds until then.
    """
    return {
        name: _summary([result.figures[name] for result in results])
        | {'scales': [round(result.scales[name], 3) for result in results]}
        for name in results[0].figures
    }


def _summary(figures: Sequence[Figures]) -> dict[str, Any]:
    shares: dict[str, Any] = {}
    for name in (*_SHARES, 'left'):
        values = np.array([getattr(f, name) for f in figures], float)
        known = values[~np.isnan(values)]
        found = interval(known) if len(known) else None
        shares[name] = {'interval': found, 'rooms': [_number(value) for value in values]}
    times = np.array([f.cleared for f in figures if not np.isnan(f.cleared)])
    went = times[np.isfinite(times)]
    shares['cleared'] = {
        'marked': len(times),
        'went': len(went),
        'median_s': _number(np.median(went)) if len(went) else None,
        'rooms': [_number(f.cleared) for f in figures],
    }
    return shares


def table_of(summary: dict[str, Any]) -> str:
    """Return the table of a summary, as Markdown."""
    head = (
        '', f'missed, {TOLERANCE} m', f'missed, {LOOSE} m', f'false, {TOLERANCE} m',
        f'false, {LOOSE} m', 'stopped', 'somebody marked', 'gone after',
    )  # fmt: skip
    return format_markdown_table(
        head,
        [
            (name, *(_cell(row[share]['interval']) for share in _SHARES), _gone(row['cleared']))
            for name, row in summary.items()
        ],
    )


def _cell(value: Interval | None) -> str:
    if value is None:
        return ''
    mean, low, high = (100 * value[key] for key in ('mean', 'low', 'high'))
    return f'{mean:.0f} % ({low:.0f} to {high:.0f})'


def _gone(cleared: dict[str, Any]) -> str:
    if cleared['median_s'] is None:
        return f'0 of {cleared["marked"]}'
    return f'{cleared["median_s"]:.1f} s, {cleared["went"]} of {cleared["marked"]}'


def _number(value: Any) -> float | None:
    """Return what JSON has for a number; None for NaN and infinity."""
    return round(float(value), 4) if np.isfinite(value) else None
