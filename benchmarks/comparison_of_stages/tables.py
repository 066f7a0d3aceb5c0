"""The table of all results, each beside arm a of the same number of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comparison_of_stages.results import ArmResult, read_results
from s2r_depth_ros.evaluation.scores import Interval, interval
from s2r_depth_ros.tables import format_markdown_table


def print_table(folder: Path) -> None:
    """Print all results of a folder as Markdown. Raises ComparisonError if there are none."""
    results = sorted(read_results(folder), key=lambda r: (r.images, r.arm))
    for name in dict.fromkeys(key for result in results for key in result.sets):
        own = [result for result in results if name in result.sets]
        first = own[0].sets[name]
        print(f'\n{name}: {first.frames} frames of {first.scenes} scenes\n')
        header = (
            'images', 'arm', 'abs_rel', 'delta1', 'abs_rel less than a (paired)', 'delta1 more',
        )  # fmt: skip
        print(format_markdown_table(header, [row(result, own, name) for result in own]))


def row(result: ArmResult, others: Sequence[ArmResult], name: str) -> list[str]:
    """Return the cells of one line of the table of the set ``name``."""
    cells = [f'{result.images:,}', f'{result.arm}: {result.about}']
    cells += [cell(value) for value in result.sets[name].median]
    base = [r for r in others if r.arm == 'a' and r.images == result.images]
    if not base or result.arm == 'a':
        return [*cells, '', '']
    better = paired(result.scene_means[name], base[0].scene_means[name])
    return cells + [cell(value, '+.3f') for value in better]


def cell(value: Interval, form: str = '.3f') -> str:
    """Return a mean with its interval."""
    return f'{value["mean"]:{form}} ({value["low"]:{form}} to {value["high"]:{form}})'


def paired(own: dict[str, list[float]], other: dict[str, list[float]]) -> list[Interval]:
    """Return, for each metric, how much better ``own`` is than ``other`` over the same scenes."""
    scenes = sorted(own.keys() & other.keys())
    better = np.array([np.subtract(own[s], other[s]) * (-1, 1) for s in scenes])
    return [interval(values) for values in better.T]
