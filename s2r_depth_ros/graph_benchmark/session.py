"""One run of a graph: cameras, depth nodes and a subscriber for each camera, as processes.

Latency is from the stamp, which the camera sets just before it publishes, to the arrival of the
serialised message in the subscriber's process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.graph_benchmark import still_camera, subscriber
from s2r_depth_ros.graph_benchmark.usage import Usage, usage
from s2r_depth_ros.rig.environment import ros_environment
from s2r_depth_ros.rig.events import Event
from s2r_depth_ros.rig.process_group import ProcessGroup

# Only of the subscriber: glibc keeps the memory of a cloud for the next one. Otherwise rclpy's
# copies of 5 MB cost it 12 ms a frame in page faults, and the processes measured that much CPU.
_MALLOC = {'MALLOC_MMAP_THRESHOLD_': '67108864', 'MALLOC_TRIM_THRESHOLD_': '268435456'}


@dataclass(frozen=True)
class Schedule:
    """How long a run is: frames of each camera, frames per second.

    patience_s: longest silence of all processes, which load torch on a busy machine. drain_s: time
    for the last frames to come through.
    """

    frames: int = 300
    rate_hz: float = 30.0
    patience_s: float = 90.0
    drain_s: float = 1.5


SCHEDULE = Schedule()
_PARTS = 5  # of a run, whose memory is looked at by itself


@dataclass(frozen=True)
class PlayedCamera:
    """A camera that is played, with its subscriber.

    namespace: of its topics, '/' or '/NAME'. node: full name of the depth node that serves it.
    status: name of the DiagnosticStatus that tells its inference time.
    """

    namespace: str
    node: str
    status: str


@dataclass(frozen=True)
class GraphRun:
    """What a run gave.

    stamps: of each camera's frames, in ns. results: what each camera's subscriber wrote: arrivals,
    and the values of the camera's last status.
    start_s: seconds from the start of the first process until every node was active. cpu_percent
    and rss_mib_*: of all depth nodes together; memory is the median over a fifth of the frames,
    settled: the second, last: the last, as that of large images moves with each frame.
    """

    stamps: list[list[int]]
    results: list[dict[str, Any]]
    start_s: float
    cpu_percent: float
    rss_mib_settled: float
    rss_mib_last: float


def play_graph(
    nodes: Sequence[Sequence[str]],
    cameras: Sequence[PlayedCamera],
    image: NDArray[np.uint8],
    folder: Path,
    schedule: Schedule,
) -> GraphRun:
    """Play ``image``, uint8 [H, W, 3], with every camera; ``folder`` is for files in between.

    nodes: the ROS arguments of each depth node. Raises ProcessError if a process fails.
    """
    picture = folder / 'image.npy'
    np.save(picture, image)
    names = [f'node_{index}' for index in range(len(nodes))]
    results = [folder / f'result_{index}.json' for index in range(len(cameras))]
    environment = ros_environment() | {'OMP_NUM_THREADS': str(torch.get_num_threads())}
    with ProcessGroup(folder, environment, suspects=names) as processes:
        began = time.monotonic()
        pids = [
            processes.start(name, ['s2r_depth_ros', 'node', '--ros-args', *arguments])
            for name, arguments in zip(names, nodes)
        ]
        for index, (camera, result) in enumerate(zip(cameras, results)):
            arguments = _subscriber_command(camera, result)
            processes.start(f'subscriber_{index}', arguments, **_MALLOC)
        for _ in cameras:
            _wait_for(processes, 'ready', schedule)
        start_s = time.monotonic() - began
        stamps, parts = _play_frames(processes, cameras, pids, picture, schedule)
        processes.pause(schedule.drain_s)
    return GraphRun(
        stamps=stamps,
        results=[json.loads(result.read_text()) for result in results],
        start_s=start_s,
        # 100 is one core.
        cpu_percent=100 * sum(p.cpu_s for p in parts) / sum(p.seconds for p in parts),
        rss_mib_settled=parts[1].rss_mib,
        rss_mib_last=parts[-1].rss_mib,
    )


@dataclass(frozen=True)
class _Measured:
    """What the nodes used in a part of the frames, and when (s) it was looked at, in order."""

    used: Sequence[Usage]
    times: Sequence[float]

    @property
    def cpu_s(self) -> float:
        """CPU seconds from the first to the last look."""
        return self.used[-1].cpu_s - self.used[0].cpu_s

    @property
    def seconds(self) -> float:
        """Time from the first to the last look."""
        return self.times[-1] - self.times[0]

    @property
    def rss_mib(self) -> float:
        """The median."""
        return median(each.rss_mib for each in self.used)


def _play_frames(
    processes: ProcessGroup,
    cameras: Sequence[PlayedCamera],
    pids: Sequence[int],
    picture: Path,
    schedule: Schedule,
) -> tuple[list[list[int]], list[_Measured]]:
    """Return the stamps (ns) of each camera's frames, and what the nodes used in each part."""
    stamps: dict[str, list[int]] = {}
    for index, camera in enumerate(cameras):
        stamps[f'camera_{index}'] = []
        processes.start(f'camera_{index}', _camera_command(camera, picture, schedule))

    def take(count: int) -> _Measured:
        used, times = [], []
        for _ in range(count):
            name, event = _wait_for(processes, 'frame', schedule)
            stamps[name].append(event['stamp'])
            used.append(usage(pids))
            times.append(time.monotonic())
        return _Measured(used, times)

    total = schedule.frames * len(cameras)
    ends = [total * part // _PARTS for part in range(_PARTS + 1)]
    parts = [take(end - begin) for begin, end in pairwise(ends)]
    return list(stamps.values()), parts


def _wait_for(processes: ProcessGroup, kind: str, schedule: Schedule) -> tuple[str, Event]:
    """Return the next event of a kind, and whose it is."""
    while True:
        name, event = processes.next_event(schedule.patience_s)
        if event['event'] == kind:
            return name, event


def _subscriber_command(camera: PlayedCamera, result: Path) -> list[str]:
    return [
        subscriber.__name__,
        str(result),
        f'--namespace={camera.namespace}',
        f'--node={camera.node}',
        f'--status={camera.status}',
    ]


def _camera_command(camera: PlayedCamera, picture: Path, schedule: Schedule) -> list[str]:
    return [
        still_camera.__name__,
        str(picture),
        f'--rate={schedule.rate_hz}',
        f'--frames={schedule.frames}',
        f'--namespace={camera.namespace}',
    ]
