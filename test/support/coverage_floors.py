"""Compares the branch coverage that a test run measured with the floors in pyproject.toml.

`make test` runs it at the end: it prints a table, and returns 1 if a room is below its floor.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import coverage
import tomllib
from source_files import ROOT

from s2r_depth_ros.tables import format_table


def floors() -> dict[str, float]:
    """Return folder -> least share of its branches that tests must take, in percent."""
    content = tomllib.loads((ROOT / 'pyproject.toml').read_text())
    table: dict[str, float] = content['tool']['branch-coverage-floors']
    return table


def branch_coverage(report: dict[str, dict], folders: list[str]) -> dict[str, float]:
    """Return folder -> share of its branches that were taken, in percent.

    A folder whose code has no branches counts by its lines; one that nothing was measured of has 0.
    report: ``files`` of coverage's JSON report, file -> what was measured. A file counts for the
    longest of ``folders`` that it lies in.
    """
    totals: dict[str, Counter[str]] = {folder: Counter() for folder in folders}
    for file, content in report.items():
        inside = [folder for folder in folders if Path(file).is_relative_to(folder)]
        if inside:
            totals[max(inside, key=len)].update(content['summary'])
    return {folder: _share(total) for folder, total in totals.items()}


def _share(total: Counter[str]) -> float:
    if total['num_branches']:
        return 100 * total['covered_branches'] / total['num_branches']
    return 100 * total['covered_lines'] / max(1, total['num_statements'])


def measured_files() -> dict[str, dict]:
    """Combine what the processes of the run measured; return ``files`` of the JSON report."""
    measured = coverage.Coverage(messages=False)
    measured.load()  # what an earlier call combined
    measured.combine()
    measured.save()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'coverage.json'
        measured.json_report(outfile=str(path))
        files: dict[str, dict] = json.loads(path.read_text())['files']
    return files


def verdict(measured: dict[str, float], least: dict[str, float]) -> tuple[str, bool]:
    """Return the table to print, and whether every room is at its floor or above."""
    low = [folder for folder, floor in least.items() if measured[folder] < floor]
    rows = [(f, f'{measured[f]:.1f}', f'{least[f]:g}', 'below' if f in low else '') for f in least]
    table = format_table(('room', 'branches taken %', 'floor %', ''), rows)
    remedies = [f'{folder}: add tests; a floor in pyproject.toml only rises' for folder in low]
    return '\n'.join([table, *remedies]), not low


def main() -> int:
    """Print the table and return the exit status."""
    least = floors()
    table, good = verdict(branch_coverage(measured_files(), list(least)), least)
    print(table)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
