"""The figures of the whole graph as text tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from s2r_depth_ros.graph_benchmark.figures import DEPTH, POINTS
from s2r_depth_ros.tables import format_table

_FIGURES = ('depth', 'cloud', 'p95', 'p99', 'inference', 'overhead', 'frames/s', 'lost')
_COSTS = ('cpu %', 'MiB', 'start')


def format_results(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of ``measure`` as a text table."""
    head = ('c whole graph', 'case', *_FIGURES, *_COSTS)
    rows = [['', row['case'], *_figure_cells(row), *_cost_cells(row)] for row in results]
    table = format_table(head, rows, text_columns=2)
    return f'{table}\nstamp-to-receive in ms; p95 and p99 of the cloud'


def format_cameras(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of ``measure_cameras`` as a text table."""
    head = ('c cameras', 'case, nodes, camera', *_FIGURES, *_COSTS)
    rows = []
    for row in results:
        for index, figures in enumerate(row['cameras']):
            label = f'{row["case"]}, {row["layout"]}, {index}'
            # The cost is that of all cameras: shown once.
            costs = [''] * len(_COSTS) if index else _cost_cells(row)
            rows.append(['', label, *_figure_cells(figures), *costs])
    table = format_table(head, rows, text_columns=2)
    return f'{table}\ninference is that of a whole batch; cpu, MiB and start: of all nodes together'


def _figure_cells(figures: Mapping[str, Any]) -> list[str]:
    cloud = figures[POINTS]
    times = (
        figures[DEPTH]['median_ms'],
        cloud['median_ms'],
        cloud['p95_ms'],
        cloud['p99_ms'],
        figures['inference_median_ms'],
        figures['overhead_median_ms'],
        cloud['frames_per_s'],
    )
    return [*(f'{value:.1f}' for value in times), str(cloud['not_received'])]


def _cost_cells(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row['cpu_percent']),
        f'{row["rss_mib_settled"]}-{row["rss_mib_last"]}',
        f'{row["start_s"]:.1f}',
    ]
