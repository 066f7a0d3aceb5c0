"""The walk of docs/adapt.md: a drive is recorded, a model adapted, and the node runs with it.

    PYTHONPATH=.:training .venv/bin/python benchmarks/adaptation_walk.py CLIPS --out DIR

CLIPS is what drive_building.py wrote. The demo plays its drive with true depth to a camera's topics
and records them; ``s2r_train adapt`` learns from that; the demo plays the other clips, without
depth, to a node with the model as it was and as it is now. Judged is what the node published. Needs
ROS 2. Writes walk.json and walk.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader

from adaptation import MODEL, Full, learnt_row, over, table, tests_of
from drive_building import DRIVE
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import CAPS
from s2r_depth_ros.evaluation.metrics import MetricsError, depth_metrics
from s2r_depth_ros.files import make_folder, read_json, write_atomically, write_json
from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.node.conversions import image_to_rgb
from s2r_depth_ros.option_values import count, positive

_COLOUR, _TRUTH = '/camera/image_raw', '/camera/depth/image_rect'
_DEPTH = '/depth_registered/image_rect'
_RATE = 2  # Hz that clips are played at

Depths = dict[int, NDArray[np.float32]]
"""[H, W] each, m, by the number of the frame."""


class CommandFailedError(UserError):
    """A command of the walk did not do its part."""


def command(*words: object) -> None:
    """Run a command of this Python. Raises CommandFailedError."""
    line = [sys.executable, '-m', *map(str, words)]
    if subprocess.run(line, check=False).returncode:
        raise CommandFailedError(f'failed: {" ".join(line)}')


def recorded(clip: Path, out: Path, model: str, frames: int) -> Path:
    """Play a clip to a node with a model, unless that was done; return the recording of both."""
    bag = out / 'recording'
    if not bag.exists():
        options = ('--model', model, '--rate', _RATE, '--frames', frames, '--out', out)
        command('s2r_depth_ros', 'demo', clip, *options)
    return bag


def colour_alone(clip: Path, out: Path) -> Path:
    """Write a clip without its depth, which the demo would set the node's scale by."""
    make_folder(out)
    content = read_json(clip / 'sequence.json')
    content['frames'] = [
        {'stamp': frame['stamp'], 'rgb': str(clip.resolve() / frame['rgb'])}
        for frame in content['frames']
    ]
    write_json(out / 'sequence.json', content)
    return out


def published(bag: Path, frames: Sequence[Full]) -> Depths:
    """Return the depth that the node published."""
    number_of = {frame.rgb.tobytes(): number for number, frame in enumerate(frames)}
    numbers, depths = {}, {}
    with AnyReader([bag]) as reader:
        chosen = [c for c in reader.connections if c.topic in (_COLOUR, _DEPTH)]
        for connection, _, raw in reader.messages(chosen):
            message: Any = reader.deserialize(raw, connection.msgtype)
            stamp = message.header.stamp.sec, message.header.stamp.nanosec
            if connection.topic == _DEPTH:
                depths[stamp] = depth_in_metres(message)
            else:
                numbers[stamp] = number_of[image_to_rgb(message).tobytes()]
    return {numbers[stamp]: depth for stamp, depth in depths.items() if stamp in numbers}


def errors(depths: Depths, frames: Sequence[Full]) -> dict[str, Any]:
    """Return the errors of frames by their numbers: means over places, with intervals."""
    by_place: dict[str, list[list[float]]] = {}
    for number, depth in depths.items():
        frame = frames[number]
        try:
            found = [
                depth_metrics(depth, frame.depth, cap=CAPS['indoor'], alignment=how)['abs_rel']
                for how in ('none', 'median')
            ]
        except MetricsError:
            continue
        by_place.setdefault(frame.scene, []).append(found)
    means = {place: np.mean(values, 0).tolist() for place, values in by_place.items()}
    return over(means, sum(map(len, by_place.values())))


def walk(clips: Path, work: Path, minutes: float, frames: int) -> list[dict[str, Any]]:
    """Return the rows before and after."""
    tests = tests_of(clips)
    drive = recorded(clips / DRIVE, work / DRIVE, MODEL, frames)
    mine = work / 'mine.safetensors'
    if not mine.exists():
        topics = ('--colour', _COLOUR, '--depth', _TRUTH, '--minutes', minutes)
        command(
            's2r_depth_training', 'adapt', '--model', MODEL, '--bag', drive, '--out', mine, *topics
        )
    before, after = {}, {}
    for name, seen in tests.items():
        later = colour_alone(clips / name, work / name)
        one, other = (
            published(recorded(later, work / f'{name} {when}', model, len(seen)), seen)
            for when, model in (('before', MODEL), ('after', str(mine)))
        )
        both = sorted(one.keys() & other.keys())  # a busy machine leaves frames out
        before[name] = errors({number: one[number] for number in both}, seen)
        after[name] = errors({number: other[number] for number in both}, seen)
    return [{'learnt': 'nothing', **before}, learnt_row('the recording', mine, before, after)]


def measure(args: argparse.Namespace) -> None:
    """Walk, print, write."""
    make_folder(args.out)
    make_folder(args.work)
    rows = walk(args.clips, args.work, args.minutes, args.frames)
    write_json(args.out / 'walk.json', rows)
    text = table(rows)
    write_atomically(args.out / 'walk.md', f'{text}\n'.encode())
    print(text)


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('clips', type=Path, help='folder that drive_building.py wrote')
    minutes = partial(positive, unit='minutes')
    parser.add_argument('--minutes', type=minutes, default=20.0, help='of adapt, at most')
    parser.add_argument(
        '--frames', type=count, default=300, help='of the drive, a second each (%(default)s)'
    )
    parser.add_argument('--work', type=Path, default=Path('out/walk'), help='recordings, model')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    return reported(lambda: measure(args), 'adaptation_walk')


if __name__ == '__main__':
    sys.exit(main())
