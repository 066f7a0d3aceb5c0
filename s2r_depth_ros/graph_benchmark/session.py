"""The processes of one run: cameras, depth nodes and a subscriber for each camera.

Latency is from the stamp, which the camera sets just before it publishes, to the arrival of the
serialised message in the subscriber's process.
"""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from s2r_depth_ros.rig.environment import ros_environment
from s2r_depth_ros.rig.processes import Child, ProcessError

RATE_HZ = 30.0
_FRAMES = 300
_PACKAGE = 's2r_depth_ros.graph_benchmark'
# Longest silence: loading torch on a busy machine.
_PATIENCE = 90.0
# Only of the subscriber: glibc keeps the memory of a cloud for the next one. Otherwise rclpy's
# copies of 5 MB cost it 12 ms a frame in page faults, and the processes measured that much CPU.
_MALLOC = {'MALLOC_MMAP_THRESHOLD_': '67108864', 'MALLOC_TRIM_THRESHOLD_': '268435456'}
# For the last frames to come through.
_DRAIN = 1.5


@dataclass(frozen=True)
class Camera:
    """A camera that is played, with its subscriber.

    namespace: of its topics, '/' or '/NAME'. node: full name of the depth node that serves it.
    status: name of the DiagnosticStatus that tells its inference time.
    """

    namespace: str
    node: str
    status: str


@dataclass(frozen=True)
class Usage:
    """CPU seconds used so far and resident MiB, of one or more processes."""

    cpu_s: float
    rss_mib: float


@dataclass(frozen=True)
class Run:
    """What a run gave.

    stamps: of each camera's frames, in ns. results: what each camera's subscriber wrote.
    start_s: seconds from the start of the first process until every node was active.
    """

    stamps: list[list[int]]
    results: list[dict[str, Any]]
    start_s: float
    cpu_percent: float
    rss_mib_settled: float
    rss_mib_last: float


class _Processes:
    """Children by name; all are ended at the end of the ``with`` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._events: queue.Queue[tuple[str, dict[str, Any] | None]] = queue.Queue()
        self._environment = ros_environment() | {'OMP_NUM_THREADS': str(torch.get_num_threads())}
        self._children: dict[str, Child] = {}

    def __enter__(self) -> _Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children.values():
            child.interrupt()
        for child in self._children.values():
            child.stop(10.0)

    def start(self, name: str, *arguments: str, **variables: str) -> int:
        """Start ``python -m ARGUMENTS`` and return its process id."""
        log = self._folder / f'{name}.log'
        environment = self._environment | variables
        self._children[name] = Child(name, arguments, log, environment, self._events)
        return self._children[name].pid

    def wait_for(self, kind: str) -> tuple[str, dict[str, Any]]:
        """Return the next event of a kind, and whose it is.

        Raises ProcessError if a process ends or all are silent.
        """
        while True:
            try:
                name, event = self._events.get(timeout=_PATIENCE)
            except queue.Empty:
                words = '\n'.join(child.last_words() for child in self._children.values())
                raise ProcessError(f'no {kind} for {_PATIENCE:g} s', words) from None
            if event is None:
                child = self._children[name]
                raise ProcessError(
                    f'the {name} process ended with status {child.status}', child.last_words()
                )
            if event['event'] == kind:
                return name, event


def play(nodes: Sequence[Sequence[str]], cameras: Sequence[Camera], folder: Path) -> Run:
    """Play ``folder``/image.npy with every camera at 30 Hz for 10 s.

    nodes: the ROS arguments of each depth node. Raises ProcessError if a process fails.
    """
    results = [folder / f'result_{index}.json' for index in range(len(cameras))]
    with _Processes(folder) as processes:
        began = time.monotonic()
        pids = [
            processes.start(f'node_{index}', 's2r_depth_ros', 'node', '--ros-args', *arguments)
            for index, arguments in enumerate(nodes)
        ]
        for index, (camera, result) in enumerate(zip(cameras, results)):
            processes.start(
                f'subscriber_{index}', f'{_PACKAGE}.subscriber', str(result),
                f'--namespace={camera.namespace}', f'--node={camera.node}',
                f'--status={camera.status}', **_MALLOC,
            )  # fmt: skip
        for _ in cameras:
            processes.wait_for('ready')
        start_s = time.monotonic() - began
        stamps, usages, seconds = _play_frames(processes, cameras, pids, folder)
        time.sleep(_DRAIN)
    first, settled, last = usages
    return Run(
        stamps=stamps,
        results=[json.loads(result.read_text()) for result in results],
        start_s=start_s,
        cpu_percent=100 * (last.cpu_s - first.cpu_s) / seconds,
        rss_mib_settled=settled.rss_mib,
        rss_mib_last=last.rss_mib,
    )


def _play_frames(
    processes: _Processes, cameras: Sequence[Camera], pids: Sequence[int], folder: Path
) -> tuple[list[list[int]], tuple[Usage, Usage, Usage], float]:
    """Return the stamps, the nodes' usage at first, after a third and at last, and the seconds."""
    stamps: dict[str, list[int]] = {}
    for index, camera in enumerate(cameras):
        stamps[f'camera_{index}'] = []
        processes.start(
            f'camera_{index}', f'{_PACKAGE}.camera', str(folder / 'image.npy'),
            f'--rate={RATE_HZ}', f'--frames={_FRAMES}', f'--namespace={camera.namespace}',
        )  # fmt: skip

    def take(count: int) -> Usage:
        for _ in range(count):
            name, event = processes.wait_for('frame')
            stamps[name].append(event['stamp'])
        return usage(pids)

    total = _FRAMES * len(cameras)
    first, began = take(1), time.monotonic()
    settled = take(total // 3)
    last = take(total - total // 3 - 1)
    return list(stamps.values()), (first, settled, last), time.monotonic() - began


def usage(pids: Sequence[int]) -> Usage:
    """Return what processes used together, from /proc."""
    ticks = pages = 0
    for pid in pids:
        fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
        pages += int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return Usage(ticks / os.sysconf('SC_CLK_TCK'), pages * os.sysconf('SC_PAGE_SIZE') / 2**20)


def costs(run: Run) -> Mapping[str, float]:
    """Return what the nodes of a run took together, rounded."""
    return {
        'cpu_percent': round(run.cpu_percent),
        'rss_mib_settled': round(run.rss_mib_settled),
        'rss_mib_last': round(run.rss_mib_last),
    }
