"""Faults of processes and of the machine; each returns numbers, or raises AssertionError."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from node_under_fault import NodeUnderFault, Setting, node_under_fault, process_status
from patience import PATIENCE
from ros_graph import ROOT, DepthProcess, picture

from s2r_depth_ros.transport import profile_environment

_ENDS_IN_S = 15.0  # five, on a machine that much else keeps busy
# So large that a frame, and the warm-up, take some tenths of a second.
_SLOW = {'input_height': 512, 'input_width': 640}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def signals_at_start(setting: Setting, count: int, until: float = 4.0) -> dict[str, Any]:
    """Signals at ``count`` moments of the first seconds, when most is imported."""
    ends: Counter[str] = Counter()
    slowest = 0.0
    for index in range(count):
        name = f'started_{index}'
        log = setting.folder / f'{name}.log'
        process = DepthProcess(setting.domain, log, f'/{name}', {'model': setting.model})
        try:
            time.sleep(until * index / count)
            handled = _handles_signals(process.process.pid)
            seconds, status = _end(process, _SIGNALS[index % 2])
        finally:
            process.process.kill()
        # Before the package's own code runs, Python does what it does without it.
        ends[f'exit status {status}' if handled else 'before the package runs'] += 1
        assert not handled or (status == 0 and 'Traceback' not in process.log), (
            index, status, process.log,
        )  # fmt: skip
        slowest = max(slowest, seconds)
    return {'times': count, 'ends': dict(ends), 'seconds_to_end_at_most': round(slowest, 2)}


def signals_at_work(setting: Setting, count: int) -> dict[str, Any]:
    """Signals while the model is loaded, while a frame is inferred, and while the node ends."""
    slowest: dict[str, float] = {}
    for index in range(count):
        for phase in ('configure', 'inference', 'shutdown'):
            parameters = {**_SLOW, 'autostart': phase != 'configure', 'publish_always': True}
            with node_under_fault(setting, f'{phase}_{index}', parameters, rate=10) as node:
                _reach(node, phase)
                if phase == 'shutdown':
                    node.process.process.send_signal(signal.SIGTERM)
                    time.sleep(0.05 * index)
                seconds, status = _end(node.process, _SIGNALS[index % 2])
                assert status == 0, (phase, status, node.process.log)
                assert 'Traceback' not in node.process.log, node.process.log
                slowest[phase] = max(slowest.get(phase, 0.0), round(seconds, 2))
    return {'times_each': count, 'exit_status': 0, 'seconds_to_end_at_most': slowest}


def camera_is_killed(setting: Setting, count: int) -> dict[str, Any]:
    """The camera's process is killed, and another one comes."""
    still = setting.folder / 'still.npy'
    np.save(still, picture())
    remapped = ('-r', 'image:=camera/image_raw', '-r', 'camera_info:=camera/camera_info')
    seconds = []
    with node_under_fault(setting, 'killed', {'autostart': True}, *remapped) as node:
        for _ in range(count + 1):
            begin = time.monotonic()
            camera = subprocess.Popen(
                [sys.executable, '-m', 's2r_depth_ros.graph_benchmark.still_camera', str(still),
                 '--rate=10', '--frames=1000000', '--namespace=/killed'],
                cwd=ROOT, env={**os.environ, 'ROS_DOMAIN_ID': str(setting.domain)},
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                node.until_depth('of the next camera', 1)
                seconds.append(round(time.monotonic() - begin, 2))
            finally:
                camera.kill()
                camera.wait()
            node.graph.until_status(lambda s, _: s.message.startswith('no image on'), 'its absence')
        return {'times': count, 'seconds_to_depth_at_most': max(seconds[1:]), **node.end()}


def disk_is_full(setting: Setting, megabytes: int) -> dict[str, Any]:
    """A recording of the demo has a file system of so many megabytes for its bag."""
    folder = setting.folder / 'small_disk'
    folder.mkdir()
    command = (
        f'mount -t tmpfs -o size={megabytes}m tmpfs {shlex.quote(str(folder))} && exec '
        f'{shlex.quote(sys.executable)} -m s2r_depth_ros demo --out {shlex.quote(str(folder))}/demo'
    )
    begin = time.monotonic()
    done = _in_namespace('--mount', command, dict(os.environ))
    said = [line for line in done.stderr.splitlines() if 'No space left' in line]
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert said, done.stderr
    assert 'Traceback' not in done.stderr, done.stderr
    return {
        'megabytes': megabytes, 'exit_status': done.returncode, 'said': said[0][-200:],
        'seconds': round(time.monotonic() - begin, 1),
    }  # fmt: skip


# What /dev/shm may be, as commands that make it so.
_SHM = {
    '1 MB': 'mount -t tmpfs -o size=1m tmpfs /dev/shm',
    '20 MB': 'mount -t tmpfs -o size=20m tmpfs /dev/shm',
    '64 MB, as in Docker': 'mount -t tmpfs -o size=64m tmpfs /dev/shm',
    'read-only': 'mount -t tmpfs -o size=64m,ro tmpfs /dev/shm',
}


def small_shared_memory(
    setting: Setting, _times: int, kinds: Sequence[str] = tuple(_SHM)
) -> dict[str, Any]:
    """Shared memory that is too small, full or read-only; what comes of 640x480 clouds."""
    results = {kind: _probe(setting, '--mount', _SHM[kind]) for kind in kinds}
    return results | {'full': _node_without_memory()}


def _node_without_memory() -> dict[str, Any]:
    """Return how a node ends where shared memory is full; nothing else of ROS runs there at all."""
    command = (
        'mount -t tmpfs -o size=1m tmpfs /dev/shm && (cat /dev/zero > /dev/shm/x || true) && exec '
        f'{shlex.quote(sys.executable)} -m s2r_depth_ros node'
    )
    done = _in_namespace('--mount', command, dict(os.environ))
    assert done.returncode == 2, (done.returncode, done.stderr)
    said = done.stderr.splitlines()[-1]
    assert '/dev/shm is full' in said, done.stderr
    return {'exit_status': done.returncode, 'said': said}


def no_multicast(setting: Setting, _times: int) -> dict[str, Any]:
    """A network of its own whose loopback has no multicast; what is found and arrives there."""
    return _probe(setting, '--net', 'ip link set lo up && ip link set lo multicast off')


def _probe(setting: Setting, namespace: str, prepare: str) -> dict[str, Any]:
    """Return what test/support/arrival_probe.py tells from within a namespace."""
    probe = Path(__file__).with_name('arrival_probe.py')
    environment = {**os.environ, **profile_environment(os.environ)}
    environment.pop('FASTDDS_BUILTIN_TRANSPORTS', None)
    environment['ROS_DOMAIN_ID'] = str(setting.domain)
    environment['PYTHONPATH'] = str(ROOT)
    command = f'({prepare}) 2>/dev/null; exec {shlex.quote(sys.executable)} {probe} {setting.model}'
    done = _in_namespace(namespace, command, environment)
    assert done.returncode == 0, (done.returncode, done.stderr)
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert facts['depths'] > 0, facts
    assert facts['clouds'] > 0, facts
    assert facts['exit_status'] == 0, facts
    return facts


def _in_namespace(
    kind: str, command: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['unshare', kind, 'sh', '-c', command],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip


def _handles_signals(pid: int) -> bool:
    """Return whether a process has handlers of both signals: those of Python handle but SIGINT."""
    mask = int(process_status(pid)['SigCgt'], 16)
    return all(mask >> (number - 1) & 1 for number in _SIGNALS)


def _reach(node: NodeUnderFault, phase: str) -> None:
    """Wait until the node is in a phase."""
    if phase == 'configure':
        # An answer proves that the request that follows is not lost.
        assert not node.graph.change('no such transition')
        node.graph.request('configure')
        node.graph.until(lambda: node.graph.state() == 'configuring', 'configuring')
    else:
        node.graph.until_status(
            lambda _, values: int(values.get('frames published', 0)) > 0, 'a published frame'
        )


def _end(process: DepthProcess, by: signal.Signals) -> tuple[float, int]:
    """Send a signal; return the seconds until the end, and the exit status."""
    begin = time.monotonic()
    status = process.end(by)
    seconds = time.monotonic() - begin
    assert seconds < _ENDS_IN_S, process.log
    return seconds, status
