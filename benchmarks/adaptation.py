"""What a model gains by learning from a robot's own recording, and what it forgets elsewhere.

    adaptation.py --real eval_real/manifest.json --sequence eval_real/sequence/NAME \
        --synthetic rooms/manifest.json --out benchmarks/adaptation

``sequence``: learns from the first half of a continuous sequence, with its true depth as it is, as
a lidar of 16 rings and as a 2-D scan see it; judged on the second half, and on the other rooms.
``scenes``: learns from the images of all rooms except one, judged on that one. ``world`` (with
--world MANIFEST, a rendered set of one world): learns from 2, 5 and 10 minutes of views, one a
second, judged on views that are left. Nothing that is learnt from is kept: no model is written
outside of --work. Writes NAME.json and NAME.md for each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame, read_ground_truth
from s2r_depth_ros.evaluation.scores import interval
from s2r_depth_ros.files import make_folder, read_json, write_atomically, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.point_image import sparse_depth
from s2r_depth_ros.geometry.projection import back_project
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.tables import format_markdown_table
from s2r_depth_training.adaptation.adapt import Adapted, Order, adapt
from s2r_depth_training.adaptation.judging import Judged, errors_of
from s2r_depth_training.adaptation.recording import Lessons
from s2r_depth_training.dataset.bag_pairs import RecordedPair
from s2r_depth_training.dataset.format import TRAIN, VALIDATION
from s2r_depth_training.dataset.store import FrameStore
from scale_tables import cell
from true_lidar import RINGS, Floats, on_rings

MODEL = 'indoor-s'
WIDTH = 160  # px that is learnt from
SCAN = np.radians([0.0])
MINUTES = (2, 5, 10)
HOW = ('none', 'median')  # is depth scaled
Depth = NDArray[np.float32]


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
    ) -> Adapted:
        """Adapt MODEL; judging: what it is stopped by."""
        order = Order(MODEL, self.work / f'{name}.safetensors', self.minutes, self.synthetic)
        lessons = Lessons(list(learning), list(judging), name, [name])
        return adapt(order, lessons, lambda step, course: None)


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


def sequence_frames(folder: Path) -> list[Full]:
    """Return the frames of a continuous sequence."""
    facts = read_json(folder / 'sequence.json')
    camera = Intrinsics(*(facts[k] for k in ('fx', 'fy', 'cx', 'cy', 'width', 'height')))
    result = []
    for entry in facts['frames']:
        files = {'rgb': folder / entry['rgb'], 'depth': folder / entry['depth']}
        about = {'id': entry['rgb'], 'kind': 'indoor', 'scene': facts['name'], 'fx': facts['fx']}
        frame = GroundTruthFrame(depth_scale=facts['depth_scale'], **about, **files)
        result.append(Full(*frame.load(), camera, frame.scene))
    return result


def judge(model: Path, frames: Sequence[Full]) -> dict[str, Any]:
    """Return the errors of a model: means over scenes with intervals, raw and scaled."""
    estimator = DepthEstimator(model, device='cpu')
    by_scene: dict[str, list[tuple[float, float]]] = {}
    for frame in frames:
        found = errors_of(estimator, [Judged(frame.rgb, frame.depth, frame.camera.fx)])
        by_scene.setdefault(frame.scene, []).append((found.abs_rel, found.abs_rel_scaled))
    means = np.array([np.mean(values, 0) for values in by_scene.values()])
    return {
        'none': interval(means[:, 0]),
        'median': interval(means[:, 1]),
        'frames': len(frames),
        'scenes': len(means),
    }


def on_sequence(bench: Bench, folder: Path, others: Sequence[Full]) -> Iterator[dict[str, Any]]:
    """Learn from the first half by each sensor, judge on the second half and on other rooms."""
    frames = sequence_frames(folder)
    half = len(frames) // 2
    elsewhere = [frame for frame in others if not _same_place(frame.scene, folder.name)]
    tests = {'second half': frames[half + 5 :], 'other rooms': elsewhere}
    yield {'learnt': 'nothing', **_judged(find_model(MODEL), tests)}
    for name, sensor in SENSORS.items():
        learning = [pair_of(f, n, sensor) for n, f in enumerate(frames[:half])]
        # It is stopped by frames of its own, so that the second half stays unseen.
        adapted = bench.run(name, learning[:-9], learning[-5:])
        yield {'learnt': name, **_judged(adapted.path, tests), 'steps': adapted.after.step}


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
        adapted = bench.run(f'without {scene}', [p for i, p in enumerate(rest) if i % 5], rest[::5])
        before, after = (
            _judged(path, {'that scene': out}) for path in (find_model(MODEL), adapted.path)
        )
        steps = adapted.after.step
        rows.append({'learnt': f'without {scene}', 'before': before, **after, 'steps': steps})
        yield rows[-1]
    yield over_scenes(rows)


def over_scenes(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the means over left-out rooms, with intervals, also of what was gained."""

    def means(parts: Sequence[dict[str, Any]]) -> dict[str, Floats]:
        return {how: np.array([p['that scene'][how]['mean'] for p in parts]) for how in HOW}

    before, after = means([row['before'] for row in rows]), means(rows)
    count = {'frames': sum(r['that scene']['frames'] for r in rows), 'scenes': len(rows)}
    return {
        'learnt': 'the mean of these',
        'steps': '',
        'before': {'that scene': {how: interval(before[how]) for how in HOW} | count},
        'that scene': {how: interval(after[how]) for how in HOW} | count,
        'worse by': {how: interval(after[how] - before[how]) for how in HOW},
    }


def on_world(bench: Bench, manifest: Path) -> Iterator[dict[str, Any]]:
    """Learn from minutes of views of one world, judge on others."""
    learn, test = (FrameStore([manifest], split) for split in (TRAIN, VALIDATION))
    (kind,) = learn.kinds

    def pairs(store: FrameStore, count: int) -> list[RecordedPair]:
        result = []
        for i in range(min(count, store.count(kind))):
            f = store.frame(kind, i)
            h, w = f.depth.shape
            camera = Intrinsics(f.fx, f.fx, w / 2 - 0.5, h / 2 - 0.5, w, h)
            result.append(RecordedPair(f.rgb, f.depth.astype(np.float32), camera, float(i)))
        return result

    judged = pairs(test, 10_000)
    tests = {
        'other views': [Full(p.rgb, p.depth, p.intrinsics, str(n)) for n, p in enumerate(judged)]
    }
    yield {'learnt': 'nothing', **_judged(find_model(MODEL), tests)}
    for minutes in MINUTES:
        views = pairs(learn, 60 * minutes)
        adapted = bench.run(f'{minutes} minutes', views[:-10], views[-10:])
        yield {
            'learnt': f'{minutes} minutes ({len(views)} views)',
            **_judged(adapted.path, tests),
            'steps': adapted.after.step,
        }


def _judged(model: Path, tests: dict[str, list[Full]]) -> dict[str, Any]:
    return {name: judge(model, frames) for name, frames in tests.items()}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the Markdown table of the runs."""
    tests = [k for k, v in rows[-1].items() if isinstance(v, dict) and 'scenes' in v]
    head = ['learnt from', 'steps']
    head += [f'{test}: abs_rel {how}' for test in tests for how in HOW]
    lines = []
    for row in rows:
        cells = [row['learnt'], str(row.get('steps', 0))]
        for test in tests:
            for how in HOW:
                before = row.get('before')
                was = f'{before[test][how]["mean"]:.3f} -> ' if before else ''
                cells.append(was + _cell(row[test][how], row[test]['scenes']))
        lines.append(tuple(cells))
    return format_markdown_table(tuple(head), lines)


def _cell(value: dict[str, float], scenes: int) -> str:
    return cell(value) if scenes > 1 else f'{value["mean"]:.3f}'


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--real', type=Path, help='manifest.json of real images')
    parser.add_argument('--sequence', type=Path, help='folder of a continuous sequence')
    parser.add_argument('--world', type=Path, help='manifest.json of a rendered world')
    parser.add_argument('--synthetic', type=Path, required=True, help='rendered rooms to mix in')
    parser.add_argument('--minutes', type=float, default=10.0, help='of each run, at most')
    parser.add_argument('--work', type=Path, default=Path('out/adaptation'), help='models')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    if not (args.real or args.world):
        parser.error('give --real or --world')
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
    if args.world:
        runs['world'] = on_world(bench, args.world)
    for name, made in runs.items():
        rows: list[dict[str, Any]] = []
        for row in made:
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
            write_json(args.out / f'{name}.json', rows)
        text = table(rows)
        write_atomically(args.out / f'{name}.md', text.encode())
        print(text)


if __name__ == '__main__':
    sys.exit(main())
