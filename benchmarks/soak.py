"""Runs the whole graph for long, and under load, and counts every frame.

usage: PYTHONPATH=. .venv/bin/python benchmarks/soak.py [--minutes 30] [--only NAME ...]
           [--model NAME|FILE] [--backend auto] [--device cpu] [--json benchmarks/reliability.json]

One camera of 640x480 at 30 Hz for the minutes given; each of the other rows for a tenth of them, 4K
images for four tenths. A frame that the camera sent was lost on the way, or the node received it;
then it was published, dropped for a newer one, skipped, or failed. Memory: of the node, the median
of the last fifth of the time against that of the second. Exit status 1 if a frame is missing, or if
memory grew by more than 2 %.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beside import beside
from s2r_depth_ros.benchmark.inputs import drawn_image
from s2r_depth_ros.files import read_json, write_json
from s2r_depth_ros.graph_benchmark.figures import camera_figures, costs
from s2r_depth_ros.graph_benchmark.session import GraphRun, PlayedCamera, Schedule, play_graph
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.channels import IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.rig.environment import ros_environment
from tried import tried

_GROWTH = 1.02  # of memory, at most
_DRAIN_S = 10.0  # for the last frame, of 4K too, and the status that counts it
_SLOW_S = 1.0  # what a slow subscriber takes for each cloud
_ENDS = (
    'frames published',
    'images dropped for a newer one',
    'images skipped without a subscriber',
    'frames with an error',
)


@dataclass(frozen=True)
class SoakRow:
    """What is run: how many cameras, their size (height, width) and rate, who else subscribes.

    share: of the minutes. company: how each of the further subscribers of the cloud behaves.
    """

    cameras: int = 1
    size: tuple[int, int] = (480, 640)
    rate_hz: float = 30.0
    share: float = 0.1
    company: tuple[str, ...] = ()


ROWS = {
    'one camera': SoakRow(share=1.0),
    'four cameras': SoakRow(cameras=4),
    '4K images': SoakRow(size=(2160, 3840), rate_hz=5.0, share=0.4),  # its memory settles late
    'a slow subscriber': SoakRow(company=('slow',)),
    'a stuck subscriber': SoakRow(company=('stuck',)),
    'three more subscribers': SoakRow(company=('quick',) * 3),
}


def main() -> int:
    """Run the rows, print them and keep them; return 0 if all is accounted for."""
    options = _parse()
    if options.subscribe_as:
        return _subscribe(options.subscribe_as)
    good = True
    for name in options.only:
        row = ROWS[name]
        frames = max(30, round(options.minutes * 60 * row.share * row.rate_hz))
        figures = figures_of(_run(row, frames, _parameters(options)), row)
        good &= bool(figures['accounted_for'] and figures['memory_flat'])
        print(json.dumps({name: figures}, indent=1), flush=True)
        if options.json:
            kept = read_json(options.json) if options.json.exists() else {}
            kept['soak'] = kept.get('soak', {}) | {
                name: {**tried(resolve_device(options.device)), **figures}
            }
            write_json(options.json, kept)
    return 0 if good else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=30.0, help='of one camera')
    parser.add_argument('--only', nargs='+', choices=ROWS, default=list(ROWS), metavar='NAME')
    parser.add_argument('--model', default='indoor-s', help='name or file')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--json', type=Path, help='file that takes the result')
    parser.add_argument(
        '--subscribe-as', choices=('quick', 'slow', 'stuck'), help=argparse.SUPPRESS
    )
    return parser.parse_args()


def _parameters(options: argparse.Namespace) -> list[str]:
    values = {name: getattr(options, name) for name in ('model', 'backend', 'device')}
    return [text for key, value in values.items() for text in ('-p', f'{key}:={value}')]


def _run(row: SoakRow, frames: int, parameters: Sequence[str]) -> GraphRun:
    names = [f'camera{index}' for index in range(row.cameras)] if row.cameras > 1 else []
    arguments = [*parameters, '-p', 'autostart:=true']
    if names:
        arguments += ['-p', f'cameras:={json.dumps(names)}']
    for prefix in [f'{name}/' for name in names] or ['']:
        for topic, other in ((topics.IMAGE, IMAGE_TOPIC), (topics.CAMERA_INFO, INFO_TOPIC)):
            arguments += ['-r', f'{prefix}{topic}:={prefix}{other}']
    cameras = [PlayedCamera(f'/{n}', f'/{NODE}', f'/{NODE}: camera {n}') for n in names]
    company = [[sys.executable, __file__, f'--subscribe-as={it}'] for it in row.company]
    with tempfile.TemporaryDirectory() as folder, beside(company, ros_environment()):
        return play_graph(
            [arguments],
            cameras or [PlayedCamera('/', f'/{NODE}', f'/{NODE}: depth')],
            drawn_image(*row.size),
            Path(folder),
            Schedule(frames, row.rate_hz, drain_s=_DRAIN_S),
        )


def figures_of(run: GraphRun, row: SoakRow) -> dict[str, Any]:
    """Return the figures of a run, and whether nothing is missing of it."""
    cameras = []
    for index, result in enumerate(run.results):
        counts = {key: int(result['status'].get(key, 0)) for key in _ENDS}
        received = int(result['status'].get('images received', 0))
        lost = int(result['status'].get('images lost on the way', 0))
        cameras.append(
            {
                **camera_figures(run, index, row.rate_hz),
                'images lost on the way': lost,
                'images received': received,
                **counts,
                'neither lost nor received': len(run.stamps[index]) - lost - received,
                'received and nowhere': received - sum(counts.values()),
            }
        )
    return {
        **costs(run),
        'memory_flat': run.rss_mib_last <= _GROWTH * run.rss_mib_settled,
        # What was lost before the first that came, and after the last, nobody can know of.
        'accounted_for': all(c['received and nowhere'] == 0 for c in cameras),
        'cameras': cameras,
    }


def _subscribe(behaviour: str) -> int:
    """Subscribe to the cloud reliably: 'slow' takes a second for each, 'stuck' stops for good."""
    import rclpy
    from sensor_msgs.msg import PointCloud2

    def take(_cloud: PointCloud2 | bytes) -> None:
        if behaviour == 'stuck':
            os.kill(os.getpid(), signal.SIGSTOP)
        elif behaviour == 'slow':
            time.sleep(_SLOW_S)

    rclpy.init()
    node = rclpy.create_node('company')
    node.create_subscription(PointCloud2, topics.POINTS, take, 10, raw=behaviour == 'quick')
    rclpy.spin(node)
    return 0


if __name__ == '__main__':
    sys.exit(main())
