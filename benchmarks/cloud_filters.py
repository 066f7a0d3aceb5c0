"""What the filters of depth and clouds are worth on rendered rooms and a real sequence, and cost.

    cloud_filters.py --rooms DIR/manifest.json --sequence DIR --json benchmarks/cloud_filters.json
    cloud_filters.py --model indoor-m --rooms DIR/manifest.json --sequence DIR --runs 0 \
        --json benchmarks/cloud_filters_indoor-m.json

rooms: scenes for judging only at 480x640 px (s2r_train render --kind indoor --size 480x640
--validation 1). sequence: a folder with sequence.json, images and true depth, as config/demo_clip.
streets: as rooms, for the sky, of which outdoor-s says what it is. Each part is left out without
its argument, cost with --runs 0.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.benchmark.timing import measure_in_turns
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, read_json, write_json
from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.cleaning import (
    INDOOR_CONFIDENCE,
    ConfidenceFilter,
    EdgeFilter,
    EdgeSettings,
    RangeLimits,
    TemporalFilter,
    TemporalSettings,
)
from s2r_depth_ros.geometry.cleaning.range_limits import SKY_SHARE
from s2r_depth_ros.geometry.navigation import (
    FloorView,
    GroundSettings,
    Scanner,
    ScanSettings,
    clearing_points,
    ground_bounds,
    level_beams,
    split_ground,
)
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.reduction import (
    Box,
    keep_region,
    region_bounds,
    strided_image,
    strided_intrinsics,
    voxel_grid,
)
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.sources import SourceError, read_image
from s2r_depth_ros.option_values import count
from s2r_depth_ros.tables import format_markdown_table
from s2r_depth_training.dataset.format import VALIDATION, read_shards

SIZE = (480, 640)
ANGLES = (75, 80, 85)  # degrees of incidence that are tried
VIEWS = 32  # of the rooms, spread over them
OFF = 0.1  # a point farther than this from every true surface, as a share of its depth, flies
WINDOW = 16  # px in which true surfaces are looked for: as far as the model smears edges
FLOOR = 0.02  # m; true points this near the floor are floor
BEAM = math.radians(0.5)

Depth = NDArray[np.float32]


class SmearedView(NamedTuple):
    """One rendered view: depth [H, W] of the model, scaled to the true median, and of the truth.

    smeared: the truth as an ideal network of 96x128 px would give it.
    """

    predicted: Depth
    truth: Depth
    smeared: Depth
    intrinsics: Intrinsics


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rooms', type=Path, help='manifest.json of rendered rooms')
    parser.add_argument('--streets', type=Path, help='manifest.json of rendered streets')
    parser.add_argument('--sequence', type=Path, help='folder of sequence.json, with depth')
    parser.add_argument('--model', default='indoor-s', help='of rooms (default: %(default)s)')
    number = partial(count, least=0)
    parser.add_argument('--runs', type=number, default=200, help='of each filter (default: 200)')
    parser.add_argument('--json', type=Path, required=True, help='file to write')
    args = parser.parse_args()
    return reported(lambda: measure(args), 'cloud_filters')


def measure(args: argparse.Namespace) -> None:
    """Measure, print, write. Raises UserError for what cannot be read or written."""
    check_output(args.json)
    result: dict[str, Any] = {'machine': machine(torch.device('cpu')), 'model': args.model}
    if args.rooms:
        views = list(_views(args.model, args.rooms))
        result['flying'] = _flying(views)
        result['floor'] = _floors_and_scans(views)
    if args.streets:
        result['sky'] = _sky(args.streets)
    if args.sequence:
        result['flicker'] = _flicker(args.model, args.sequence)
    if args.runs:
        result['cost_ms'] = _cost(args.runs)
        result['opencv_threads'] = cv2.getNumThreads()
    write_json(args.json, result)
    _print(result)


def _views(model: str, manifest: Path) -> Iterator[SmearedView]:
    """Yield the frames of a set of rendered rooms."""
    estimator = DepthEstimator(model, device='cpu')
    for shard in read_shards(manifest, VALIDATION):
        for i in np.unique(np.linspace(0, len(shard) - 1, VIEWS).astype(int)):
            frame = shard.frame(int(i))
            truth = frame.depth.astype(np.float32)
            if truth.shape != SIZE or not (truth > 0).all():
                continue
            predicted = estimator.predict(frame.rgb, fx=frame.fx).depth
            predicted *= np.float32(np.median(truth) / np.median(predicted))
            small = cv2.resize(truth, (128, 96), interpolation=cv2.INTER_AREA)
            smeared = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.0), SIZE[::-1])
            fx, fy, cx, cy = map(float, shard.arrays['intrinsics'][i])
            camera = Intrinsics(fx, fy, cx, cy, SIZE[1], SIZE[0])
            yield SmearedView(predicted, truth, np.asarray(smeared, np.float32), camera)


def _flying(views: list[SmearedView]) -> dict[str, dict[str, dict[str, float]]]:
    """Return, for both kinds of depth and each angle, what the edge filter does to flying points.

    flying: share that flies before, left: after. recall: share of those that fly that go. removed:
    of all points. A point flies if it is between the nearest and farthest true surface around it
    and near none of them.
    """
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ('smeared', 'predicted'):
        depths = [getattr(view, kind) for view in views]
        flies = [_hovers(depth, view.truth) for depth, view in zip(depths, views)]
        tables[kind] = {}
        for angle in ANGLES:
            settings = EdgeSettings(max_incidence=math.radians(angle))
            gone = [
                np.isnan(EdgeFilter(view.intrinsics, settings).apply(depth.copy()))[::8, ::8]
                for depth, view in zip(depths, views)
            ]
            all_fly, all_gone = np.concatenate(flies), np.concatenate(gone)
            tables[kind][str(angle)] = {
                'flying': _rounded(all_fly.mean()),
                'left': _rounded(all_fly[~all_gone].mean()),
                'recall': _rounded(all_gone[all_fly].mean()),
                'removed': _rounded(all_gone.mean()),
            }
    return tables


def _hovers(depth: Depth, truth: Depth) -> NDArray[np.bool_]:
    """Return which of every eighth pixel hangs between true surfaces, bool [H / 8, W / 8]."""
    log_depth, log_truth = np.log(depth[::8, ::8]), np.log(truth)
    around = np.pad(log_truth, WINDOW, mode='edge')
    nearest = np.full(log_depth.shape, np.inf, np.float32)
    lowest, highest = np.full_like(nearest, np.inf), np.full_like(nearest, -np.inf)
    for down in range(0, 2 * WINDOW + 1, 2):
        for across in range(0, 2 * WINDOW + 1, 2):
            shifted = around[down:, across:][: SIZE[0] : 8, : SIZE[1] : 8]
            np.minimum(nearest, np.abs(log_depth - shifted), out=nearest)
            np.minimum(lowest, shifted, out=lowest)
            np.maximum(highest, shifted, out=highest)
    return (nearest > math.log1p(OFF)) & (log_depth > lowest) & (log_depth < highest)


def _floors_and_scans(views: list[SmearedView]) -> dict[str, dict[str, float]]:
    """Return the means over the views where a floor is seen, for both ways to scale depth."""
    planes = [(view, plane) for view in views if (plane := _true_floor(view)) is not None]
    rows = {
        scaled_by: [_floor_and_scan(view, plane, scaled_by) for view, plane in planes]
        for scaled_by in ('median', 'floor')
    }
    return {
        scaled_by: {key: _rounded(np.nanmean([row[key] for row in found])) for key in found[0]}
        | {'views': len(found)}
        for scaled_by, found in rows.items()
    }


def _floor_and_scan(view: SmearedView, plane: Plane, scaled_by: str) -> dict[str, float]:
    """Return how flat the floor is and how right the scan.

    scaled_by: ``median``, of the image's true depth, or ``floor``: so that the median height of the
    floor is right, as the height of the camera gives it.
    """
    rays = FloorView(view.intrinsics, plane)
    true_heights = plane.offset + rays.up * view.truth
    floor, high = np.abs(true_heights) < FLOOR, true_heights > 0.2
    scale = np.median(view.truth[floor] / view.predicted[floor]) if scaled_by == 'floor' else 1
    depth = view.predicted * np.float32(scale)
    heights = plane.offset + rays.up * depth
    parts = split_ground(depth, ground_bounds(rays, GroundSettings()))
    scanner = Scanner(rays, ScanSettings(), level_beams(rays, BEAM))
    clean = EdgeFilter(view.intrinsics, EdgeSettings()).apply(depth.copy())
    scan, truth = scanner.scan(clean), scanner.scan(view.truth)
    both = np.isfinite(scan) & np.isfinite(truth)
    return {
        'floor_height_spread_m': float(heights[floor].std()),
        'floor_seen_as_floor': float((parts.ground[floor] > 0).mean()),
        'floor_seen_as_obstacle': float((parts.obstacle[floor] > 0).mean()),
        'obstacle_seen_as_obstacle': float((parts.obstacle[high] > 0).mean()),
        'scan_range_error': (
            float(np.median(np.abs(scan[both] / truth[both] - 1))) if both.any() else math.nan
        ),
        'scan_obstacle_called_free': float(np.isposinf(scan[np.isfinite(truth)]).mean()),
        'scan_unknown': float(np.isnan(scan).mean()),
    }


def _true_floor(view: SmearedView) -> Plane | None:
    """Return the largest nearly level plane of the truth with next to nothing beneath it."""
    points = back_project(view.truth, view.intrinsics)[::12, ::12].reshape(-1, 3).astype(float)
    random, largest = np.random.default_rng(0), 0.1
    floor: Plane | None = None
    for _ in range(400):
        a, b, c = points[random.choice(len(points), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        normal /= length if length > 1e-6 else 1.0
        normal *= np.sign(normal[1])
        over = normal @ a - points @ normal
        share = (np.abs(over) < FLOOR).mean()
        if (
            normal[1] > 0.7
            and normal @ a > 0.2
            and share > largest
            and (over < -FLOOR).mean() < 0.01
        ):
            largest, floor = share, Plane(tuple(normal), float(normal @ a))
    return floor


def _sky(manifest: Path) -> dict[str, float]:
    """Return how much of the sky is found, and how much else is taken for it."""
    estimator = DepthEstimator('outdoor-s', device='cpu')
    found, wrong = [], []
    for shard in read_shards(manifest, VALIDATION):
        for i in range(len(shard)):
            frame = shard.frame(i)
            prediction = estimator.predict(frame.rgb, fx=frame.fx)
            farthest = estimator.metadata.max_depth * prediction.focal_scale
            far = np.isposinf(RangeLimits().without_sky(farthest).apply(prediction.depth))
            sky = frame.depth == 0
            found.append(far[sky].ravel())
            wrong.append(far[~sky].ravel())
    return {
        'share_of_farthest': SKY_SHARE,
        'sky_found': _rounded(np.concatenate(found).mean()),
        'else_taken_for_sky': _rounded(np.concatenate(wrong).mean()),
    }


def _flicker(model: str, folder: Path) -> dict[str, dict[str, float]]:
    """Return how depth flickers where the truth stayed, and its error, without and with the filter.

    flicker: mean absolute change of log depth beyond the true one. shape_flicker: beyond what is
    common to the frame, too. abs_rel: scaled to the true median.
    """
    clip = read_json(folder / 'sequence.json')
    estimator = DepthEstimator(model, device='cpu')
    temporal = TemporalFilter(TemporalSettings())
    rows: dict[str, list[tuple[float, float, float]]] = {'without': [], 'with': []}
    before: dict[str, Depth] = {}
    for frame in clip['frames']:
        rgb = read_image(folder / frame['rgb'])
        raw = cv2.imread(str(folder / frame['depth']), cv2.IMREAD_UNCHANGED)
        if raw is None:
            raise SourceError(f'{folder / frame["depth"]}: no depth image that can be read')
        truth = (raw * np.float32(clip['depth_scale'])).astype(np.float32)
        depth = estimator.predict(rgb, fx=clip['fx']).depth
        now = {
            'without': depth,
            'with': temporal.update(depth.copy(), rgb, float(frame['stamp'])),
            'truth': truth,
        }
        for name in rows if before else ():
            rows[name].append(_changes(now[name], before[name], truth, before['truth']))
        before = now
    names = ('flicker', 'shape_flicker', 'abs_rel')
    return {
        name: dict(zip(names, (_rounded(v) for v in np.mean(row, axis=0))))
        for name, row in rows.items()
    }


def _changes(
    now: Depth, before: Depth, truth: Depth, true_before: Depth
) -> tuple[float, float, float]:
    """Return flicker, its part beyond the frame's own, and abs_rel, of one frame."""
    known = (truth > 0.1) & (true_before > 0.1)
    true_change = np.log(truth[known] / true_before[known])
    stayed = np.abs(true_change) < 0.05  # no edge has passed
    change = (np.log(now[known] / before[known]) - true_change)[stayed]
    scaled = now[known] * np.median(truth[known] / now[known])
    return (
        float(np.abs(change).mean()),
        float(np.abs(change - np.median(change)).mean()),
        float(np.abs(scaled / truth[known] - 1).mean()),
    )


def _cost(runs: int) -> dict[str, dict[str, float]]:
    """Return the least and the median ms of each filter on depth of a made-up room at 640x480."""
    calls = _calls()
    times = measure_in_turns(calls, runs, lambda: None)
    cost = {
        name: {'least': _rounded(1e3 * t[:, 0].min()), 'median': _rounded(1e3 * np.median(t[:, 0]))}
        for name, t in times.items()
    }
    each_frame = [row for name, row in cost.items() if not name.startswith('once:')]
    cost['all of a frame'] = {
        key: _rounded(sum(row[key] for row in each_frame)) for key in ('least', 'median')
    }
    return cost


def _calls() -> dict[str, Callable[[], object]]:
    """Return what is timed; ``once:`` is needed when the camera or the floor changes only."""
    camera = Intrinsics(525.0, 525.0, 319.5, 239.5, SIZE[1], SIZE[0])
    plane = Plane((0.0, math.cos(0.2), math.sin(0.2)), 0.6)
    view = FloorView(camera, plane)
    down = np.minimum(-plane.offset / np.minimum(view.up, -1e-3), 3.0 / view.forward)
    ripple = 1 + 0.01 * np.random.default_rng(0).standard_normal((12, 16)).astype(np.float32)
    depth = (down * cv2.resize(ripple, SIZE[::-1], interpolation=cv2.INTER_CUBIC)).astype(
        np.float32
    )
    rgb = np.random.default_rng(1).integers(0, 255, (*SIZE, 3), np.uint8)
    far = RangeLimits(0.3, 2.5).apply(depth.copy())
    scanner = _scanner(view)
    box = Box((-2.0, -2.0, 0.0), (2.0, 2.0, 5.0))
    # As the node makes clouds at a cloud.stride of 4, config/navigation.yaml's.
    few, small = strided_image(depth, 4), strided_intrinsics(camera, 4)
    bounds = ground_bounds(FloorView(small, plane), GroundSettings())
    region = region_bounds(small, box, np.eye(3), np.zeros(3))
    points = back_project(few, small).reshape(-1, 3)
    colours = np.zeros(len(points), np.uint32)
    temporal, stamps = TemporalFilter(TemporalSettings()), iter(range(10**9))
    return {
        'edge_filter': partial(EdgeFilter(camera, EdgeSettings()).apply, depth.copy()),
        'range': partial(RangeLimits(0.3, 2.5).apply, depth.copy()),
        'temporal_filter': lambda: temporal.update(depth, rgb, 0.1 * next(stamps)),
        'confidence': partial(ConfidenceFilter(INDOOR_CONFIDENCE, 0.3).apply, depth.copy()),
        'cloud.region of every 4th pixel': partial(keep_region, few.copy(), region),
        'cloud.stride 4': lambda: (strided_image(depth, 4), strided_image(rgb, 4)),
        'cloud.voxel_size 0.05 of those': partial(voxel_grid, points, colours, 0.05),
        'ground split of those': partial(split_ground, few, bounds),
        'scan': partial(scanner.scan, depth),
        'clearing points': partial(clearing_points, far, camera, 2.5),
        'once: edge limits': partial(EdgeFilter, camera, EdgeSettings()),
        'once: floor view': partial(FloorView, camera, plane),
        'once: ground bounds': partial(ground_bounds, FloorView(small, plane), GroundSettings()),
        'once: scanner': partial(_scanner, view),
        'once: region bounds': partial(region_bounds, small, box, np.eye(3), np.zeros(3)),
    }


def _scanner(view: FloorView) -> Scanner:
    return Scanner(view, ScanSettings(), level_beams(view, BEAM))


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def _print(result: dict[str, Any]) -> None:
    """Print the tables, as Markdown."""
    for kind, rows in result.get('flying', {}).items():
        head = (f'incidence limit, {kind}', *next(iter(rows.values())))
        cells = [
            (f'{a} degrees', *(f'{100 * v:.1f} %' for v in r.values())) for a, r in rows.items()
        ]
        print(format_markdown_table(head, cells), end='\n\n')
    if 'floor' in result:
        kinds = result['floor']
        rows = [(k, *(f'{kinds[by][k]:g}' for by in kinds)) for k in next(iter(kinds.values()))]
        print(format_markdown_table(('scaled by', *kinds), rows), end='\n\n')
    if 'sky' in result:
        rows = [(name, f'{value:g}') for name, value in result['sky'].items()]
        print(format_markdown_table(('sky_filter', 'mean'), rows), end='\n\n')
    if 'flicker' in result:
        head = ('temporal_filter', *next(iter(result['flicker'].values())))
        cells = [
            (n, *(f'{100 * v:.2f} %' for v in r.values())) for n, r in result['flicker'].items()
        ]
        print(format_markdown_table(head, cells), end='\n\n')
    if 'cost_ms' in result:
        costs = result['cost_ms'].items()
        cells = [(n, f'{r["least"]:.2f}', f'{r["median"]:.2f}') for n, r in costs]
        print(format_markdown_table(('640x480', 'ms, least', 'ms, median'), cells))


if __name__ == '__main__':
    sys.exit(main())
