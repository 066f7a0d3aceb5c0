"""What a costmap of a simulated robot has of rooms, with the node's outputs and without.

    PYTHONPATH=.:training .venv/bin/python benchmarks/simulate_drive.py --out benchmarks/drive

Rooms are rendered, a robot drives through each, and the node's own code makes of every frame what
the voxel layer of Nav2 marks and clears by. Writes drive.json and drive.md, and with --picture
the first room from above.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import torch

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, make_folder, write_atomically, write_json
from s2r_depth_ros.option_values import count, positive
from simulated_drive.drive import drive
from simulated_drive.frames import Drive
from simulated_drive.picture import picture
from simulated_drive.results import summary_of, table_of
from simulated_drive.rooms import rooms
from simulated_drive.setups import AFTER, BEFORE, BRIEF, SETUPS


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=Path, required=True, help='folder for JSON and table')
    parser.add_argument('--rooms', type=count, default=10, help='default: %(default)s')
    parser.add_argument('--height', type=positive, default=0.5, help='of the camera, m')
    parser.add_argument('--model', default='indoor-m', help='default: %(default)s')
    parser.add_argument('--brief', action='store_true', help='only the rows that tell most')
    parser.add_argument('--picture', type=Path, help='of the first room (.jpg)')
    args = parser.parse_args()
    return reported(lambda: measure(args), 'simulate_drive')


def measure(args: argparse.Namespace) -> None:
    """Drive, print, write. Raises UserError for what cannot be read or written."""
    make_folder(args.out)
    if args.picture:
        check_output(args.picture, ('.jpg',))
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    began, results = time.monotonic(), []
    setups = BRIEF if args.brief else SETUPS
    for result in drive(rooms(args.rooms), setups, Drive(args.height), args.model):
        room = result.room
        print(f'room {room.seed}, {room.scene.shape.use}: {time.monotonic() - began:.0f} s')
        results.append(result)
    summary = summary_of(results)
    told = {
        'machine': machine(torch.device('cpu')),
        'model': args.model,
        'camera_height': args.height,
        'rooms': [
            {'seed': r.room.seed, 'use': r.room.scene.shape.use, 'points': len(r.room.way)}
            for r in results
        ],
        'setups': summary,
    }
    name, text = f'drive_{args.height:g}m', table_of(summary)
    write_json(args.out / f'{name}.json', told)
    write_atomically(args.out / f'{name}.md', f'{text}\n'.encode())
    if args.picture:
        shown = picture(results[0], (BEFORE, AFTER))
        cv2.imwrite(str(args.picture), shown[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(text)


if __name__ == '__main__':
    sys.exit(main())
