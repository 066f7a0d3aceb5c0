"""What levelling the camera is worth: depth errors with images turned to the model's poses, or not.

    level_camera.py --rooms 25 --streets 20 --out benchmarks/level
    level_camera.py --real eval_real/manifest.json --out benchmarks/level
    level_camera.py --sequence sequence.json --out benchmarks/level

--rooms, --streets: rendered scenes, each seen from one place by a camera of known pitch and roll.
--real: images of cameras that were held about level, as they would be from a camera on its side or
upside down. --sequence: a recording with poses; down is the direction, fixed in its world, in which
planes of true depth are level. Ways: never; roll: upright if rolled beyond the model's training,
which the node does from 10 degrees beyond on; both: pitch, too, to the nearest of the training.
Errors are as the robot gets them, and median-scaled, means over scenes with their intervals. Writes
rendered, real or sequence, .json and .md.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.evaluation.manifest import CAPS, read_ground_truth
from s2r_depth_ros.evaluation.metrics import MIN_DEPTH, align, errors, valid_mask
from s2r_depth_ros.evaluation.scores import fill_invalid, interval
from s2r_depth_ros.files import make_folder, read_json, write_atomically, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.level import (
    TurnedView,
    angle_of,
    pitch_and_roll,
    rotation_to_pose,
)
from s2r_depth_ros.geometry.rigid import Matrix
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.tables import format_markdown_table
from scale_sources import MODELS, camera_of, true_floor
from scale_tables import cell

WAYS = ('never', 'roll', 'both')
SIZE = (256, 192)
FIELD = math.radians(65)
# Degrees. Pitch of a level camera, roll of one that looks down a little, as most do.
POSES = (
    *((pitch, 0) for pitch in (-40, -30, -20, -10, 0, 10, 20, 30, 40)),
    *((-10, roll) for roll in (-40, -25, -10, 10, 25, 40, 90, -90, 180)),
)
FIRST_SEED = 5_000_001  # no scene of the training
EVERY = 6  # frames of the recording
LEAST_TURN = math.radians(1)  # as in the node

Down = tuple[float, float, float]


class PosedFrame(NamedTuple):
    """One image with truth [H, W], metres, 0 unknown, and down in its optical frame.

    pose: what it is told by in the table.
    """

    kind: str
    scene: str
    pose: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.float32]
    camera: Intrinsics
    down: Down


class PoseErrors(NamedTuple):
    """Errors of one frame: way -> none or median -> metric."""

    kind: str
    scene: str
    pose: str
    values: dict[str, dict[str, dict[str, float]]]


# ---- frames


def rendered_frames(kind: str, count: int) -> Iterator[PosedFrame]:
    """Yield views of ``count`` scenes from one place each, in every one of POSES."""
    from s2r_depth_training.dataset.typical import depths_are_typical
    from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
    from s2r_depth_training.synthetic.looks.photo import sample_photo, take_photo
    from s2r_depth_training.synthetic.renderer.renderer import Renderer
    from s2r_depth_training.synthetic.sources.kinds import make_source
    from s2r_depth_training.synthetic.views import find_view

    source = make_source('street' if kind == 'driving' else 'indoor')
    (width, height), fx = SIZE, SIZE[0] / 2 / math.tan(FIELD / 2)
    numbers = (fx, fx, (width - 1) / 2, (height - 1) / 2)

    def is_typical(depth: NDArray[np.float32], camera: Camera) -> bool:
        return kind == 'driving' or depths_are_typical(depth, width / camera.fx, (0.8, 4.5, 3.0))

    done, seed = 0, FIRST_SEED
    with Renderer(width, height) as renderer:
        while done < count:
            rng = np.random.default_rng(seed)
            scene, name, seed = source.build(rng), f'{kind} {seed}', seed + 1
            found = find_view(renderer, scene, source, rng, SIZE, is_wanted=is_typical)
            if found is None or abs(math.asin(found.rotation[2, 2])) > math.radians(25):
                continue
            yaw = math.atan2(found.rotation[1, 2], found.rotation[0, 2])
            look, done = int(rng.integers(1 << 30)), done + 1
            for pitch, roll in POSES:
                axes = rotation_from_angles(yaw, math.radians(pitch), math.radians(roll))
                image = renderer.render(scene, Camera(found.position, axes, *numbers, *SIZE))
                photo = np.random.default_rng(look)
                rgb = take_photo(image.rgb, sample_photo(photo, height), photo)
                x, y, z = (-axes[2]).tolist()
                pose = f'pitch {pitch}, roll {roll}'
                camera = camera_of(numbers, width, height)
                truth = image.depth.astype(np.float16).astype(
                    np.float32
                )  # as training sets have it
                yield PosedFrame(kind, name, pose, rgb, truth, camera, (x, y, z))


def real_frames(manifest: Path) -> Iterator[PosedFrame]:
    """Yield real images as they are, and as cameras turned about their axis would give them."""
    for listed in read_ground_truth(manifest):
        rgb, truth = listed.load()
        height, width = truth.shape
        for quarters, down in enumerate(((0, 1, 0), (1, 0, 0), (0, -1, 0), (-1, 0, 0))):
            image = np.ascontiguousarray(np.rot90(rgb, quarters))
            depth = np.ascontiguousarray(np.rot90(truth, quarters))
            size = (width, height) if quarters % 2 == 0 else (height, width)
            numbers = (listed.fx, listed.fx, (size[0] - 1) / 2, (size[1] - 1) / 2)
            pose = f'roll {(0, 90, 180, -90)[quarters]}'
            x, y, z = map(float, down)
            camera = camera_of(numbers, *size)
            yield PosedFrame(listed.kind, listed.scene, pose, image, depth, camera, (x, y, z))


def sequence_frames(path: Path) -> Iterator[PosedFrame]:
    """Yield frames of a recording with poses, by tens of degrees of their pitch and roll."""
    facts = read_json(path)
    size = (facts['width'], facts['height'])
    camera = camera_of([facts[name] for name in ('fx', 'fy', 'cx', 'cy')], *size)
    frames = []
    for entry in facts['frames'][::EVERY]:
        image = cv2.imread(str(path.parent / entry['rgb']))
        assert image is not None
        raw = cv2.imread(str(path.parent / entry['depth']), cv2.IMREAD_UNCHANGED)
        assert raw is not None
        truth = (raw * facts['depth_scale']).astype(np.float32)
        rotation = np.array(entry['pose_c2w'])[:3, :3]
        rgb = np.ascontiguousarray(image[..., ::-1], np.uint8)
        frames.append((rgb, truth, rotation))
    floors = [(true_floor(truth, camera), rotation) for _, truth, rotation in frames]
    downs = np.array([rotation @ floor.normal for floor, rotation in floors if floor])
    world = np.median(downs, axis=0)
    world /= np.linalg.norm(world)
    print(f'down is {world.round(3)} in the world, by level planes in {len(downs)} frames, which')
    apart = np.degrees(np.arccos(np.clip(downs @ world, -1, 1)))
    print(f'are off it by {np.median(apart):.1f} degrees in the median')
    for number, (rgb, truth, rotation) in enumerate(frames):
        x, y, z = (rotation.T @ world).tolist()
        pitch, roll = (10 * round(math.degrees(a) / 10) for a in pitch_and_roll((x, y, z)))
        pose = f'pitch {pitch}, roll {roll}'
        yield PosedFrame(facts['kind'], str(number), pose, rgb, truth, camera, (x, y, z))


# ---- errors


def row_of(frame: PosedFrame, estimator: DepthEstimator) -> PoseErrors | None:
    """Return the errors of a frame in every way, None where too little of it is known."""
    mask = valid_mask(frame.truth, CAPS[frame.kind])
    if mask.mean() < 0.002:
        return None
    known = frame.truth[mask].astype(np.float64)
    values: dict[str, dict[str, dict[str, float]]] = {}
    rotations: dict[str, Matrix | None] = {}
    for way in WAYS:
        rotations[way] = rotation = rotation_of(frame, estimator.metadata, way)
        if way == 'both' and _are_equal(rotation, rotations['roll']):
            values[way] = values['roll']
            continue
        depth = depth_of(frame, estimator, rotation)
        plain = np.maximum(fill_invalid(depth)[mask], MIN_DEPTH).astype(np.float64)
        values[way] = {
            'none': errors(plain, known),
            'median': errors(align(plain, known, 'median')[0], known),
        }
    return PoseErrors(frame.kind, frame.scene, frame.pose, values)


def _are_equal(one: Matrix | None, other: Matrix | None) -> bool:
    """Return whether two rotations are the same."""
    return one is not None and other is not None and np.allclose(one, other, atol=1e-6)


def rotation_of(frame: PosedFrame, model: ModelMetadata, way: str) -> Matrix | None:
    """Return the rotation that levels a frame in one of WAYS, None for never."""
    if way == 'never':
        return None
    pitch, roll = pitch_and_roll(frame.down)
    low, high = model.roll_range or (0.0, 0.0)
    if not low <= roll <= high:
        roll = 0.0
    if way == 'both' and model.pitch_range is not None:
        pitch = min(max(pitch, model.pitch_range[0]), model.pitch_range[1])
    return rotation_to_pose(frame.down, pitch, roll)


def depth_of(
    frame: PosedFrame, estimator: DepthEstimator, rotation: Matrix | None
) -> NDArray[np.float32]:
    """Return the depth of a frame, by its image turned by a rotation and turned back."""
    if rotation is None or angle_of(rotation) < LEAST_TURN:
        return estimator.predict(frame.rgb, fx=frame.camera.fx).depth
    view = TurnedView(frame.camera, rotation)
    turned = estimator.predict(view.turn(frame.rgb), fx=view.intrinsics.fx)
    return view.depth_back(turned.depth)


def summary_of(rows: Sequence[PoseErrors]) -> dict[str, Any]:
    """Return kind -> pose -> way -> none or median -> metric -> mean over scenes, interval."""
    result: dict[str, Any] = {}
    for kind, pose in dict.fromkeys((row.kind, row.pose) for row in rows):
        of_pose = [row for row in rows if (row.kind, row.pose) == (kind, pose)]
        scenes = [
            [row.values for row in of_pose if row.scene == scene]
            for scene in dict.fromkeys(row.scene for row in of_pose)
        ]
        result.setdefault(kind, {})[pose] = {
            'scenes': len(scenes),
            **{way: _means(scenes, way) for way in WAYS},
        }
    return result


def _means(scenes: Sequence[Sequence[Mapping[str, Any]]], way: str) -> dict[str, Any]:
    return {
        how: {
            metric: interval(np.array([np.mean([v[way][how][metric] for v in s]) for s in scenes]))
            for metric in ('abs_rel', 'delta1')
        }
        for how in ('none', 'median')
    }


def table(results: Mapping[str, Any]) -> str:
    """Return one Markdown table a kind of scene."""
    head = ('camera', 'scenes', *(f'abs_rel {w}' for w in WAYS), f'delta1 {", ".join(WAYS)}')
    head += (*(f'scaled abs_rel {w}' for w in WAYS), f'scaled delta1 {", ".join(WAYS)}')
    parts = []
    for kind, poses in results.items():
        lines = []
        for pose, entry in poses.items():
            cells: list[str] = []
            for how in ('none', 'median'):
                cells += (cell(entry[way][how]['abs_rel']) for way in WAYS)
                deltas = (entry[way][how]['delta1']['mean'] for way in WAYS)
                cells.append(', '.join(f'{delta:.2f}' for delta in deltas))
            lines.append((pose, str(entry['scenes']), *cells))
        parts += [f'### {kind}, {MODELS[kind]}\n', format_markdown_table(head, lines), '']
    return '\n'.join(parts)


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rooms', type=int, default=0, help='rendered rooms')
    parser.add_argument('--streets', type=int, default=0, help='rendered streets')
    parser.add_argument('--real', type=Path, help='manifest.json of real images')
    parser.add_argument('--sequence', type=Path, help='sequence.json of a recording with poses')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    args = parser.parse_args()
    if bool(args.rooms or args.streets) + bool(args.real) + bool(args.sequence) != 1:
        parser.error('give --rooms and --streets, --real or --sequence')
    return reported(lambda: measure(args), 'level_camera')


def frames_of(args: argparse.Namespace) -> tuple[str, Iterator[PosedFrame]]:
    """Return the name of what is measured, and its frames."""
    if args.real:
        return 'real', real_frames(args.real)
    if args.sequence:
        return 'sequence', sequence_frames(args.sequence)
    counts = {'indoor': args.rooms, 'driving': args.streets}
    return 'rendered', (frame for kind in counts for frame in rendered_frames(kind, counts[kind]))


def measure(args: argparse.Namespace) -> None:
    """Measure, print, write. Raises UserError for what cannot be read or written."""
    make_folder(args.out)
    torch.set_num_threads(1)
    name, frames = frames_of(args)
    models = {name: DepthEstimator(name, device='cpu') for name in set(MODELS.values())}
    rows = [row for frame in frames if (row := row_of(frame, models[MODELS[frame.kind]]))]
    results = summary_of(rows)
    text = table(results)
    write_json(args.out / f'{name}.json', results)
    write_atomically(args.out / f'{name}.md', text.encode())
    print(text)


if __name__ == '__main__':
    sys.exit(main())
