"""A camera that shows one picture at a steady rate, a process of its own."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.rig.camera_player import Playback, play
from s2r_depth_ros.rig.clip import OPTICAL_FRAME, Clip, ClipFrame, ImageData, Report, pinhole
from s2r_depth_ros.rig.ros_process import in_namespace, stop_on_signals


def main() -> int:
    """Play; return 0, or 1 if nobody subscribed."""
    parser = argparse.ArgumentParser(prog='still_camera', description=__doc__)
    parser.add_argument('image', help='.npy file, uint8 [H, W, 3] RGB')
    parser.add_argument('--rate', type=float, required=True, help='frames per second')
    parser.add_argument('--frames', type=int, required=True)
    parser.add_argument('--namespace', default='/', help='of its topics')
    options = parser.parse_args()
    playback = Playback(
        rate=options.rate, frames=options.frames, subscribers=1, wait=30.0, hold=True
    )
    stop = stop_on_signals()
    return play(_still(np.load(options.image)), playback, stop, in_namespace(options.namespace))


def _still(rgb: NDArray[np.uint8]) -> Clip:
    """Return an endless clip of ``rgb``, uint8 [H, W, 3], seen by a camera of 53 degrees."""
    height, width = rgb.shape[:2]
    # The rate of playing sets the times.
    frame = ClipFrame(0.0, ImageData.from_rgb(rgb), pinhole(width, height, fx=float(width)))

    def frames(_report: Report) -> Iterator[ClipFrame]:
        return itertools.repeat(frame)

    return Clip('still', None, 'assumed', OPTICAL_FRAME, frames)


if __name__ == '__main__':
    sys.exit(main())
