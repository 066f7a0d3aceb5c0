"""benchmarks/stress_tests.py on files of tests that pass, fail and end their process."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from benchmark_scripts import load_script

from beside import beside

GOOD = 'def test_good(): pass\n'
BAD = 'import os\ndef test_bad(): assert int(os.environ["ROS_DOMAIN_ID"]) == 0\n'
FATAL = 'import os\ndef test_fatal(): os._exit(3)\n'


@pytest.fixture
def stress(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_script('stress_tests', monkeypatch)


def test_every_file_runs_so_often_and_what_fails_is_named(
    stress: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, logs, result = tmp_path / 'tests', tmp_path / 'logs', tmp_path / 'reliability.json'
    folder.mkdir()
    for name, text in {'good': GOOD, 'bad': GOOD + BAD, 'fatal': FATAL}.items():
        (folder / f'test_{name}.py').write_text(text)
    result.write_text('{"other": 1}')
    arguments = [str(folder), '--runs=2', '--burn=1', f'--logs={logs}', f'--json={result}']
    monkeypatch.setattr(sys, 'argv', ['stress_tests.py', *arguments])
    assert stress.main() == 1
    kept = json.loads(result.read_text())
    assert kept['other'] == 1
    assert (kept['stress']['runs'], kept['stress']['failed_runs']) == (6, 4)
    files = {Path(name).stem: figures for name, figures in kept['stress']['files'].items()}
    assert files['test_good']['tests_failed'] == {}
    assert files['test_bad']['tests_failed'] == {'test_bad': 2}
    assert files['test_fatal']['tests_failed'] == {'no report': 2}
    assert all(len(f['outcomes']) == f['runs'] == 2 for f in files.values())
    assert re.fullmatch(
        r'[0-9a-f]+(-dirty)?: 1 passed in \d+ s at a load of [\d.]+; FAILED: test_bad',
        files['test_bad']['outcomes'][1],
    )
    # It goes on: two runs of the file are kept.
    more = [str(folder / 'test_good.py'), '--runs=3', f'--logs={tmp_path}/more', arguments[-1]]
    monkeypatch.setattr(sys, 'argv', ['stress_tests.py', *more])
    assert stress.main() == 0
    assert json.loads(result.read_text())['stress']['runs'] == 7
    # Logs of runs that failed, and of no others.
    kept_logs = {path.name for path in logs.iterdir()}
    assert kept_logs == {f'test_{name}_{run}' for name in ('bad', 'fatal') for run in (0, 1)}
    assert 'assert int(' in (logs / 'test_bad_0' / 'pytest.log').read_text()


def test_the_processes_that_run_beside_end() -> None:
    def children() -> set[str]:
        tasks = Path(f'/proc/{os.getpid()}/task').iterdir()
        return {pid for task in tasks for pid in (task / 'children').read_text().split()}

    before = children()
    with beside([[sys.executable, '-c', 'while True: pass']] * 2):
        assert len(children() - before) == 2
    assert children() == before
