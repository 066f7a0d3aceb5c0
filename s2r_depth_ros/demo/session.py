"""One session of the demo: its three processes, followed until the last frame is through.

The player waits for two subscribers (the node and the recorder), the recorder subscribes to the
camera only when the node is active: so nothing here sleeps, and no frame is played too early.
"""

from __future__ import annotations

from dataclasses import dataclass

from tqdm import tqdm

from s2r_depth_ros.demo.command_lines import node_command, player_command, recorder_command
from s2r_depth_ros.demo.options import DemoOptions
from s2r_depth_ros.demo.output_folder import OutputFolder
from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.rig.channels import node_channels
from s2r_depth_ros.rig.clip import Clip
from s2r_depth_ros.rig.environment import ros_environment
from s2r_depth_ros.rig.events import Event
from s2r_depth_ros.rig.process_group import ProcessError, ProcessGroup, SilenceError

# Longest silence of all three processes before the demo gives up: loading torch on a slow machine.
_PATIENCE_S = 90.0
# The last frame is the newest, so the node does not drop it; this is for one lost on the way.
_LAST_FRAME_S = 10.0
_NODE, _RECORDER, _PLAYER = 'node', 'recorder', 'player'


@dataclass(frozen=True)
class Played:
    """What the player told: the stamps (ns) of the frames played, and why others were left out."""

    stamps: list[int]
    left_out: list[str]


def play_and_record(options: DemoOptions, folder: OutputFolder, clip: Clip) -> Played:
    """Play the clip and record.

    Raises ProcessError if a process fails or all are silent, KeyboardInterrupt after SIGINT or
    SIGTERM; no process is left then either.
    """
    total = min(options.frames, clip.frame_count or options.frames)
    with ProcessGroup(folder.logs, ros_environment(), suspects=[_NODE]) as processes:
        processes.start(_NODE, node_command(options, clip.metres))
        processes.start(_RECORDER, recorder_command(folder, _PATIENCE_S))
        processes.start(_PLAYER, player_command(options, _PATIENCE_S))
        with tqdm(total=total, unit='frame', desc='starting', leave=False) as bar:
            progress = _Progress(bar)
            _follow(processes, progress)
        if processes.stop()[_RECORDER]:
            raise ProcessError('the recording is incomplete', processes.last_words(_RECORDER))
    return Played(progress.played, progress.left_out)


class _Progress:
    """What the processes have told so far."""

    def __init__(self, bar: tqdm) -> None:
        self.played: list[int] = []
        self.left_out: list[str] = []
        self.finished = False
        self._bar = bar
        # Stamp of the newest message of each output that every frame has, ns.
        self._newest = {channel.name: 0 for channel in node_channels(NODE) if channel.awaited}

    def is_complete(self) -> bool:
        """Return whether every awaited output of the last frame has arrived."""
        last = self.played[-1] if self.played else 0
        return self.finished and all(stamp == last for stamp in self._newest.values())

    def take(self, event: Event) -> None:
        """Note an event."""
        kind = event['event']
        if kind == 'ready':
            self._bar.set_description('playing')
        elif kind == 'frame':
            self.played.append(event['stamp'])
            self._bar.update()
        elif kind == 'left_out':
            self.left_out.append(event['reason'])
        elif kind == 'received':
            self._newest[event['topic']] = event['stamp']
        elif kind == 'played':
            self.finished = True


def _follow(processes: ProcessGroup, progress: _Progress) -> None:
    """Take events until the last frame is through."""
    while not progress.is_complete():
        patience = _LAST_FRAME_S if progress.finished else _PATIENCE_S
        try:
            _, event = processes.next_event(patience)
        except SilenceError as silence:
            if progress.finished:
                break
            what = f'{silence.what}, {len(progress.played)} frames played'
            raise ProcessError(what, silence.last_words) from None
        progress.take(event)
