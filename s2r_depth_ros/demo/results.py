"""The results of a run out of its recording: the contact sheet and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from s2r_depth_ros.demo.contact_sheet import draw_sheet
from s2r_depth_ros.demo.options import DemoOptions
from s2r_depth_ros.demo.output_folder import OutputFolder
from s2r_depth_ros.demo.scaled import scaled_line
from s2r_depth_ros.demo.session import Played
from s2r_depth_ros.demo.sheet_rows import read_rows
from s2r_depth_ros.demo.summary import DemoSummary, summarise
from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.media.writers import write_color_picture
from s2r_depth_ros.rig.child import last_lines
from s2r_depth_ros.rig.clip import Clip
from s2r_depth_ros.rig.process_group import ProcessError
from s2r_depth_ros.rig.recording import Recording


def write_results(
    options: DemoOptions, folder: OutputFolder, clip: Clip, played: Played
) -> DemoSummary:
    """Write contact sheet and JSON; ``played``: what the player told.

    Raises ProcessError if nothing came.
    """
    recording = Recording.load(folder.recording, folder.arrivals, NODE)
    summary = summarise(recording, played.stamps)
    rows = read_rows(recording)
    if not rows:
        words = last_lines(folder.node_log)
        raise ProcessError(f'{summary.line()}: no frame came out whole', f'node:\n{words}')
    scaled = scaled_line(recording) if clip.metres else ''
    if scaled:
        print(scaled)
    title = f'{clip.name}, model {Path(options.model).stem}'
    write_color_picture(folder.contact_sheet, draw_sheet(rows, title, summary.line()))
    facts: dict[str, Any] = {
        'input': str(options.input),
        'clip': clip.name,
        'camera': clip.camera,
        'scaled_by': clip.metres.words if clip.metres else '',
        'scaled': scaled,
        'model': options.model,
        'device': options.device,
        **summary.as_dict(),
        'left_out': played.left_out,
        'messages': {topic: len(times) for topic, times in recording.arrivals.items()},
        'contact_sheet': str(folder.contact_sheet),
        'recording': str(folder.recording),
    }
    write_atomically(folder.facts, (json.dumps(facts, indent=2) + '\n').encode())
    return summary
