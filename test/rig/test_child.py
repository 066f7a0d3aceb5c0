"""One child process: its events, its log, its end."""

from __future__ import annotations

import queue
import signal
from pathlib import Path

import pytest
from patience import PATIENCE

from s2r_depth_ros.rig.child import Child, EventQueue, last_lines

EVENT = '{"event": "ready", "number": 7}'


def start(
    log: Path, environment: dict[str, str], *steps: str, name: str = 'child'
) -> tuple[Child, EventQueue]:
    events: EventQueue = queue.SimpleQueue()
    return Child(name, ['scripted_child', *steps], log, environment, events), events


def test_events_are_told_and_other_output_is_logged(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    log = tmp_path / 'child.log'
    child, events = start(log, child_environment, 'hello', EVENT, '[1, 2]', 'exit=3')
    assert events.get(timeout=PATIENCE) == ('child', {'event': 'ready', 'number': 7})
    assert events.get(timeout=PATIENCE) == ('child', None)
    assert child.stop(1.0) == child.status == 3
    assert log.read_text() == 'hello\n[1, 2]\n'
    assert child.last_words() == f'child ({log}):\n    hello\n    [1, 2]'


def test_why_it_failed_is_told_though_the_log_has_no_room(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    full = Path('/dev/full')
    if not full.exists():
        pytest.skip('this machine has no /dev/full')
    failed = '{"event": "failed", "reason": "No space left on device"}'
    child, events = start(full, child_environment, 'hello', failed, 'exit=1')
    while events.get(timeout=PATIENCE)[1] is not None:
        pass
    assert child.stop(1.0) == 1
    log = tmp_path / 'empty.log'
    child, events = start(log, child_environment, failed, 'exit=1')
    while events.get(timeout=PATIENCE)[1] is not None:
        pass
    child.stop(1.0)
    assert child.last_words() == (
        f'child ({log}):\n    (it printed nothing)\n    No space left on device'
    )


def test_an_interrupted_child_may_end_by_itself(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    child, events = start(tmp_path / 'log', child_environment, EVENT, 'wait', 'late', 'exit=5')
    events.get(timeout=PATIENCE)
    assert child.status is None
    child.interrupt()
    assert child.stop(30.0) == 5
    assert (tmp_path / 'log').read_text() == 'late\n'
    child.interrupt()  # does nothing


def test_a_deaf_child_is_killed(tmp_path: Path, child_environment: dict[str, str]) -> None:
    child, events = start(tmp_path / 'log', child_environment, 'deaf', EVENT, 'wait')
    events.get(timeout=PATIENCE)
    child.interrupt()
    assert child.stop(0.2) == -signal.SIGKILL


def test_only_the_last_lines_of_a_log_are_shown(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    log.write_text(''.join(f'line {number}\n' for number in range(100)))
    assert last_lines(log).splitlines()[-1] == '    line 99'
    assert len(last_lines(log).splitlines()) == 12
    log.write_text('')
    assert last_lines(log) == '    (it printed nothing)'
