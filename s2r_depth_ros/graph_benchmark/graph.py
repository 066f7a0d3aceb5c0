"""Times of the whole graph: one camera, or several served by one node or by one node each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.benchmark.cases import Case
from s2r_depth_ros.graph_benchmark.session import RATE_HZ, Camera, Run, costs, play
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.camera_player import IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.rig.environment import NODE

_DEPTH, _POINTS = (name.rsplit('/', 1)[-1] for name in (topics.DEPTH, topics.POINTS))


def measure(
    case: Case, image: NDArray[np.uint8], size: tuple[int, int], device: str
) -> dict[str, Any]:
    """Play ``image`` at 30 Hz for 10 s to a node running ``case``; return the figures.

    size: (height, width) of the network's input. Raises ProcessError if a process fails.
    """
    arguments = [*_parameters(case, size, device), *_remapped('')]
    run = _run([arguments], [Camera('/', f'/{NODE}', f'/{NODE}: depth')], image)
    return {'case': case.label, 'start_s': round(run.start_s, 2), **_figures(run, 0), **costs(run)}


def measure_cameras(
    case: Case, image: NDArray[np.uint8], size: tuple[int, int], device: str, count: int
) -> list[dict[str, Any]]:
    """Play ``image`` with ``count`` cameras at once, to one node and to one node each.

    Returns a row of figures for each of the two; cpu and memory are of all nodes together.
    """
    names = [f'camera{index}' for index in range(count)]
    parameters = _parameters(case, size, device)
    remaps = [argument for name in names for argument in _remapped(f'{name}/')]
    one = [*parameters, '-p', f'cameras:={json.dumps(names)}', *remaps]
    each = [[*parameters, '-r', f'__ns:=/{name}', *_remapped('')] for name in names]
    layouts = {
        'one node': ([one], [Camera(f'/{n}', f'/{NODE}', f'/{NODE}: camera {n}') for n in names]),
        f'{count} nodes': (
            each,
            [Camera(f'/{n}', f'/{n}/{NODE}', f'/{n}/{NODE}: depth') for n in names],
        ),
    }
    rows = []
    for layout, (nodes, cameras) in layouts.items():
        run = _run(nodes, cameras, image)
        rows.append(
            {
                'case': case.label,
                'layout': layout,
                'start_s': round(run.start_s, 2),
                **costs(run),
                'cameras': [_figures(run, index) for index in range(count)],
            }
        )
    return rows


def _run(
    nodes: Sequence[Sequence[str]], cameras: Sequence[Camera], image: NDArray[np.uint8]
) -> Run:
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name) / 'image.npy', image)
        return play(nodes, cameras, Path(name))


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
    return [text for key, value in parameters.items() for text in ('-p', f'{key}:={value}')]


def _remapped(prefix: str) -> list[str]:
    """Return the rules that lead a node's input topics to those of the camera process."""
    pairs = ((topics.IMAGE, IMAGE_TOPIC), (topics.CAMERA_INFO, INFO_TOPIC))
    rules = [f'{prefix}{name}:={prefix}{other}' for name, other in pairs]
    return [text for rule in rules for text in ('-r', rule)]


def _figures(run: Run, index: int) -> dict[str, Any]:
    """Return latencies, rates and drops of the frames that one camera played."""
    stamps, result = run.stamps[index], run.results[index]
    figures: dict[str, Any] = {'rate_hz': RATE_HZ, 'frames': len(stamps)}
    seconds = (stamps[-1] - stamps[0]) / 1e9
    for name, key in ((topics.DEPTH, _DEPTH), (topics.POINTS, _POINTS)):
        arrivals = [(s, t) for s, t in result['arrivals'][name] if s >= stamps[0]]
        latency = np.array([(t - s) / 1e6 for s, t in arrivals]) if arrivals else np.array([np.nan])
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
    figures['inference_median_ms'] = inference
    figures['overhead_median_ms'] = round(figures[_POINTS]['median_ms'] - inference, 1)
    return figures


def format_results(results: Sequence[Mapping[str, Any]]) -> str:
    """Return what measure gave as a text table."""
    lines = [_head('c whole graph', 'case')]
    for row in results:
        lines.append(_line(row['case'], row) + _cost_columns(row))
    return '\n'.join([*lines, 'stamp-to-receive in ms; p95 and p99 of the cloud'])


def format_cameras(results: Sequence[Mapping[str, Any]]) -> str:
    """Return what measure_cameras gave as a text table."""
    lines = [_head('c cameras', 'case, nodes, camera')]
    for row in results:
        for index, figures in enumerate(row['cameras']):
            line = _line(f'{row["case"]}, {row["layout"]}, {index}', figures)
            lines.append(line if index else line + _cost_columns(row))
    return '\n'.join(
        [*lines, 'inference is that of a whole batch; cpu, MiB and start: of all nodes together']
    )


def _head(level: str, what: str) -> str:
    return (
        f'{level:14}{what:32}{"depth":>9}{"cloud":>9}{"p95":>9}{"p99":>9}{"inference":>11}'
        f'{"overhead":>10}{"frames/s":>10}{"lost":>6}{"cpu %":>7}{"MiB":>11}{"start":>7}'
    )


def _line(label: str, figures: Mapping[str, Any]) -> str:
    cloud = figures[_POINTS]
    return (
        f'{"":14}{label:32}{figures[_DEPTH]["median_ms"]:9.1f}{cloud["median_ms"]:9.1f}'
        f'{cloud["p95_ms"]:9.1f}{cloud["p99_ms"]:9.1f}{figures["inference_median_ms"]:11.1f}'
        f'{figures["overhead_median_ms"]:10.1f}{cloud["frames_per_s"]:10.1f}'
        f'{cloud["not_received"]:6}'
    )


def _cost_columns(row: Mapping[str, Any]) -> str:
    return (
        f'{row["cpu_percent"]:7}{row["rss_mib_settled"]:>6}-{row["rss_mib_last"]}'
        f'{row["start_s"]:7.1f}'
    )
