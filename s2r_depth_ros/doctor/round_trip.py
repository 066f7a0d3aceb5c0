"""Clouds of camera size between two processes, by the middleware of this shell."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.errors import brief
from s2r_depth_ros.rig.process_group import ProcessError, ProcessGroup, SilenceError
from s2r_depth_ros.ros_environment import discovery_fault, faults
from s2r_depth_ros.transport import profile_environment

MESSAGES = 20
SIZE = 640 * 480 * 16
"""Bytes of each: the cloud of a 640x480 image."""
DISCOVERY = 10.0  # s
NOT_MET = f'two nodes of this machine did not meet in {DISCOVERY:g} s'
_WHAT = 'topics'
_PATIENCE = 15.0 + DISCOVERY  # s
_LAST_MESSAGE = 1.0  # s
_MODULE = 's2r_depth_ros.doctor.talk'


def check() -> Iterator[Finding]:
    """Count what arrives with a transport profile, and as this shell is if it has none."""
    here = dict(os.environ)
    if found := [*faults(here), *filter(None, [discovery_fault(here)])]:
        yield Finding(_WHAT, FAILED, f'not tried: {found[0].text}', found[0].remedy)
        return
    importlib.import_module('rclpy')  # one that is broken is told here by its own name
    missing = profile_environment(here)
    try:
        arrived = trip(here | missing)
        yield of_count(arrived, trip(here) if missing else arrived)
    except ProcessError as error:
        yield Finding(_WHAT, FAILED, brief(f'{error.what}: {error.last_words}'), _remedy(error))


def _remedy(error: ProcessError) -> str:
    """Return what to do: about the network only where both sides ran, and did not meet."""
    if isinstance(error, SilenceError) or error.what == NOT_MET:
        return 'look for a firewall or a network without multicast, and at ROS_DOMAIN_ID'
    return 'that process did not run: mend what it says, and what FAILED in the rows above'


def of_count(arrived: int, without: int) -> Finding:
    """Return what it means that so many clouds arrived with a profile, and as this shell is."""
    text = f'{arrived} of {MESSAGES} clouds of {SIZE / 1e6:.1f} MB arrived'
    if arrived < MESSAGES:
        remedy = 'look at the rows above: room in /dev/shm, the transport profile; and at the load'
        return Finding(_WHAT, FAILED, text, remedy)
    if without < MESSAGES:
        text = f'{text} with config/fastdds.xml, {without} without it, as this shell has it'
        return Finding(_WHAT, NOTE, text, 'export the variables of the row "transport profile"')
    return Finding(_WHAT, OK, text)


def trip(environment: Mapping[str, str]) -> int:
    """Return how many of MESSAGES clouds arrive. Raises ProcessError if none could be sent."""
    topic = f'/s2r_depth_ros_doctor_{os.getpid()}'
    with (
        tempfile.TemporaryDirectory() as logs,
        ProcessGroup(Path(logs), environment) as processes,
    ):
        processes.start('hear', [_MODULE, 'hear', topic])
        processes.start('say', [_MODULE, 'say', topic])
        heard, said = 0, False
        while heard < MESSAGES:
            try:
                _, event = processes.next_event(_LAST_MESSAGE if said else _PATIENCE)
            except SilenceError:
                if not said:
                    raise
                break
            heard += event['event'] == 'heard'
            said = said or event['event'] == 'said'
    return heard
