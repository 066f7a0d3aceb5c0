"""Runs camera, node and subscriber as three processes and takes their times.

Latency is from the stamp, which the camera sets just before it publishes, to the arrival of the
serialised message in the subscriber's process.
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.inference.benchmark import Case
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.demo.camera_player import IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.node.demo.demo import NODE, ros_environment
from s2r_depth_ros.node.demo.processes import Child, ProcessError

RATE_HZ = 30.0
_FRAMES = 300
_PACKAGE = 's2r_depth_ros.node.benchmark'
# Longest silence: loading torch on a busy machine.
_PATIENCE = 90.0
# Only of the subscriber: glibc keeps the memory of a cloud for the next one. Otherwise rclpy's
# copies of 5 MB cost it 12 ms a frame in page faults, and the processes measured that much CPU.
_MALLOC = {'MALLOC_MMAP_THRESHOLD_': '67108864', 'MALLOC_TRIM_THRESHOLD_': '268435456'}
# For the last frames to come through.
_DRAIN = 1.5


def measure(
    case: Case, image: NDArray[np.uint8], size: tuple[int, int], device: str
) -> dict[str, Any]:
    """Play ``image`` at 30 Hz for 10 s to a node running ``case``; return the figures.

    size: (height, width) of the network's input. Raises ProcessError if a process fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / 'image.npy', image)
        return {'case': case.label, **_run(_parameters(case, size, device), folder)}


def _run(parameters: Sequence[str], folder: Path) -> dict[str, Any]:
    events: queue.Queue[tuple[str, dict[str, Any] | None]] = queue.Queue()
    environment = ros_environment() | {'OMP_NUM_THREADS': str(torch.get_num_threads())}
    children: dict[str, Child] = {}

    def start(name: str, *arguments: str, **variables: str) -> Child:
        log = folder / f'{name}.log'
        children[name] = Child(name, arguments, log, environment | variables, events)
        return children[name]

    try:
        began = time.monotonic()
        node = start('node', 's2r_depth_ros', 'node', '--ros-args', *parameters)
        result_file = folder / 'result.json'
        start('subscriber', f'{_PACKAGE}.subscriber', str(result_file), f'--node={NODE}', **_MALLOC)
        _await('ready', events, children)
        ready = time.monotonic()
        start(
            'camera', f'{_PACKAGE}.camera', str(folder / 'image.npy'),
            f'--rate={RATE_HZ}', f'--frames={_FRAMES}',
        )  # fmt: skip
        stamps = [_await('frame', events, children)['stamp']]
        before, playing = usage(node.pid), time.monotonic()
        stamps += [_await('frame', events, children)['stamp'] for _ in range(_FRAMES // 3)]
        settled = usage(node.pid)
        while len(stamps) < _FRAMES:
            stamps.append(_await('frame', events, children)['stamp'])
        after, played = usage(node.pid), time.monotonic()
        time.sleep(_DRAIN)
    finally:
        for child in children.values():
            child.interrupt()
        for child in children.values():
            child.stop(10.0)
    result = json.loads(result_file.read_text())
    return {
        'start_s': round(ready - began, 2),
        **_figures(stamps, result),
        'cpu_percent': round(100 * (after['cpu_s'] - before['cpu_s']) / (played - playing)),
        'rss_mib_settled': round(settled['rss_mib']),
        'rss_mib_last': round(after['rss_mib']),
    }


def _figures(stamps: Sequence[int], result: Mapping[str, Any]) -> dict[str, Any]:
    """Return latencies, rates and drops of the frames played."""
    figures: dict[str, Any] = {'rate_hz': RATE_HZ, 'frames': len(stamps)}
    seconds = (stamps[-1] - stamps[0]) / 1e9
    for name in (topics.DEPTH, topics.POINTS):
        arrivals = [(s, t) for s, t in result['arrivals'][name] if s >= stamps[0]]
        latency = np.array([(t - s) / 1e6 for s, t in arrivals]) if arrivals else np.array([np.nan])
        key = name.rsplit('/', 1)[-1]
        figures[key] = {
            'received': len(arrivals),
            'not_received': len(stamps) - len(arrivals),
            'frames_per_s': round(max(len(arrivals) - 1, 0) / seconds, 1),
            'first_ms': round(float(latency[0]), 1),
            **{
                f'{label}_ms': round(float(np.percentile(latency, percent)), 1)
                for label, percent in (('median', 50), ('p95', 95), ('p99', 99))
            },
        }
    inference = float(result['inference_ms'] or 'nan')
    last = figures[topics.POINTS.rsplit('/', 1)[-1]]
    figures['inference_median_ms'] = inference
    figures['overhead_median_ms'] = round(last['median_ms'] - inference, 1)
    return figures


def usage(pid: int) -> dict[str, float]:
    """Return CPU seconds used so far and resident MiB of a process, from /proc."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return {
        'cpu_s': ticks / os.sysconf('SC_CLK_TCK'),
        'rss_mib': pages * os.sysconf('SC_PAGE_SIZE') / 2**20,
    }


def format_results(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the results as a text table."""
    lines = [
        f'{"c whole graph":14}{"case":24}{"depth":>9}{"cloud":>9}{"p95":>9}{"p99":>9}'
        f'{"inference":>11}{"overhead":>10}{"frames/s":>10}{"lost":>6}{"cpu %":>7}'
        f'{"MiB":>11}{"start":>7}'
    ]
    depth, points = (name.rsplit('/', 1)[-1] for name in (topics.DEPTH, topics.POINTS))
    for row in results:
        cloud = row[points]
        lines.append(
            f'{"":14}{row["case"]:24}{row[depth]["median_ms"]:9.1f}{cloud["median_ms"]:9.1f}'
            f'{cloud["p95_ms"]:9.1f}{cloud["p99_ms"]:9.1f}{row["inference_median_ms"]:11.1f}'
            f'{row["overhead_median_ms"]:10.1f}{cloud["frames_per_s"]:10.1f}'
            f'{cloud["not_received"]:6}{row["cpu_percent"]:7}'
            f'{row["rss_mib_settled"]:>6}-{row["rss_mib_last"]}{row["start_s"]:7.1f}'
        )
    return '\n'.join([*lines, 'stamp-to-receive in ms; p95 and p99 of the cloud'])


def _parameters(case: Case, size: tuple[int, int], device: str) -> list[str]:
    parameters = {
        'model': json.dumps(str(case.model)),
        'backend': case.backend,
        'precision': case.precision,
        'input_height': size[0],
        'input_width': size[1],
        'device': device,
        'autostart': 'true',
    }
    arguments = [text for key, value in parameters.items() for text in ('-p', f'{key}:={value}')]
    return [*arguments, '-r', f'image:={IMAGE_TOPIC}', '-r', f'camera_info:={INFO_TOPIC}']


def _await(
    kind: str, events: queue.Queue[tuple[str, dict[str, Any] | None]], children: Mapping[str, Child]
) -> dict[str, Any]:
    """Return the next event of a kind. Raises ProcessError if a process ends or all are silent."""
    while True:
        try:
            name, event = events.get(timeout=_PATIENCE)
        except queue.Empty:
            words = '\n'.join(child.last_words() for child in children.values())
            raise ProcessError(f'no {kind} for {_PATIENCE:g} s', words) from None
        if event is None:
            raise ProcessError(
                f'the {name} process ended with status {children[name].status}',
                children[name].last_words(),
            )
        if event['event'] == kind:
            return event
