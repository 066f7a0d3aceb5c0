"""The processes of a run: followed by their events, ended whatever happens."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from s2r_depth_ros.rig.process_group import ProcessError, ProcessGroup, SilenceError

READY = '{"event": "ready"}'


@pytest.fixture
def group(tmp_path: Path, child_environment: dict[str, str]) -> ProcessGroup:
    return ProcessGroup(tmp_path, child_environment, suspects=['node'])


def start(group: ProcessGroup, name: str, *steps: str) -> int:
    """Start a process, and return its id when it runs."""
    pid = group.start(name, ['scripted_child', READY, *steps])
    assert group.next_event(PATIENCE) == (name, {'event': 'ready'})
    return pid


def is_running(pid: int) -> bool:
    """Return whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_processes_have_ended_after_the_block(group: ProcessGroup) -> None:
    with group:
        pids = [start(group, name, 'wait') for name in ('a', 'b')]
        assert all(is_running(pid) for pid in pids)
    assert not any(is_running(pid) for pid in pids)


def test_all_processes_have_ended_after_an_error(group: ProcessGroup) -> None:
    pids = []

    def fail() -> None:
        with group:
            pids.append(start(group, 'a', 'wait'))
            raise ValueError('mine')

    with pytest.raises(ValueError, match='mine'):
        fail()
    assert not is_running(pids[0])


def test_stop_tells_the_exit_statuses(group: ProcessGroup) -> None:
    with group:
        start(group, 'a', 'wait')
        start(group, 'b', 'wait', 'exit=4')
        assert group.stop() == {'a': 0, 'b': 4}


def test_a_process_has_its_own_variables_and_log(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    with ProcessGroup(tmp_path, child_environment) as group:
        group.start('a', ['timeit', '-n1', '-r1', 'import os; print(os.environ["MINE"])'], MINE='x')
        with pytest.raises(ProcessError, match='the a process ended with status 0'):
            group.next_event(PATIENCE)
    assert (tmp_path / 'a.log').read_text().startswith('x\n')


def test_a_process_that_ends_is_named_with_the_suspects_log(group: ProcessGroup) -> None:
    with group:
        start(group, 'node', 'no such model', 'wait')
        start(group, 'player', 'nobody listens', 'exit=3')
        with pytest.raises(ProcessError) as caught:
            group.next_event(PATIENCE)
    assert caught.value.what == 'the player process ended with status 3'
    assert 'the last lines of its log are above' in str(caught.value)
    words = caught.value.last_words.splitlines()
    assert [line.strip() for line in words[1::2]] == ['nobody listens', 'no such model']


def test_a_failure_is_told_in_the_words_of_the_process(group: ProcessGroup) -> None:
    with group:
        start(group, 'node', '{"event": "failed", "reason": "no model"}', 'exit=1')
        with pytest.raises(ProcessError) as caught:
            group.next_event(PATIENCE)
    assert caught.value.what == 'no model'
    assert caught.value.last_words.count('node (') == 1


def test_silence_is_an_error_with_all_logs(group: ProcessGroup) -> None:
    with group:
        start(group, 'a', 'hello of a', 'wait')
        start(group, 'b', 'hello of b', 'wait')
        with pytest.raises(SilenceError) as caught:
            group.next_event(0.5)
    assert caught.value.what == 'nothing has happened for 0.5 s'
    assert 'hello of a' in caught.value.last_words
    assert 'hello of b' in caught.value.last_words


def test_a_pause_lasts_and_passes_events_over(group: ProcessGroup) -> None:
    with group:
        start(group, 'a', READY, READY, 'wait')
        began = time.monotonic()
        group.pause(0.5)
        assert time.monotonic() - began >= 0.5
        with pytest.raises(SilenceError):
            group.next_event(0.1)


def test_a_pause_ends_when_a_process_ends(group: ProcessGroup) -> None:
    with group:
        start(group, 'a', 'exit=3')
        with pytest.raises(ProcessError, match='the a process ended with status 3'):
            group.pause(PATIENCE)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_what_waits_for_events(
    group: ProcessGroup, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    pids = []

    def run() -> None:
        with group:
            pids.append(start(group, 'a', 'wait'))
            signal.raise_signal(number)
            pids.append(start_unheard(group))  # nothing but the wait for events is interrupted
            group.next_event(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(pids) == 2
    assert not any(is_running(pid) for pid in pids)
    assert signal.getsignal(number) is before


def start_unheard(group: ProcessGroup) -> int:
    """Start a process, and return its id without waiting for an event of it."""
    return group.start('unheard', ['scripted_child', 'wait'])


def test_a_signal_that_nobody_waited_for_is_told_at_the_end(group: ProcessGroup) -> None:
    pids = []

    def run() -> None:
        with group:
            pids.append(start(group, 'a', 'wait'))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert not is_running(pids[0])
