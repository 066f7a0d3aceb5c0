"""The picture of docs/navigation.md: what a robot gets of one frame.

    navigation_picture.py docs/navigation.jpg

Camera image; seen from above what the model indoor-m gives, scaled by the height of the camera;
what the true depth of the same frame gives. Floor green, obstacles red, free view grey, the scan
white. Frame and truth are of config/demo_clip, the settings those of config/navigation.yaml.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, read_json
from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.cleaning import EdgeFilter, EdgeSettings, RangeLimits
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
from s2r_depth_ros.geometry.reduction import strided_image, strided_intrinsics
from s2r_depth_ros.geometry.scale import CameraHeight, ScaleEstimate, UnscaledView
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.sources import SourceError, read_image
from s2r_depth_ros.media.writers import write_color_picture
from s2r_depth_ros.share import share_directory

FRAME = 15  # of the clip; one with true depth
PANEL = 460  # px, height and width
AHEAD, ASIDE = 4.6, 2.45  # m that the plan shows
GREEN, RED, GREY = (70, 170, 90), (230, 70, 60), (90, 90, 96)
WHITE, YELLOW = (255, 255, 255), (250, 220, 80)

Rgb = NDArray[np.uint8]
Depth = NDArray[np.float32]


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('file', type=Path, help='JPEG to write')
    args = parser.parse_args()
    return reported(lambda: write(args.file), 'navigation_picture')


def write(file: Path) -> None:
    """Draw and write the picture. Raises UserError for what cannot be read or written."""
    check_output(file)
    folder = share_directory() / 'config'
    clip = read_json(folder / 'demo_clip' / 'sequence.json')
    frame = clip['frames'][FRAME]
    rgb = read_image(folder / 'demo_clip' / frame['rgb'])
    raw = cv2.imread(str(folder / 'demo_clip' / frame['depth']), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise SourceError(f'{frame["depth"]}: no depth image that can be read')
    camera = Intrinsics(*(clip[n] for n in ('fx', 'fy', 'cx', 'cy', 'width', 'height')))
    # The world's floor is z = 0.
    floor = Plane.under_camera(np.array(frame['pose_c2w']))
    values = yaml.safe_load((folder / 'navigation.yaml').read_text())['/**']['ros__parameters']
    predicted = DepthEstimator('indoor-m', device='cpu').predict(rgb, fx=camera.fx).depth
    found = CameraHeight(floor.offset, 0.0, floor.normal).estimate(UnscaledView(predicted, camera))
    if not isinstance(found, ScaleEstimate):
        raise SourceError(f'no floor is found in frame {FRAME}: {found}')
    truth = np.where(raw > 0, raw * np.float32(clip['depth_scale']), np.nan).astype(np.float32)
    plans = [
        plan(depth, camera, floor, values) for depth in (predicted * np.float32(found.scale), truth)
    ]
    size = (PANEL * 4 // 3, PANEL)
    image = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    names = ('camera image', f'by the model, scaled by {found.scale:.2f}', 'by the true depth')
    panels = [titled(p, name) for p, name in zip((image, *plans), names)]
    write_color_picture(file, np.hstack(panels), (cv2.IMWRITE_JPEG_QUALITY, 84))


def plan(depth: Depth, camera: Intrinsics, floor: Plane, values: dict[str, Any]) -> Rgb:
    """Return what lies around the camera as seen from above, ahead is up."""
    clean = depth.copy()
    if values['edge_filter']['enable']:
        EdgeFilter(camera, EdgeSettings()).apply(clean)
    RangeLimits(values['min_depth'], values['max_depth']).apply(clean)
    picture: Rgb = np.full((PANEL, PANEL, 3), 32, np.uint8)
    turn = floor.level_rotation()
    free = clearing_points(clean, camera, values['max_depth'], stride=8) @ turn.T
    for x, y in places(free):
        cv2.line(picture, places(np.zeros((1, 3)))[0], (x, y), GREY, 1)
    stride = values['cloud']['stride']
    few, small = strided_image(clean, stride), strided_intrinsics(camera, stride)
    parts = split_ground(few, ground_bounds(FloorView(small, floor), GroundSettings()))
    points = back_project(few, small)
    for mask, colour in ((parts.ground, GREEN), (parts.obstacle, RED)):
        for x, y in places(points[mask > 0] @ turn.T):
            cv2.rectangle(picture, (x - 1, y - 1), (x + 1, y + 1), colour, -1)
    limits = {name: values['scan'][name] for name in ('min_height', 'max_height', 'max_range')}
    view = FloorView(camera, floor)
    scanner = Scanner(view, ScanSettings(**limits), level_beams(view, 0.01))
    ranges, beams = scanner.scan(clean), scanner.beams
    angles = beams.angle_min + beams.angle_increment * np.arange(beams.count)
    hit = np.isfinite(ranges)
    ends = ranges[hit, None] * np.stack([np.cos(angles), np.sin(angles)], -1)[hit]
    for x, y in places(np.pad(ends, ((0, 0), (0, 1)))):
        cv2.circle(picture, (x, y), 3, WHITE, 1)
    for metres in (1, 2, 3, 4):
        around = places(np.array([[metres, 2.4, 0.0]]))[0]
        cv2.putText(picture, f'{metres} m', around, cv2.FONT_HERSHEY_SIMPLEX, 0.4, YELLOW, 1)
    cv2.drawMarker(picture, places(np.zeros((1, 3)))[0], YELLOW, cv2.MARKER_TRIANGLE_UP, 14, 2)
    return picture


def places(points: NDArray[np.floating[Any]]) -> list[tuple[int, int]]:
    """Return the pixels (x, y) of points of the level frame, [N, 3], that the plan shows."""
    scale = PANEL / (2 * ASIDE)
    x, y = (ASIDE - points[:, 1]) * scale, (AHEAD - points[:, 0]) * scale
    shown = (points[:, 0] < AHEAD + 1) & (np.abs(points[:, 1]) < ASIDE + 1)
    return list(zip(np.rint(x[shown]).astype(int).tolist(), np.rint(y[shown]).astype(int).tolist()))


def titled(panel: Rgb, title: str) -> Rgb:
    """Return the panel beneath its title."""
    head: Rgb = np.full((30, panel.shape[1], 3), 32, np.uint8)
    cv2.putText(head, title, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)
    return np.pad(np.vstack([head, panel]), ((0, 0), (0, 6), (0, 0)), constant_values=32)


if __name__ == '__main__':
    sys.exit(main())
