"""What a robot's camera sees on a drive through a rendered building, and where it has not been.

    PYTHONPATH=.:training .venv/bin/python benchmarks/drive_building.py WORLD --out DIR

Writes folders of pictures, true depth and sequence.json as the demo plays them: ``drive``, one
frame a second; ``same rooms``, views of places in the part that is driven through, which no pose of
the drive comes near; ``closed rooms``, views of the quarter of the building, at one end, that it
does not enter. For adaptation.py --drive, and adaptation_walk.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import make_folder, write_json
from s2r_depth_ros.option_values import count, positive
from s2r_depth_training.runs.demo_clip import write_frame
from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.views import PRE_PASS, reject_bad_view
from simulated_drive.frames import HEIGHT, RATE, WIDTH, camera_at
from simulated_drive.grid import Mask
from simulated_drive.worlds import Building, Poses

DRIVE = 'drive'
_ABOVE_FLOOR = 0.5  # m of the camera
_PLACES, _LOOKS = 40, 4  # that are judged by, and directions from each
_NEAREST = 0.4  # m; what is closer may cover a seventh of what is judged by

View = tuple[str, Camera]
"""Of a place, its name, and the camera there."""


def on_drive(poses: Poses) -> Iterator[View]:
    """Yield one view a second."""
    for number in range(0, len(poses), round(RATE)):
        yield DRIVE, camera_at(poses.points[number], poses.yaw[number], _ABOVE_FLOOR)


def elsewhere(building: Building, cells: Mask, drive: Poses, renderer: Renderer) -> Iterator[View]:
    """Yield views from places on ``cells`` that are new, and show something."""
    for number, place in enumerate(building.places(cells, _PLACES)):
        for yaw in building.looks(_LOOKS):
            camera = camera_at(place, yaw, _ABOVE_FLOOR)
            seen = renderer.depth(building.scene, camera.resized(*PRE_PASS))
            if not drive.are_near(place, yaw) and not reject_bad_view(seen, _NEAREST):
                yield f'place {number}', camera


def write_clip(folder: Path, views: Iterator[View], building: Building, renderer: Renderer) -> int:
    """Write views, a second apart, as a folder that the demo plays; return their number."""
    for name in ('rgb', 'depth'):
        make_folder(folder / name)
    rng, frames = np.random.default_rng(0), []
    for number, (place, camera) in enumerate(views):
        image = renderer.render(building.scene, camera)
        files = write_frame(folder, number, image, rng, has_depth=True)
        frames.append({'stamp': float(number), 'place': place, **files})
    told = {name: getattr(camera, name) for name in ('fx', 'fy', 'cx', 'cy', 'width', 'height')}
    content = {'name': folder.name, **told, 'depth_scale': 0.001, 'frames': frames}
    write_json(folder / 'sequence.json', content)
    return len(frames)


def write_all(world: Path, out: Path, minutes: float, seed: int) -> None:
    """Render, print. Raises UserError for what cannot be read or written."""
    make_folder(out)
    building = Building(world, seed)
    drive = building.drive(60 * minutes)
    with Renderer(WIDTH, HEIGHT) as renderer:
        clips = {
            DRIVE: on_drive(drive),
            'same rooms': elsewhere(building, building.driven, drive, renderer),
            'closed rooms': elsewhere(building, building.closed, drive, renderer),
        }
        for name, views in clips.items():
            print(f'{name}: {write_clip(out / name, views, building, renderer)} frames')


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('world', type=Path, help='.world, .sdf or .json, its floor at 0')
    parser.add_argument('--out', type=Path, required=True, help='folder for the clips')
    minutes = partial(positive, unit='minutes')
    parser.add_argument('--minutes', type=minutes, default=10.0, help='default: %(default)s')
    parser.add_argument('--seed', type=partial(count, least=0), default=0, help='of light and ways')
    args = parser.parse_args()
    run = partial(write_all, args.world, args.out, args.minutes, args.seed)
    return reported(run, 'drive_building')


if __name__ == '__main__':
    sys.exit(main())
