"""The tables and the JSON of drives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.scores import Interval, interval
from s2r_depth_ros.tables import format_markdown_table
from simulated_drive.drive import RoomResult

_NOT_SHOWN = ('cleared', 'left', 'scale')  # as shares


def summary_of(results: Sequence[RoomResult]) -> dict[str, Any]:
    """Return the figures of every setup: means over rooms with intervals, and those of each room.

    cleared: of the rooms in which somebody was marked, in how many the marks went, and the median
    of the seconds until then.
    """
    return {
        name: {
            figure: (_times if figure == 'cleared' else _shares)(
                np.array([result.figures[name][figure] for result in results])
            )
            for figure in results[0].figures[name]
        }
        | {'scale': [round(result.scales[name], 3) for result in results]}
        for name in results[0].figures
    }


def _shares(values: NDArray[np.float64]) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    return {
        'interval': interval(known) if len(known) else None,
        'rooms': [_number(value) for value in values],
    }


def _times(values: NDArray[np.float64]) -> dict[str, Any]:
    went = values[np.isfinite(values)]
    return {
        'marked': int((~np.isnan(values)).sum()),
        'went': len(went),
        'median_s': _number(np.median(went)) if len(went) else None,
        'rooms': [_number(value) for value in values],
    }


def table_of(summary: dict[str, Any]) -> str:
    """Return the table of a summary, as Markdown."""
    first = next(iter(summary.values()))
    shares = [name for name in first if name not in _NOT_SHOWN]
    return format_markdown_table(
        ('', *shares, 'cleared'),
        [
            (name, *(_cell(row[share]['interval']) for share in shares), _gone(row['cleared']))
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
