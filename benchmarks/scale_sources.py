"""What each source of scale is worth: depth errors with it, beside none and per-image median.

    scale_sources.py --real eval_real/manifest.json --out benchmarks/scale
    scale_sources.py --rendered held_out/manifest.json worlds/*/manifest.json --out benchmarks/scale

Every source is made of the true depth of the frame: its pixels at the rings of a lidar, those at
the height of a scanner, the distance in a cone, the height over the floor. Where no floor is seen
in true depth a scanner is taken to be level with the camera, and no height is known. A source
without a scale leaves the frame out; ``none`` and ``median`` are of the same frames. Writes
NAME.json and NAME.md; NAME is real or rendered. With --real the table of docs/navigation.md is
printed last. --floors also writes pictures of the floors found in true depth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.evaluation.manifest import CAPS, read_ground_truth
from s2r_depth_ros.evaluation.metrics import MIN_DEPTH, align, errors, valid_mask
from s2r_depth_ros.evaluation.scores import Interval, fill_invalid, interval
from s2r_depth_ros.files import check_output, make_folder, read_json, write_atomically, write_json
from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.scale import (
    CameraHeight,
    NoScale,
    RangeCone,
    RangeReading,
    ReferencePoints,
    ScaleSource,
    UnscaledView,
    depth_image_points,
)
from s2r_depth_ros.inference.estimator import DepthEstimator
from scale_tables import navigation_table, table
from true_lidar import RINGS, Floats, is_sparse, nearest_of_beams, on_rings

MODELS = {'indoor': 'indoor-m', 'stereo': 'indoor-m', 'driving': 'outdoor-m'}
SCAN_HEIGHT = 0.3  # m over the floor
LEAST_HEIGHT = 0.1  # m, of a camera over the floor
# A table top, and a plane through a chair: looked at in the picture of --floors.
NO_FLOOR = frozenset({'middlebury_vintage', 'kitchen7s_605'})
OUTDOOR = frozenset({'citysim', 'street'})


@dataclass(frozen=True)
class TrueFloor:
    """The floor in true depth: a point p is ``height - normal @ p`` over it, metres."""

    normal: Floats
    height: float


@dataclass(frozen=True)
class Frame:
    """One image with truth [H, W], metres, 0 unknown, and what a robot would know of it."""

    id: str
    kind: str
    scene: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.float32]
    camera: Intrinsics
    floor: TrueFloor | None


# ---- frames


def real_frames(manifest: Path) -> Iterator[Frame]:
    """Yield the frames of a manifest of real images, as ``evaluate`` reads it."""
    frames = read_ground_truth(manifest)
    entries = {e['id']: e for e in read_json(manifest)['frames']}
    for listed in frames:
        rgb, truth = listed.load()
        entry, (height, width) = entries[listed.id], truth.shape
        fx = listed.fx
        numbers = [fx, entry.get('fy', fx), entry.get('cx', width / 2), entry.get('cy', height / 2)]
        camera = camera_of(numbers, width, height)
        floor = None if listed.id in NO_FLOOR else true_floor(truth, camera)
        yield Frame(listed.id, listed.kind, listed.scene, rgb, truth, camera, floor)


def rendered_frames(manifests: Sequence[Path]) -> Iterator[Frame]:
    """Yield the validation frames of training sets."""
    from s2r_depth_training.dataset.format import VALIDATION, read_shards

    for manifest in manifests:
        name = manifest.parent.name
        kind = 'driving' if name in OUTDOOR else 'indoor'
        for shard in read_shards(manifest, VALIDATION):
            for i, scene in enumerate(shard.arrays['scene']):
                truth = shard.arrays['depth'][i].astype(np.float32)
                if valid_mask(truth, CAPS[kind]).mean() < 0.2:
                    continue
                numbers = shard.arrays['intrinsics'][i].tolist()
                camera = camera_of(numbers, truth.shape[1], truth.shape[0])
                floor, rgb = true_floor(truth, camera), shard.arrays['rgb'][i]
                yield Frame(f'{name}/{i}', kind, f'{name}/{scene}', rgb, truth, camera, floor)


def camera_of(numbers: Sequence[float], width: int, height: int) -> Intrinsics:
    """Return the camera of fx, fy, cx, cy in px."""
    fx, fy, cx, cy = map(float, numbers)
    return Intrinsics(fx, fy, cx, cy, width, height)


def true_floor(truth: NDArray[np.float32], camera: Intrinsics) -> TrueFloor | None:
    """Return the largest plane that is level to 40 degrees and has nearly nothing beneath it.

    By RANSAC with a fixed seed. A tenth of the known pixels must lie on it, and it beneath the
    camera.
    """
    points = depth_image_points(truth, camera)
    rng = np.random.default_rng(0)
    points = points[rng.permutation(len(points))[:2000]]
    tolerance = 0.015 + 0.012 * points[:, 2]
    best, most = None, 0.1 * len(points)
    for _ in range(800):
        a, b, c = points[rng.integers(len(points), size=3)]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        if length < 1e-6:
            continue
        normal *= np.sign(normal[1]) / length
        if normal[1] < np.cos(np.radians(40)):
            continue
        if normal @ a < LEAST_HEIGHT:
            continue
        beneath = points @ normal - normal @ a
        on = np.abs(beneath) < tolerance
        if on.sum() > most and (beneath > 4 * tolerance).sum() < 0.03 * on.sum():
            best, most = (normal, on), float(on.sum())
    if best is None:
        return None
    chosen = points[best[1]]
    centre = chosen.mean(0)
    normal = np.linalg.svd(chosen - centre, full_matrices=False)[2][2]
    normal *= np.sign(normal[1])
    height = float(normal @ centre)
    return TrueFloor(normal, height) if height >= LEAST_HEIGHT else None


# ---- sources, made of true depth


def lidar(frame: Frame, *, curve: bool) -> ScaleSource:
    """Return the points of true depth that lie on the rings of a lidar at the camera."""
    return ReferencePoints(on_rings(frame.truth, frame.camera, RINGS), 0.0, curve=curve)


def scan(frame: Frame, *, curve: bool) -> ScaleSource:
    """Return the points of true depth that a level scanner over the floor sees.

    Without a floor: those of the row at the height of the camera.
    """
    points = depth_image_points(frame.truth, frame.camera)
    least = 0.05 if is_sparse(frame.truth) else 0.01
    if frame.floor is None:
        off = np.abs(points[:, 1])
    else:
        off = np.abs(frame.floor.height - points @ frame.floor.normal - SCAN_HEIGHT)
    level = off < np.maximum(least, 0.5 * points[:, 2] / frame.camera.fy)
    return ReferencePoints(nearest_of_beams(points[level]), 0.0, curve=curve)


def cone(frame: Frame, degrees: float, *, nearest: bool) -> ScaleSource | None:
    """Return a range sensor at the camera: the nearest thing in its cone, or what fills it."""
    points = depth_image_points(frame.truth, frame.camera)
    distance, angle = np.linalg.norm(points, axis=1), np.radians(degrees)
    inside = distance[points[:, 2] >= distance * np.cos(angle / 2)]
    if len(inside) < 5:
        return None
    seen = float(np.percentile(inside, 2 if nearest else 50))
    reading = RangeReading(seen, float(angle), 0.0, 1000.0, nearest)
    return RangeCone(reading, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.0)


def height(frame: Frame, *, gravity: bool) -> ScaleSource | None:
    """Return the camera's height over the true floor, with or without the direction of gravity."""
    if frame.floor is None:
        return None
    if not gravity:
        return CameraHeight(frame.floor.height, 0.0)
    x, y, z = map(float, frame.floor.normal)
    return CameraHeight(frame.floor.height, 0.0, (x, y, z))


SOURCES: dict[str, Callable[[Frame], ScaleSource | None]] = {
    'lidar, 16 rings': lambda f: lidar(f, curve=True),
    'lidar, 16 rings, factor only': lambda f: lidar(f, curve=False),
    'scan': lambda f: scan(f, curve=True),
    'scan, factor only': lambda f: scan(f, curve=False),
    'range, nearest in 15 degrees': lambda f: cone(f, 15, nearest=True),
    'range, median of 25 degrees': lambda f: cone(f, 25, nearest=False),
    'camera height, gravity known': lambda f: height(f, gravity=True),
    'camera height, taken as level': lambda f: height(f, gravity=False),
}


# ---- errors


@dataclass(frozen=True)
class Row:
    """Errors of one frame by one source, and without and with the per-image median.

    reason: why there is no scale. deviation: of the log scale, as the source says; off: how far
    its log scale is from that of the median.
    """

    frame: str
    kind: str
    scene: str
    source: str
    reason: str = ''
    values: dict[str, dict[str, float]] | None = None
    curved: bool = False
    off: float = 0.0
    deviation: float = 0.0
    seconds: float = 0.0


def rows_of(frame: Frame, depth: NDArray[np.float32]) -> Iterator[Row]:
    """Yield the errors by every source. depth: as the model gives it."""
    view, mask = UnscaledView(depth, frame.camera), valid_mask(frame.truth, CAPS[frame.kind])
    known = frame.truth[mask].astype(np.float64)

    def judged(scaled: NDArray[np.float32]) -> dict[str, float]:
        chosen = np.maximum(fill_invalid(scaled)[mask], MIN_DEPTH).astype(np.float64)
        return errors(chosen, known)

    plain = np.maximum(fill_invalid(depth)[mask], MIN_DEPTH).astype(np.float64)
    fitted, median = align(plain, known, 'median')
    beside = {'none': judged(depth), 'median': errors(fitted, known)}
    for name, make in SOURCES.items():
        about = (frame.id, frame.kind, frame.scene, name)
        source = make(frame)
        if source is None:
            yield Row(*about, reason='no such reference in true depth')
            continue
        began = time.perf_counter()
        found = source.estimate(view)
        seconds = time.perf_counter() - began
        if isinstance(found, NoScale):
            yield Row(*about, reason=found.text, seconds=seconds)
            continue
        values = {**beside, 'source': judged(found.correction.apply(depth))}
        off = found.log_scale - float(np.log(median))
        curved = not found.correction.is_constant
        yield Row(*about, '', values, curved, off, found.deviation, seconds)


def summary_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what a table says of one source on one kind."""
    used = [r for r in rows if r.values]
    result: dict[str, Any] = {
        'frames': len(used),
        'of': len(rows),
        'scenes': len({r.scene for r in used}),
        'curves': sum(r.curved for r in used),
        'median_ms': float(np.median([r.seconds for r in rows])) * 1e3,
        'reasons': sorted({r.reason for r in rows if r.reason}),
    }
    if used:
        result |= {
            how: {m: scene_interval(used, how, m) for m in ('abs_rel', 'delta1')}
            for how in ('none', 'source', 'median')
        }
        result['ratio_to_median'] = (
            result['source']['abs_rel']['mean'] / result['median']['abs_rel']['mean']
        )
        off = np.array([r.off for r in used])
        result['log_scale_off'] = {
            'median': float(np.median(off)),
            'median_abs': float(np.median(np.abs(off))),
            'rms': float(np.sqrt(np.mean(off**2))),
            'stated_rms': float(np.sqrt(np.mean([r.deviation**2 for r in used]))),
        }
    return result


def scene_interval(rows: Sequence[Row], how: str, metric: str) -> Interval:
    """Return the mean over scenes with its bootstrap interval."""
    by_scene: dict[str, list[float]] = {}
    for row in rows:
        assert row.values is not None
        by_scene.setdefault(row.scene, []).append(row.values[how][metric])
    return interval(np.array([np.mean(values) for values in by_scene.values()]))


def picture(frame: Frame) -> NDArray[np.uint8]:
    """Return the image with the pixels on the true floor in green."""
    shown = frame.rgb.copy()
    if frame.floor is not None:
        points = back_project(np.where(frame.truth > 0, frame.truth, np.nan), frame.camera)
        over = frame.floor.height - points @ frame.floor.normal
        on = np.abs(over) < 0.015 + 0.012 * frame.truth
        on = cv2.dilate(on.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        shown[on] = shown[on] // 2 + np.array([0, 127, 0], np.uint8)
        label = f'{frame.id} {frame.floor.height:.2f} m'
    else:
        label = f'{frame.id} none'
    small = cv2.resize(shown, (400, 300), interpolation=cv2.INTER_AREA)
    cv2.putText(small, label, (5, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 0, 0), 1)
    return np.asarray(small, np.uint8)


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--real', type=Path, help='manifest.json of real images')
    parser.add_argument('--rendered', type=Path, nargs='+', help='manifest.json of training sets')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument('--floors', type=Path, help='picture of the true floors (.png)')
    args = parser.parse_args()
    if bool(args.real) == bool(args.rendered):
        parser.error('give --real or --rendered')
    return reported(lambda: measure(args), 'scale_sources')


def measure(args: argparse.Namespace) -> None:
    """Measure, print, write. Raises UserError for what cannot be read or written."""
    make_folder(args.out)
    if args.floors:
        check_output(args.floors, ('.png',))
    name = 'real' if args.real else 'rendered'
    frames = list(real_frames(args.real) if args.real else rendered_frames(args.rendered))
    if args.floors:
        tiles = [picture(f) for f in frames[:40]]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 5)
        sheet = np.vstack([np.hstack(tiles[i : i + 5]) for i in range(0, len(tiles), 5)])
        cv2.imwrite(str(args.floors), sheet[..., ::-1])
    models = {m: DepthEstimator(m, device='cpu') for m in {MODELS[f.kind] for f in frames}}
    rows = [
        row
        for f in frames
        for row in rows_of(f, models[MODELS[f.kind]].predict(f.rgb, fx=f.camera.fx).depth)
    ]
    results = {
        kind: {s: summary_of([r for r in rows if (r.kind, r.source) == (kind, s)]) for s in SOURCES}
        for kind in dict.fromkeys(r.kind for r in rows)
    }
    text = table(results, MODELS)
    write_json(args.out / f'{name}.json', results)
    write_atomically(args.out / f'{name}.md', text.encode())
    print(text)
    if args.real:
        print(navigation_table(results))


if __name__ == '__main__':
    sys.exit(main())
