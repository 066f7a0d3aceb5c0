"""The camera player: a camera made of a recording, a process of its own."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.rig.camera_node import CameraNode
from s2r_depth_ros.rig.channels import IMAGE_TOPIC
from s2r_depth_ros.rig.clip import Clip, ClipFrame
from s2r_depth_ros.rig.events import emit, fail
from s2r_depth_ros.rig.open_clip import open_clip
from s2r_depth_ros.rig.ros_process import ros_node, stop_on_signals

_NAME = 'camera_player'
_POLL_S = 0.01


@dataclass(frozen=True)
class Playback:
    """How a clip is played.

    rate: frames per second (None: the clip's own times). frames: how many at most (None: all).
    subscribers: wait for so many before the first frame. wait: seconds to wait for them. hold:
    keep the topics after the last frame until interrupted.
    """

    rate: float | None
    frames: int | None
    subscribers: int
    wait: float
    hold: bool


def main(arguments: list[str] | None = None) -> int:
    """Play the clip of the command line; return 0, or 1 with the reason on stderr."""
    options = _parse(arguments)
    stop = stop_on_signals()
    try:
        clip = open_clip(options.input, fx=options.fx, topic=options.topic)
    except UserError as error:
        return fail(_NAME, str(error))
    playback = Playback(
        rate=options.rate,
        frames=options.frames,
        subscribers=options.subscribers,
        wait=options.wait,
        hold=options.hold,
    )
    return play(clip, playback, stop)


def play(
    clip: Clip, playback: Playback, stop: threading.Event, ros_arguments: Sequence[str] = ()
) -> int:
    """Play a clip on a new node; return the exit status: 0, or 1 with the reason on stderr.

    Each frame is told as an event, then that all were played. Ends early when ``stop`` is set.
    """
    has_depth = clip.metres is not None and clip.metres.has_depth
    with ros_node(lambda: CameraNode(clip.frame_id, has_depth=has_depth), ros_arguments) as camera:
        try:
            return _play(camera, clip, playback, stop)
        except UserError as error:
            return fail(_NAME, str(error))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_NAME, description=__doc__)
    parser.add_argument('input', help='image folder, video, bag, or folder with sequence.json')
    parser.add_argument('--rate', type=float, help="frames per second (default: the clip's own)")
    parser.add_argument('--frames', type=int, help='stop after so many frames')
    parser.add_argument('--fx', type=float, help="focal length in pixels of the clip's images")
    parser.add_argument('--topic', help='of the images, in a recording')
    parser.add_argument(
        '--subscribers', type=int, default=1, help='wait for so many before the first frame'
    )
    parser.add_argument('--wait', type=float, default=60.0, help='seconds to wait for them')
    parser.add_argument(
        '--hold', action='store_true', help='keep the topics after the last frame until interrupted'
    )
    return parser.parse_args(arguments)


def _play(camera: CameraNode, clip: Clip, playback: Playback, stop: threading.Event) -> int:
    """Wait for the subscribers, play, hold; return the exit status."""
    wanted = playback.subscribers
    matched = _wait_until(lambda: camera.subscribers() >= wanted, stop, playback.wait)
    if stop.is_set():
        return 0
    if not matched:
        return fail(
            _NAME,
            f'{camera.subscribers()} of {wanted} subscribers on {IMAGE_TOPIC} after '
            f'{playback.wait:g} s: is the node active, with the same ROS_DOMAIN_ID?',
        )
    left_out: list[str] = []

    def report(reason: str) -> None:
        emit('left_out', reason=reason)
        print(f'{_NAME}: {reason}', file=sys.stderr)
        left_out.append(reason)

    count = _publish_frames(camera, clip.frames(report), playback, stop)
    if not count and left_out:
        return fail(_NAME, f'{clip.name}: no frame can be used; the first: {left_out[0]}')
    emit('played', frames=count)
    if playback.hold:
        stop.wait()
    return 0


def _wait_until(condition: Callable[[], bool], stop: threading.Event, seconds: float) -> bool:
    """Return whether ``condition`` came to hold before ``stop`` was set or time was up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or stop.wait(_POLL_S):
            return False
    return True


def _publish_frames(
    camera: CameraNode, frames: Iterable[ClipFrame], playback: Playback, stop: threading.Event
) -> int:
    """Publish the frames at their times; return how many.

    As with a camera, times are kept: a frame that is late is published at once, none is skipped.
    """
    start: float | None = None
    count = 0
    for index, frame in enumerate(islice(frames, playback.frames)):
        due = index / playback.rate if playback.rate else frame.time
        start = time.monotonic() if start is None else start
        if stop.wait(max(0.0, start + due - time.monotonic())):
            break
        emit('frame', stamp=camera.publish(frame))
        count += 1
    return count


if __name__ == '__main__':
    sys.exit(main())
