"""The rows of a timing: what was found for one case, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from s2r_depth_ros.tables import format_table

_HEAD = (
    'level', 'case', 'median', 'p95', 'p99', 'cpu', 'ratio', 'start', 'change: median', 'p99',
)  # fmt: skip


@dataclass(frozen=True)
class TimingRow:
    """Times of one case: milliseconds of wall clock, and of CPU time over all threads.

    ratio: how many times faster than the reference (medians of this run). make_s: seconds until
    it was ready to run. depth_change_*: relative to the reference's depth, over the pixels of the
    image, None at the reference itself.
    """

    level: str
    case: str
    runs: int
    median_ms: float
    p95_ms: float
    p99_ms: float
    cpu_median_ms: float
    ratio: float
    make_s: float
    depth_change_median: float | None
    depth_change_p99: float | None


def format_rows(rows: Sequence[TimingRow]) -> str:
    """Return the rows as a text table."""
    table = format_table(_HEAD, [_cells(row) for row in rows], text_columns=2)
    return f'{table}\ntimes in ms (start: s); ratio: times as fast as the reference'


def as_json(rows: Sequence[TimingRow]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects, rounded to what a clock can tell."""
    return [
        {k: float(f'{v:.4g}') if isinstance(v, float) else v for k, v in asdict(row).items()}
        for row in rows
    ]


def _cells(row: TimingRow) -> list[str]:
    times = (row.median_ms, row.p95_ms, row.p99_ms, row.cpu_median_ms)
    changes = (row.depth_change_median, row.depth_change_p99)
    return [
        row.level,
        row.case,
        *(f'{time:.1f}' for time in times),
        f'{row.ratio:.2f}',
        f'{row.make_s:.2f}',
        *('' if change is None else f'{change:.1e}' for change in changes),
    ]
