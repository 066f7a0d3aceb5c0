"""Which frames of a recording had their depth scaled by a reference."""

from __future__ import annotations

from rosbags.highlevel import AnyReader

from s2r_depth_ros.node import topics
from s2r_depth_ros.rig.recording import Recording

_UNSCALED = ('off', 'unset')
"""Values of ``freshness`` on ~/scale of a frame that no reference has a part in."""


def scaled_line(recording: Recording) -> str:
    """Return of how many frames depth was scaled, and what is told of the last that was not."""
    name = recording.name_of(topics.SCALE)
    scaled, total, problem = 0, 0, ''
    with AnyReader([recording.bag]) as reader:
        for message in recording.messages(reader, name):
            status = message.status[0]
            values = {item.key: item.value for item in status.values}
            total += 1
            if values['freshness'] in _UNSCALED:
                problem = status.message
            else:
                scaled += 1
    line = f'depth of {scaled} of {total} frames was scaled'
    return f'{line}; {problem}' if problem else line
