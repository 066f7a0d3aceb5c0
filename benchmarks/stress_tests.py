"""Runs the tests that start ROS processes again and again on a machine that has too much to do.

usage: PYTHONPATH=.:test/support python benchmarks/stress_tests.py [FILE|FOLDER ...] [--runs 20]
           [--at-once 2] [--burn 4] [--logs out/stress] [--json benchmarks/reliability.json]

Every file of tests runs once, then every file again, and so on: however early it is ended, all have
about as many runs. Beside them processes burn CPU. A run that fails leaves its log in --logs, and
what every process of ROS wrote. After each run its outcome is added to those in ``stress`` of the
JSON file; what is there counts: the command goes on until every file has run so often. Exit status
1 if any test failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any
from xml.etree import ElementTree

import torch
from ros_domain import own_domain
from ros_graph import ROOT

from beside import beside
from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.files import read_json, write_json
from tried import commit

_ROOMS = ('test/node', 'test/rig', 'test/demo', 'test/graph_benchmark', 'test/doctor')
_LIMIT_S = 3600.0  # after which a run hangs, and is ended


@dataclass(frozen=True)
class Run:
    """One run of a file of tests: how many passed, the names of the others, seconds, load."""

    file: str
    passed: int
    failed: tuple[str, ...]
    seconds: float
    load: float

    def __str__(self) -> str:
        outcome = f'{self.passed} passed in {self.seconds:.0f} s at a load of {self.load:.1f}'
        return f'{outcome}; FAILED: {", ".join(self.failed)}' if self.failed else outcome


def main() -> int:
    """Run the tests, print what each run came to; return 0 if none failed."""
    options = _parse()
    options.logs.mkdir(parents=True, exist_ok=True)
    files = [file for path in options.paths for file in _files(path)]
    code, lock = commit(), Lock()

    def run(number: int, file: str) -> Run:
        came = _run(file, options.logs / f'{Path(file).stem}_{number}')
        with lock:
            print(f'{file}: {came}', flush=True)
            if options.json:
                _keep(options.json, code, came)
        return came

    burners = [[sys.executable, '-c', 'while True: pass']] * options.burn
    with beside(burners), ThreadPoolExecutor(options.at_once) as pool:
        done = [pool.submit(run, number, file) for number, file in _rounds(options, files)]
    return int(any(future.result().failed for future in done))


def _rounds(options: argparse.Namespace, files: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Give each run that is left to do, as its number and file; files with fewest runs first."""
    kept = read_json(options.json) if options.json and options.json.exists() else {}
    rows = kept.get('stress', {}).get('files', {})
    begin = [rows.get(file, {}).get('runs', 0) for file in files]
    for number in range(options.runs):
        yield from ((number, file) for file, first in zip(files, begin) if first <= number)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('paths', nargs='*', default=_ROOMS, help='files or folders of tests')
    parser.add_argument('--runs', type=int, default=20, help='of each file, with those in --json')
    parser.add_argument('--at-once', type=int, default=2, help='runs beside each other')
    parser.add_argument('--burn', type=int, default=4, help='processes that burn CPU')
    parser.add_argument('--logs', type=Path, default=Path('out/stress'), help='of runs that fail')
    parser.add_argument('--json', type=Path, help='file that takes the result')
    return parser.parse_args()


def _files(path: str) -> list[str]:
    return sorted(map(str, Path(path).glob('test_*.py'))) if Path(path).is_dir() else [path]


def _run(file: str, logs: Path) -> Run:
    """Run one file of tests in ROS domains of its own; keep its logs only if it fails."""
    logs.mkdir()
    report = logs / 'report.xml'
    command = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '-o', 'log_level=DEBUG']
    command += [f'--basetemp={logs}/tmp', f'--junitxml={report}', file]
    begin = time.monotonic()
    with own_domain() as domain, (logs / 'pytest.log').open('w') as log:
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'ROS_LOG_DIR': f'{logs}/ros'}
        # A session of its own: Linux shares CPU among sessions, and what it left is ended with it.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LIMIT_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    seconds = time.monotonic() - begin
    passed, failed = _outcome(report)
    if not failed:
        shutil.rmtree(logs)
    return Run(file, passed, failed, seconds, os.getloadavg()[0])


def _outcome(report: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many tests passed and which did not, by pytest's report."""
    if not report.exists():
        return 0, ('no report',)
    passed, failed = 0, []
    for case in ElementTree.parse(report).iter('testcase'):
        kinds = {child.tag for child in case}
        if kinds & {'failure', 'error'}:
            failed.append(case.get('name', '?'))
        elif 'skipped' not in kinds:
            passed += 1
    return passed, tuple(failed)


def _keep(result: Path, code: str, run: Run) -> None:
    kept = read_json(result) if result.exists() else {}
    stress = kept.setdefault('stress', {'files': {}})
    add(stress['files'], code, run)
    rows = stress['files'].values()
    stress |= {name: sum(row[name] for row in rows) for name in ('runs', 'failed_runs')}
    stress |= {'date': date.today().isoformat(), 'machine': machine(torch.device('cpu'))}
    write_json(result, kept)


def add(files: dict[str, Any], code: str, run: Run) -> None:
    """Add a run to those of its file: how many, how many failed, which tests how often."""
    row = files.setdefault(
        run.file, {'runs': 0, 'failed_runs': 0, 'tests_failed': {}, 'outcomes': []}
    )
    row['runs'] += 1
    row['failed_runs'] += bool(run.failed)
    row['tests_failed'] = dict(Counter(row['tests_failed']) + Counter(run.failed))
    row['outcomes'].append(f'{code}: {run}')


if __name__ == '__main__':
    sys.exit(main())
