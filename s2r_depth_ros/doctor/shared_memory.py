"""The shared memory through which images and clouds travel."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.transport import SHARED_MEMORY, memory_needed, profile_environment

_PROCESSES = 4
"""Camera, node, RViz and one more."""


def check() -> Iterator[Finding]:
    """Look at /dev/shm."""
    yield of_folder(SHARED_MEMORY, os.environ)


def of_folder(folder: Path, environment: Mapping[str, str]) -> Finding:
    """Return whether ``folder`` has room for the processes of a robot, with a transport profile."""
    of_one = memory_needed({**environment, **profile_environment(environment)}) / 1e6
    larger = 'give it 256 MB or more; for Docker: --shm-size=1g, or --ipc=host'
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            room = os.statvfs(folder)
    except OSError as error:
        text = f'cannot be written ({error.strerror}): images go by UDP, and are lost'
        return Finding(str(folder), FAILED, text, 'mount it writable; ' + larger)
    free, whole = (blocks * room.f_frsize / 1e6 for blocks in (room.f_bavail, room.f_blocks))
    text = f'{free:.0f} of {whole:.0f} MB free'
    if free < of_one:
        return Finding(str(folder), FAILED, f'{text}: no process gets its {of_one:.0f} MB', larger)
    if free < _PROCESSES * of_one:
        few = f'{text}, enough for {free // of_one:.0f} processes of {of_one:.0f} MB'
        return Finding(str(folder), NOTE, few, f'{larger}; `fastdds shm clean` if any were killed')
    return Finding(str(folder), OK, text)
