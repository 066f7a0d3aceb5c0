"""What the scale of a frame costs the node, from the message of each sensor to scaled depth.

    scale_cost.py --json benchmarks/scale/cost.json

Depth and references are those of a made-up room at 640x480. Times are of the inference thread's CPU
time, so that what else runs on the machine counts little.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sensor_msgs.msg import Image, LaserScan, PointCloud2, PointField, Range
from std_msgs.msg import Header

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.geometry.projection import ray_slopes
from s2r_depth_ros.geometry.scale import CameraHeight, ScaleEstimate, UnscaledView
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import CameraInfoHistory
from s2r_depth_ros.node.reference_readers import READERS, ScaledFrame
from s2r_depth_ros.option_values import count
from s2r_depth_ros.tables import format_markdown_table

CAMERA = Intrinsics(525.0, 525.0, 319.5, 239.5, 640, 480)
HEIGHT, WALL, PITCH = 0.6, 6.0, 0.1  # m, m, radians down
# The lidar in the place of the camera: x ahead, z up.
TRANSFORMS = ('camera lidar 0 0 0 1.5707963267948966 -1.5707963267948966 0',)


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--runs', type=count, default=200, help='of each (default: 200)')
    parser.add_argument('--json', type=Path, required=True, help='file to write')
    args = parser.parse_args()
    return reported(lambda: measure(args), 'scale_cost')


def measure(args: argparse.Namespace) -> None:
    """Measure, print, write. Raises UserError for what cannot be written."""
    check_output(args.json)
    cost = {name: milliseconds(call, args.runs) for name, call in calls().items()}
    result = {'machine': machine(torch.device('cpu')), 'cpu_ms': cost}
    write_json(args.json, result)
    rows = [(name, f'{row["least"]:.2f}', f'{row["median"]:.2f}') for name, row in cost.items()]
    print(format_markdown_table(('640x480', 'ms, least', 'ms, median'), rows))


def milliseconds(call: Callable[[], Any], runs: int) -> dict[str, float]:
    """Return the least and the median CPU time of this thread in a call."""
    call()
    times = []
    for _ in range(runs):
        began = time.thread_time()
        call()
        times.append(1e3 * (time.thread_time() - began))
    return {'least': round(min(times), 3), 'median': round(float(np.median(times)), 3)}


def room() -> NDArray[np.float32]:
    """Return true depth [480, 640], metres: a wall behind a floor."""
    columns, rows = ray_slopes(CAMERA)
    down = rows * math.cos(PITCH) + math.sin(PITCH) + 0 * columns
    ahead = math.cos(PITCH) - rows * math.sin(PITCH) + 0 * columns
    return np.fmin(WALL / ahead, HEIGHT / np.maximum(down, 1e-6)).astype(np.float32)


def calls() -> dict[str, Callable[[], Any]]:
    """Return what is timed."""
    true = room()
    ripple = np.exp(np.random.default_rng(0).normal(0, 0.02, true.shape))
    view = UnscaledView((0.6 * true**0.8 * ripple).astype(np.float32), CAMERA)
    frame = ScaledFrame(
        Header(frame_id='camera'), view, FixedTransforms(TRANSFORMS), CameraInfoHistory(), True
    )
    plain = frame._replace(curve=False)
    messages = {
        'cloud, 20 000 points, all in view': (topics.REFERENCE_POINTS, cloud(true, 20_000, 1)),
        'cloud, 131 072 points, a sixth in view': (
            topics.REFERENCE_POINTS,
            cloud(true, 131_072, 6),
        ),
        'scan, 720 beams': (topics.REFERENCE_SCAN, scan()),
        'range': (topics.REFERENCE_RANGE, range_reading()),
        'depth image, 640x480': (topics.REFERENCE_DEPTH, depth_image(true)),
    }
    timed: dict[str, Callable[[], Any]] = {}
    for name, message in messages.items():
        timed[name] = partial(estimate, *message, frame)
        if name != 'range':
            timed[f'{name}, factor only'] = partial(estimate, *message, plain)
    down = (0.0, math.cos(PITCH), math.sin(PITCH))
    timed['camera height'] = partial(CameraHeight(HEIGHT, 0.0, down).estimate, view)
    first = next(iter(messages.values()))
    curve, factor = (estimate(*first, seen).correction for seen in (frame, plain))
    assert not curve.is_constant
    timed['scaling depth by a curve'] = partial(curve.apply, view.depth)
    timed['scaling depth by a factor'] = partial(factor.apply, view.depth)
    return timed


def estimate(topic: str, message: Any, frame: ScaledFrame) -> ScaleEstimate:
    """Return what a message says of the scale of a frame, read anew."""
    found = READERS[topic](message, frame).estimate(frame.view)
    assert isinstance(found, ScaleEstimate), found
    return found


def cloud(true: NDArray[np.float32], total: int, part: int) -> PointCloud2:
    """Return a lidar's cloud of 32 bytes a point, of which one in ``part`` is in view."""
    rng = np.random.default_rng(1)
    pixels = rng.choice(true.size, total // part, replace=False)
    row, column = np.divmod(pixels, CAMERA.width)
    columns, rows = ray_slopes(CAMERA)
    z = true.ravel()[pixels]
    seen = np.stack([z, -columns[0, column] * z, -rows[row, 0] * z], -1)
    points = np.zeros((total, 8), '<f4')
    points[:, :3] = np.resize(seen, (total, 3))
    points[len(seen) :, 0] *= -1  # behind the camera
    fields = [
        PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, n in enumerate('xyz')
    ]
    return PointCloud2(
        header=Header(frame_id='lidar'), height=1, width=total, fields=fields, point_step=32,
        row_step=32 * total, data=array('B', rng.permutation(points).tobytes()),
    )  # fmt: skip


def scan() -> LaserScan:
    """Return a scan of the wall."""
    angles = np.linspace(-math.pi / 3, math.pi / 3, 720)
    return LaserScan(
        header=Header(frame_id='lidar'), angle_min=angles[0], angle_max=angles[-1],
        angle_increment=angles[1] - angles[0], range_max=30.0,
        ranges=array('f', (WALL / np.cos(angles)).astype(np.float32)),
    )  # fmt: skip


def range_reading() -> Range:
    """Return what an ultrasonic sensor measures."""
    return Range(header=Header(frame_id='lidar'), field_of_view=0.3, max_range=20.0, range=WALL)


def depth_image(true: NDArray[np.float32]) -> Image:
    """Return a depth camera's image, in millimetres, registered to the image."""
    return Image(
        header=Header(frame_id='camera'), height=480, width=640, encoding='16UC1', step=1280,
        data=array('B', np.rint(true * 1000).astype('<u2').tobytes()),
    )  # fmt: skip


if __name__ == '__main__':
    sys.exit(main())
