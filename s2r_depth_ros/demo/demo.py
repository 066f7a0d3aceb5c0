"""Runs the demo: three processes, one clip, then a contact sheet of what was received.

The player waits for two subscribers (the node and the recorder), the recorder subscribes to the
camera only when the node is active: so nothing here sleeps, and no frame is played too early.
"""

from __future__ import annotations

import json
import queue
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from s2r_depth_ros.demo.contact_sheet import draw_sheet, read_rows, save_sheet
from s2r_depth_ros.demo.summary import Summary, summarise
from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.launch_arguments import launch_arguments, node_arguments
from s2r_depth_ros.rig.camera_player import IMAGE_TOPIC, INFO_TOPIC
from s2r_depth_ros.rig.channels import node_channels
from s2r_depth_ros.rig.clip import Clip
from s2r_depth_ros.rig.environment import NODE, ros_environment
from s2r_depth_ros.rig.open_clip import open_clip
from s2r_depth_ros.rig.processes import Child, ProcessError, last_words
from s2r_depth_ros.rig.recording import Recording
from s2r_depth_ros.share import share_directory

PACKAGE = 's2r_depth_ros.rig'
# Longest silence of all three processes before the demo gives up: loading torch on a slow machine.
PATIENCE_SECONDS = 90.0
# The last frame is the newest, so the node does not drop it; this is for one lost on the way.
LAST_FRAME_SECONDS = 10.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Options:
    """What a run shall do; ``rate`` None plays at the clip's own times."""

    input: Path
    out: Path
    model: str
    device: str
    rate: float | None
    frames: int
    fx: float | None


class Session:
    """One run of the three processes: follows their events until the last frame is through."""

    def __init__(self, options: Options, clip: Clip) -> None:
        self.options = options
        self.played: list[int] = []
        # SimpleQueue: its put may be called from a signal handler.
        self._events: queue.SimpleQueue[tuple[str, dict[str, Any] | None]] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self._finished = False
        self._newest = {channel.name: 0 for channel in node_channels(NODE) if channel.awaited}
        total = min(options.frames, clip.frame_count or options.frames)
        self._progress = tqdm(total=total, unit='frame', desc='starting', leave=False)

    def start(self) -> None:
        """Start node, recorder and player, which find each other on a ROS domain of their own."""
        environment = ros_environment()
        for name, arguments in commands(self.options).items():
            log = logs(self.options) / f'{name}.log'
            self._children[name] = Child(name, arguments, log, environment, self._events)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Have SIGINT and SIGTERM end ``follow``: nowhere else, lest a process be forgotten."""
        interrupt = ('demo', {'event': 'interrupted'})
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(n, lambda *_: self._events.put(interrupt)) for n in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)

    def follow(self) -> None:
        """Take events until the last frame is through. Raises ProcessError, KeyboardInterrupt."""
        while not self._complete():
            patience = LAST_FRAME_SECONDS if self._finished else PATIENCE_SECONDS
            try:
                name, event = self._events.get(timeout=patience)
            except queue.Empty:
                if self._finished:
                    return
                raise ProcessError(
                    f'nothing has happened for {patience:g} s, {len(self.played)} frames played',
                    self._last_words(*self._children),
                ) from None
            if event is None:
                status = self._children[name].status
                # When another process gives up, the reason is mostly in the node's log.
                words = self._last_words(*dict.fromkeys((name, 'node')))
                raise ProcessError(f'the {name} process ended with status {status}', words)
            if event['event'] == 'interrupted':
                raise KeyboardInterrupt
            if event['event'] == 'failed':
                words = self._last_words(*dict.fromkeys((name, 'node')))
                raise ProcessError(event['reason'], words)
            self._take(event)

    def stop(self) -> None:
        """End all processes; raise ProcessError if the recorder did not finish its bag."""
        self._progress.close()
        for child in self._children.values():
            child.interrupt()
        status = {name: child.stop(STOP_SECONDS) for name, child in self._children.items()}
        if status.get('recorder'):
            raise ProcessError('the recording is incomplete', self._last_words('recorder'))

    def _complete(self) -> bool:
        """Tell whether every awaited output of the last frame has arrived."""
        last = self.played[-1] if self.played else 0
        return self._finished and all(stamp == last for stamp in self._newest.values())

    def _take(self, event: dict[str, Any]) -> None:
        kind = event['event']
        if kind == 'ready':
            self._progress.set_description('playing')
        elif kind == 'frame':
            self.played.append(event['stamp'])
            self._progress.update()
        elif kind == 'received':
            self._newest[event['topic']] = event['stamp']
        elif kind == 'played':
            self._finished = True

    def _last_words(self, *names: str) -> str:
        children = {name: self._children[name] for name in names}
        return '\n'.join(f'{n} ({c.log}):\n{c.last_words()}' for n, c in children.items())


def run_demo(options: Options) -> Summary:
    """Run the demo and write its results to ``options.out``. Raises UserError.

    KeyboardInterrupt (also for SIGTERM) ends the processes before it goes on to the caller.
    """
    clip = open_clip(options.input, fx=options.fx)
    prepare_output(options.out)
    print(f'{clip.name}; {clip.camera}')
    session = Session(options, clip)
    with session.interruptible():
        try:
            session.start()
            session.follow()
        except BaseException:
            with suppress(ProcessError):  # the first error is the one to tell
                session.stop()
            raise
        session.stop()
    return write_results(options, clip, session.played)


def commands(options: Options) -> dict[str, list[str]]:
    """Return what follows ``python -m`` for each process, in the order of starting."""
    launch = {argument.name: argument.default for argument in launch_arguments()}
    launch |= {'model': options.model, 'device': options.device}
    launch |= {'image': IMAGE_TOPIC, 'camera_info': INFO_TOPIC, 'autostart': 'false'}
    player = [str(options.input), f'--frames={options.frames}', '--subscribers=2', '--hold']
    player += [f'--rate={options.rate}'] if options.rate else []
    player += [f'--fx={options.fx}'] if options.fx else []
    waits = f'--wait={PATIENCE_SECONDS}'
    recorder = [f'--bag={bag(options)}', f'--result={result(options)}', f'--node={NODE}']
    name = ['-r', f'__node:={NODE}']
    return {
        'node': ['s2r_depth_ros', 'node', '--ros-args', *name, *node_arguments(launch)],
        'recorder': [f'{PACKAGE}.recorder', *recorder, waits],
        'player': [f'{PACKAGE}.camera_player', *player, waits],
    }


def bag(options: Options) -> Path:
    """Return the folder of the recording."""
    return options.out / 'recording'


def logs(options: Options) -> Path:
    """Return the folder of the processes' logs."""
    return options.out / 'logs'


def result(options: Options) -> Path:
    """Return the recorder's file of arrival times."""
    return logs(options) / 'arrivals.json'


def default_input() -> Path:
    """Return the real sequence beside the checkout where there is one, else the shipped clip."""
    root = share_directory()
    beside = sorted(root.parent.glob('shared/data/eval_real/sequence/*/sequence.json'))
    return beside[0].parent if beside else root / 'config' / 'demo_clip'


def prepare_output(out: Path) -> None:
    """Make the output folder and remove the recording of a former run. Raises UserError."""
    recording = out / 'recording'
    if recording.is_dir():
        foreign = [f.name for f in recording.iterdir() if f.suffix not in ('.mcap', '.yaml')]
        if foreign:
            raise UserError(f'{recording} holds {foreign[0]}, no recording of this demo: move it')
        shutil.rmtree(recording)
    try:
        (out / 'logs').mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot make the folder {out}: {error.strerror}') from error


def write_results(options: Options, clip: Clip, played: list[int]) -> Summary:
    """Write contact sheet and JSON from the recording. Raises UserError if nothing came."""
    recording = Recording.load(bag(options), result(options), NODE)
    rows = read_rows(recording)
    summary = summarise(recording, played)
    if not rows:
        words = last_words(logs(options) / 'node.log')
        raise ProcessError(f'{summary.line()}: no frame came out whole', f'node:\n{words}')
    sheet = options.out / 'contact_sheet.png'
    save_sheet(
        draw_sheet(rows, f'{clip.name}, model {Path(options.model).stem}', summary.line()), sheet
    )
    facts = {'input': str(options.input), 'clip': clip.name, 'camera': clip.camera}
    facts |= {'model': options.model, 'device': options.device} | summary.as_dict()
    facts['messages'] = {topic: len(times) for topic, times in recording.arrivals.items()}
    facts |= {'contact_sheet': str(sheet), 'recording': str(bag(options))}
    text = json.dumps(facts, indent=2) + '\n'
    write_atomically(options.out / 'demo.json', text.encode())
    return summary
