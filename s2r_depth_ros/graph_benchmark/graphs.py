"""The graphs that are timed: one camera, or several served by one node or by one node each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.benchmark.cases import Case
from s2r_depth_ros.graph_benchmark.figures import camera_figures, costs
from s2r_depth_ros.graph_benchmark.session import (
    SCHEDULE,
    GraphRun,
    PlayedCamera,
    Schedule,
    play_graph,
)
from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import IMAGE_TOPIC, INFO_TOPIC


def measure(
    case: Case,
    image: NDArray[np.uint8],
    size: tuple[int, int],
    device: str,
    schedule: Schedule = SCHEDULE,
) -> dict[str, Any]:
    """Play ``image``, uint8 [H, W, 3], to a node running ``case``; return the figures.

    size: (height, width) of the network's input. Raises ProcessError if a process fails.
    """
    arguments = [*_parameters(case, size, device), *_remapped('')]
    run = _run([arguments], [PlayedCamera('/', f'/{NODE}', f'/{NODE}: depth')], image, schedule)
    figures = camera_figures(run, 0, schedule.rate_hz)
    return {'case': case.label, 'start_s': round(run.start_s, 2), **figures, **costs(run)}


def measure_cameras(
    case: Case,
    image: NDArray[np.uint8],
    size: tuple[int, int],
    device: str,
    count: int,
    schedule: Schedule = SCHEDULE,
) -> list[dict[str, Any]]:
    """Play ``image`` with ``count`` cameras at once, to one node and to one node each.

    Returns a row of figures for each of the two; cpu and memory are of all nodes together. size
    and errors: see measure.
    """
    names = [f'camera{index}' for index in range(count)]
    parameters = _parameters(case, size, device)
    remaps = [argument for name in names for argument in _remapped(f'{name}/')]
    one = [*parameters, '-p', f'cameras:={json.dumps(names)}', *remaps]
    of_one = [PlayedCamera(f'/{n}', f'/{NODE}', f'/{NODE}: camera {n}') for n in names]
    each = [[*parameters, '-r', f'__ns:=/{name}', *_remapped('')] for name in names]
    of_each = [PlayedCamera(f'/{n}', f'/{n}/{NODE}', f'/{n}/{NODE}: depth') for n in names]
    rows = []
    for layout, nodes, cameras in (
        ('one node', [one], of_one),
        (f'{count} nodes', each, of_each),
    ):
        run = _run(nodes, cameras, image, schedule)
        rows.append(
            {
                'case': case.label,
                'layout': layout,
                'start_s': round(run.start_s, 2),
                **costs(run),
                'cameras': [camera_figures(run, i, schedule.rate_hz) for i in range(count)],
            }
        )
    return rows


def _run(
    nodes: Sequence[Sequence[str]],
    cameras: Sequence[PlayedCamera],
    image: NDArray[np.uint8],
    schedule: Schedule,
) -> GraphRun:
    with tempfile.TemporaryDirectory() as name:
        return play_graph(nodes, cameras, image, Path(name), schedule)


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
