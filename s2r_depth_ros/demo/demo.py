"""The demo from top to bottom: open the clip, play and record it, draw what was received."""

from __future__ import annotations

import sys

from s2r_depth_ros.demo.options import DemoOptions
from s2r_depth_ros.demo.output_folder import OutputFolder
from s2r_depth_ros.demo.results import write_results
from s2r_depth_ros.demo.session import play_and_record
from s2r_depth_ros.demo.summary import DemoSummary
from s2r_depth_ros.rig.open_clip import open_clip


def run_demo(options: DemoOptions) -> DemoSummary:
    """Run the demo and write its results to ``options.out``. Raises UserError.

    KeyboardInterrupt (also for SIGTERM) goes on to the caller when all processes have ended.
    """
    clip = open_clip(options.input, fx=options.fx, topic=options.topic)
    folder = OutputFolder(options.out)
    folder.prepare()
    print(f'{clip.name}; {clip.camera}')
    for note in clip.notes:
        print(f'note: {note}', file=sys.stderr)
    if clip.metres:
        print(f'depth is to be scaled by {clip.metres.words}; flying pixels are left out')
    played = play_and_record(options, folder, clip)
    if played.left_out:
        told = f'left out: {len(played.left_out)} times, first because {played.left_out[0]}'
        print(told, file=sys.stderr)
    return write_results(options, folder, clip, played)
