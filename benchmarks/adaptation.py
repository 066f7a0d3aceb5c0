"""What a model gains by learning from a robot's own recording, and what it forgets elsewhere.

    adaptation.py --real eval_real/manifest.json --sequence eval_real/sequence/NAME \
        --synthetic rooms/manifest.json --out benchmarks/adapted

``sequence``: learns from the first half of a continuous sequence, with its true depth as it is, as
a lidar of 16 rings and as a 2-D scan see it; judged on the second half, and on the other rooms.
``scenes``, without --sequence: learns from the images of all rooms except one, judged on that one.
With --drive DIR, of drive_building.py: learns from the first 2, 5 and 10 minutes of the drive,
judged on the other clips there; named as DIR is; then ``_mixed``, how much is kept and forgotten
with part of what was learnt. Models are left in --work, and are
not made again if they are there. Writes NAME.json and
NAME.md for each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from drive_building import DRIVE
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, read_ground_truth
from s2r_depth_ros.evaluation.scores import interval
from s2r_depth_ros.files import make_folder, read_json, write_atomically, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import sparse_depth
from s2r_depth_ros.geometry.projection import back_project
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import load_model, read_metadata, save_model
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.tables import format_markdown_table
from s2r_depth_training.adaptation.adapt import Order, adapt
from s2r_depth_training.adaptation.blocks import time_blocks
from s2r_depth_training.adaptation.judging import Judged, errors_of
from s2r_depth_training.adaptation.recording import Asked, Lessons
from s2r_depth_training.adaptation.tuning import SHARES, mixed
from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.dataset.bags import moved
from s2r_depth_training.dataset.format import VALIDATION
from s2r_depth_training.dataset.store import FrameStore
from scale_tables import cell
from true_lidar import RINGS, Floats, on_rings

MODEL = 'indoor-s'
WIDTH = 160  # px that is learnt from
SCAN = np.radians([0.0])
MINUTES = (2, 5, 10)
HOW = ('none', 'median')  # is depth scaled
Depth = NDArray[np.float32]


class NoDriveError(UserError):
    """What should be a sequence or a drive is none."""


class Full(NamedTuple):
    """A frame at its full size. scene: what it shows."""

    rgb: NDArray[np.uint8]
    depth: Depth
    camera: Intrinsics
    scene: str


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    synthetic: manifest of the rooms that are mixed in. work: folder of the models. minutes: of each
    run, at most.
    """

    synthetic: Path
    work: Path
    minutes: float

    def run(
        self, name: str, learning: Sequence[RecordedPair], judging: Sequence[RecordedPair]
    ) -> Path:
        """Return MODEL adapted, as it is found in ``work``. judging: what it is stopped by."""
        order = Order(MODEL, self.work / f'{name}.safetensors', self.minutes, self.synthetic)
        if not order.out.exists():
            lessons = Lessons(list(learning), list(judging), name, [name])
            adapt(order, lessons, lambda step, course: None)
        return order.out


def dense(frame: Full) -> Depth:
    """Return true depth as it is."""
    return frame.depth


def beams(rings: Floats) -> Callable[[Full], Depth]:
    """Return what makes of a frame the depth that a lidar at the camera sees."""
    return lambda frame: sparse_depth(on_rings(frame.depth, frame.camera, rings), frame.camera)


SENSORS: dict[str, Callable[[Full], Depth]] = {
    'dense': dense,
    'lidar, 16 rings': beams(RINGS),
    '2-D scan': beams(SCAN),
}


def pair_of(frame: Full, number: int, sensor: Callable[[Full], Depth] = dense) -> RecordedPair:
    """Return a frame as a recording gives it to learn from."""
    camera = frame.camera
    small = camera.resized(WIDTH, round(camera.height * WIDTH / camera.width))
    rgb = cv2.resize(frame.rgb, (small.width, small.height), interpolation=cv2.INTER_AREA)
    seen = sensor(frame)
    if sensor is dense:
        size = (small.width, small.height)
        depth = cv2.resize(seen, size, interpolation=cv2.INTER_NEAREST_EXACT)
    else:
        depth = sparse_depth(_points(seen, camera), small)
    return RecordedPair(rgb.astype(np.uint8), depth.astype(np.float32), small, float(number))


def _points(depth: Depth, camera: Intrinsics) -> NDArray[np.float64]:
    points = back_project(depth, camera).reshape(-1, 3).astype(np.float64)
    return points[points[:, 2] > 0]


def rooms(manifest: Path) -> list[Full]:
    """Return the real images of rooms."""
    frames = read_ground_truth(manifest)
    entries = {entry['id']: entry for entry in read_json(manifest)['frames']}
    result = []
    for truth in frames:
        if truth.kind == 'indoor':
            rgb, depth = truth.load()
            e = entries[truth.id]
            camera = Intrinsics(e['fx'], e['fy'], e['cx'], e['cy'], rgb.shape[1], rgb.shape[0])
            result.append(Full(rgb, depth, camera, truth.scene))
    return result


def clip_frames(folder: Path) -> list[Full]:
    """Return the frames of a sequence, or of views of several places. Raises UserError."""
    file = folder / 'sequence.json'
    facts = read_json(file)
    try:
        camera = Intrinsics(*(facts[k] for k in ('fx', 'fy', 'cx', 'cy', 'width', 'height')))
        frames = [
            GroundTruthFrame(
                entry['rgb'],
                folder / entry['rgb'],
                folder / entry['depth'],
                facts['depth_scale'],
                camera.fx,
                'indoor',
                entry.get('place', facts['name']),
            )
            for entry in facts['frames']
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise NoDriveError(f'{file} is no sequence with depth of each frame ({error!r})') from error
    return [Full(*frame.load(), camera, frame.scene) for frame in frames]


def judge(model: Path, frames: Sequence[Full]) -> dict[str, Any]:
    """Return the errors of a model: means over scenes with intervals, raw and scaled."""
    estimator = DepthEstimator(model, device='cpu')
    by_scene: dict[str, list[tuple[float, float]]] = {}
    for frame in frames:
        found = errors_of(estimator, [Judged(frame.rgb, frame.depth, frame.camera.fx)])
        if found.frames:
            by_scene.setdefault(frame.scene, []).append((found.abs_rel, found.abs_rel_scaled))
    means = {scene: np.mean(values, 0).tolist() for scene, values in by_scene.items()}
    return over(means, sum(map(len, by_scene.values())))


def over(means: dict[str, list[float]], frames: int) -> dict[str, Any]:
    """Return the means over scenes with intervals. means: [raw, scaled] of each scene."""
    errors = np.array(list(means.values()))
    intervals = {how: interval(errors[:, i]) for i, how in enumerate(HOW)}
    return {**intervals, 'frames': frames, 'scenes': len(means), 'means': means}


def learnt_row(
    name: str, model: Path, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """Return the row of an adapted model. before, after: errors by what it is judged on."""
    told = read_metadata(model).provenance['adapted']
    return {
        'learnt': name,
        **after,
        'steps': told['steps'],
        'worse by': {test: worse_by(before[test], after[test]) for test in before},
        'told': {when: told[when] for when in ('before', 'after')},
    }


def worse_by(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return how much larger errors got, with intervals; scene by scene, as some are harder."""
    pairs = [(before['means'][scene], after['means'][scene]) for scene in before['means']]
    difference = np.diff(np.array(pairs), axis=1)[:, 0]
    return {how: interval(difference[:, i]) for i, how in enumerate(HOW)}


def on_sequence(bench: Bench, folder: Path, others: Sequence[Full]) -> Iterator[dict[str, Any]]:
    """Learn from the first half by each sensor, judge on the second half and on other rooms."""
    frames = clip_frames(folder)
    half = len(frames) // 2
    elsewhere = [frame for frame in others if not _same_place(frame.scene, folder.name)]
    tests = {'second half': frames[half + 5 :], 'other rooms': elsewhere}
    before = _judged(find_model(MODEL), tests)
    yield {'learnt': 'nothing', **before}
    for name, sensor in SENSORS.items():
        learning = [pair_of(f, n, sensor) for n, f in enumerate(frames[:half])]
        # It is stopped by frames of its own, so that the second half stays unseen.
        model = bench.run(name, learning[:-9], learning[-5:])
        yield learnt_row(name, model, before, _judged(model, tests))


def _same_place(scene: str, name: str) -> bool:
    """Return whether a scene of the images is that of the sequence, redkitchen."""
    return 'kitchen' in scene and 'kitchen' in name


def one_scene_out(bench: Bench, frames: Sequence[Full]) -> Iterator[dict[str, Any]]:
    """Learn from all rooms except one, judge on that one; at last the means over the rooms."""
    rows: list[dict[str, Any]] = []
    for scene in dict.fromkeys(frame.scene for frame in frames):
        out = [frame for frame in frames if frame.scene == scene]
        rest = [pair_of(f, n) for n, f in enumerate(frames) if f.scene != scene]
        # Every fifth image stops it: a scene of its own, mostly.
        model = bench.run(f'without {scene}', [p for i, p in enumerate(rest) if i % 5], rest[::5])
        tests = {'that scene': out}
        before = _judged(find_model(MODEL), tests)
        row = learnt_row(f'without {scene}', model, before, _judged(model, tests))
        rows.append({**row, 'before': before})
        yield rows[-1]
    yield over_scenes(rows)


def over_scenes(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the means over left-out rooms, with intervals, also of what was gained."""

    def all_of(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        tests = [part['that scene'] for part in parts]
        means = {scene: mean for test in tests for scene, mean in test['means'].items()}
        return over(means, sum(test['frames'] for test in tests))

    before, after = all_of([row['before'] for row in rows]), all_of(rows)
    return {
        'learnt': 'the mean of these',
        'steps': '',
        'before': {'that scene': before},
        'that scene': after,
        'worse by': {'that scene': worse_by(before, after)},
    }


def mixes(bench: Bench, name: str, tests: dict[str, list[Full]]) -> Iterator[dict[str, Any]]:
    """Judge weights between those of MODEL and of a run, which adapt takes if that forgot."""
    tests = {**tests, 'rendered rooms': rendered_rooms(bench.synthetic)}
    network, metadata = load_model(find_model(MODEL))
    start = {k: v.clone() for k, v in network.state_dict().items()}
    learnt = load_model(bench.work / f'{name}.safetensors')[0].state_dict()
    before, file = _judged(find_model(MODEL), tests), bench.work / 'mixed.safetensors'
    yield {'learnt': 'nothing', 'steps': '', **before}
    for share in SHARES[::-1]:
        network.load_state_dict(mixed(start, learnt, share))
        save_model(file, network, replace(metadata, sha256=''), torch.float16)
        after = _judged(file, tests)
        worse = {test: worse_by(before[test], after[test]) for test in tests}
        yield {'learnt': f'{share:.0%} of {name} minutes', 'steps': '', **after, 'worse by': worse}


def rendered_rooms(manifest: Path) -> list[Full]:
    """Return the rendered views that nothing learns from; adapt judges by some of them."""
    store = FrameStore([manifest], VALIDATION)
    result = []
    for kind in store.kinds:
        for number in range(store.count(kind)):
            frame = store.frame(kind, number)
            height, width = frame.depth.shape
            camera = Intrinsics(frame.fx, frame.fx, width / 2, height / 2, width, height)
            result.append(Full(frame.rgb, frame.depth.astype(np.float32), camera, kind))
    return result


def on_drive(bench: Bench, folder: Path) -> Iterator[dict[str, Any]]:
    """Learn from minutes of a drive, as the command would of its recording; judge elsewhere."""
    drive = [pair_of(frame, second) for second, frame in enumerate(clip_frames(folder / DRIVE))]
    tests = tests_of(folder)
    before = _judged(find_model(MODEL), tests)
    yield {'learnt': 'nothing', **before}
    for minutes in MINUTES:
        pairs = list(moved(drive[: 60 * minutes]))
        blocks = time_blocks([pair.stamp for pair in pairs], Asked.share)
        learning, judging = ([pair for pair, is_in in zip(pairs, mask) if is_in] for mask in blocks)
        model = bench.run(f'{folder.name} {minutes}', learning, judging)
        learnt = f'{minutes} minutes ({len(learning)} frames)'
        yield learnt_row(learnt, model, before, _judged(model, tests))


def tests_of(folder: Path) -> dict[str, list[Full]]:
    """Return the clips that judge a drive. Raises UserError if there are none."""
    clips = sorted(path.parent for path in folder.glob('*/sequence.json'))
    tests = {clip.name: clip_frames(clip) for clip in clips if clip.name != DRIVE}
    if not tests:
        raise NoDriveError(f'{folder} has no clips to judge by: give what drive_building.py wrote')
    return tests


def _judged(model: Path, tests: dict[str, list[Full]]) -> dict[str, Any]:
    return {name: judge(model, frames) for name, frames in tests.items()}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the Markdown table of the runs."""
    tests = [k for k, v in rows[-1].items() if isinstance(v, dict) and 'scenes' in v]
    head = ['learnt from', 'steps']
    head += [f'{test}: abs_rel {how}' for test in tests for how in HOW]
    told = any('told' in row for row in rows)
    head += ['rendered rooms: abs_rel median'] * told
    lines = []
    for row in rows:
        cells = [row['learnt'], str(row.get('steps', 0))]
        cells += [_cell(row, test, how) for test in tests for how in HOW]
        lines.append((*cells, *[_forgotten(row)] * told))
    return format_markdown_table(tuple(head), lines)


def _cell(row: dict[str, Any], test: str, how: str) -> str:
    """Return an error; of several scenes the interval of how much more it is than before."""
    value, several = row[test][how], row[test]['scenes'] > 1
    was = f'{row["before"][test][how]["mean"]:.3f} -> ' if 'before' in row else ''
    if several and 'worse by' in row:
        return f'{was}{value["mean"]:.3f}: {signed(row["worse by"][test][how])}'
    return was + (cell(value) if several else f'{value["mean"]:.3f}')


def signed(value: dict[str, float]) -> str:
    """Return a difference with its interval."""
    return f'{value["mean"]:+.3f} ({value["low"]:+.3f} to {value["high"]:+.3f})'


def _forgotten(row: dict[str, Any]) -> str:
    if 'told' not in row:
        return ''
    before, after = (row['told'][k]['rendered']['abs_rel_scaled'] for k in ('before', 'after'))
    return f'{before:.3f} -> {after:.3f}'


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--real', type=Path, help='manifest.json of real images')
    parser.add_argument('--sequence', type=Path, help='folder of a continuous sequence')
    parser.add_argument('--drive', type=Path, help='folder that drive_building.py wrote')
    parser.add_argument('--synthetic', type=Path, required=True, help='rendered rooms to mix in')
    parser.add_argument('--minutes', type=float, default=10.0, help='of each run, at most')
    parser.add_argument('--work', type=Path, default=Path('out/adaptation'), help='models')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    if not (args.real or args.drive):
        parser.error('give --real or --drive')
    return reported(lambda: measure(args), 'adaptation')


def measure(args: argparse.Namespace) -> None:
    """Run, print, write. Raises UserError for what cannot be read or written."""
    make_folder(args.out)
    make_folder(args.work)
    bench = Bench(args.synthetic, args.work, args.minutes)
    runs: dict[str, Iterator[dict[str, Any]]] = {}
    if args.real and args.sequence:
        runs['sequence'] = on_sequence(bench, args.sequence, rooms(args.real))
    elif args.real:
        runs['scenes'] = one_scene_out(bench, rooms(args.real))
    if args.drive:
        name = args.drive.name
        runs[name] = on_drive(bench, args.drive)
        runs[f'{name}_mixed'] = mixes(bench, f'{name} {MINUTES[0]}', tests_of(args.drive))
    for name, made in runs.items():
        rows: list[dict[str, Any]] = []
        for row in made:
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
            write_json(args.out / f'{name}.json', rows)
        text = table(rows)
        write_atomically(args.out / f'{name}.md', f'{text}\n'.encode())
        print(text)


if __name__ == '__main__':
    sys.exit(main())
