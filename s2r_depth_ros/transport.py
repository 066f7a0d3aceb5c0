"""The Fast DDS profile with which camera-sized messages arrive; set before a process starts."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.share import share_directory

# Jazzy's Fast DDS reads the first name, Kilted's the second.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
SHARED_MEMORY = Path('/dev/shm')
# Bytes of a segment without a profile, and what else a process makes: ports and their locks.
_DEFAULT_SEGMENT, _BESIDE = 512 * 1024, 1024 * 1024
_LEAST = 64 * 1024
# What Fast DDS knows in a file of profiles: as its root, or below <dds>.
_ELEMENTS = ('profiles', 'types', 'log', 'library_settings')


def profile_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to ``environment`` so that images and clouds are not lost.

    Empty when the user has chosen a profile under either name: it is left as it is.
    """
    if any(environment.get(name) for name in PROFILE_VARIABLES):
        return {}
    profile = str(share_directory() / 'config' / 'fastdds.xml')
    return dict.fromkeys(PROFILE_VARIABLES, profile)


def profile_fault(environment: Mapping[str, str]) -> str:
    """Return which variable names a profile that Fast DDS ignores, and why; '' if none does."""
    for name in PROFILE_VARIABLES:
        file = environment.get(name)
        if file and (problem := _unreadable(Path(file))):
            return f'{name}: {problem}'
    return ''


def _unreadable(file: Path) -> str:
    """Return why Fast DDS ignores a profile, '' if it reads it."""
    try:
        root = ElementTree.parse(file).getroot()
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        return brief(error if str(file) in str(error) else f'{file}: {error}')
    elements = list(root) if _local(root) == 'dds' else [root]
    for element in map(_local, elements):
        if element not in _ELEMENTS:
            known = ', '.join(f'<{name}>' for name in _ELEMENTS)
            return brief(f'{file}: <{element}> is none of <dds>, {known}')
    return ''


def _local(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace, '' of a comment."""
    return str(element.tag).rpartition('}')[2]


def drop_ignored_profile(environment: MutableMapping[str, str]) -> str:
    """Unset a profile that Fast DDS would ignore, and return what to tell, or ''.

    It would say so in words of its own, without the remedy. Call it before rclpy is imported.
    """
    problem = profile_fault(environment)
    if not problem or not _is_fast_dds(environment):
        return ''
    for name in PROFILE_VARIABLES:
        environment.pop(name, None)
    return (
        f'{problem}: this node does without a transport profile, and many images and clouds will '
        'be lost. Correct the file or unset the variable, and start the node again'
    )


def _is_fast_dds(environment: Mapping[str, str]) -> bool:
    return 'fastrtps' in (environment.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp')


def avoid_full_memory(environment: MutableMapping[str, str], folder: Path = SHARED_MEMORY) -> str:
    """Let Fast DDS do without shared memory where that has no room; return what to tell, or ''.

    Fast DDS makes files there of any promised size and dies of a bus error when it first writes to
    one that does not fit. By UDP a node runs, but images of camera size are mostly lost.
    Call it before rclpy is imported. folder: of shared memory. Raises UserError if it is full:
    LTTng, which rclpy loads, writes there, too.
    """
    needed = memory_needed(environment)
    try:
        state = os.statvfs(folder)
    except OSError:  # no such folder: Fast DDS sees that itself
        return ''
    room = state.f_bavail * state.f_frsize
    if room >= needed or state.f_flag & os.ST_RDONLY:
        return ''
    remedy = (
        'Give it room (Docker: --shm-size=1g; else end old processes and run `fastdds shm clean`) '
        'and start the node again'
    )
    if room < _LEAST:
        raise UserError(
            f'{folder} is full ({room / 1024:.0f} KiB left): rclpy ends by a bus error there as '
            f'soon as it is loaded. {remedy}'
        )
    if not _uses_shared_memory(environment):
        return ''
    for name in PROFILE_VARIABLES:
        environment.pop(name, None)
    environment['FASTDDS_BUILTIN_TRANSPORTS'] = 'UDPv4'
    return (
        f'{folder} has {room / 2**20:.1f} MiB left and {needed / 2**20:.0f} are needed: this node '
        'does without shared memory, by UDP, and most images and clouds of camera size will be '
        f'lost. {remedy}'
    )


def _uses_shared_memory(environment: Mapping[str, str]) -> bool:
    """Return whether a process has Fast DDS with shared memory, by profile or variable."""
    if not _is_fast_dds(environment):
        return False
    profile = any(environment.get(name) for name in PROFILE_VARIABLES)
    return profile or not environment.get('FASTDDS_BUILTIN_TRANSPORTS', '').startswith('UDP')


def memory_needed(environment: Mapping[str, str]) -> int:
    """Return the bytes of shared memory that a process takes by the profile that is set, if any."""
    for name in PROFILE_VARIABLES:
        with suppress(OSError, UnicodeDecodeError):
            text = Path(environment.get(name, '')).read_text()
            if found := re.search(r'<segment_size>\s*(\d+)', text):
                return int(found[1]) + _BESIDE
    return _DEFAULT_SEGMENT + _BESIDE
