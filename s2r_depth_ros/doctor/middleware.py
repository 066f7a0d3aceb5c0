"""What carries the topics: the RMW, the transport profile, the variables of discovery."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.errors import brief
from s2r_depth_ros.transport import PROFILE_VARIABLES, profile_environment

_HIGHEST_DOMAIN = 101
"""Above it the ports of DDS meet those that Linux gives to others (docs.ros.org, ROS_DOMAIN_ID)."""


def check() -> Iterator[Finding]:
    """Look at the middleware that this shell would start a node with."""
    from rclpy.utilities import get_rmw_implementation_identifier

    # rcl ends the process if RMW_IMPLEMENTATION names another one than it finds.
    rmw = get_rmw_implementation_identifier()
    yield Finding('RMW', OK, rmw)
    if rmw.startswith('rmw_fastrtps'):
        yield profile(os.environ)
    yield domain(os.environ)


def profile(environment: Mapping[str, str]) -> Finding:
    """Return whether Fast DDS has a profile in ``environment`` by which images arrive."""
    missing = profile_environment(environment)
    if missing:
        export = ' '.join(f'{name}={path}' for name, path in missing.items())
        text = 'not set here: camera driver and RViz lose many images and clouds'
        return Finding('transport profile', NOTE, text, f'in their terminals: export {export}')
    for name in PROFILE_VARIABLES:
        file = environment.get(name)
        problem = _unreadable(Path(file)) if file else ''
        if problem:
            return Finding('transport profile', FAILED, f'{name}: {problem}', 'correct or unset it')
    files = {environment[name] for name in PROFILE_VARIABLES if environment.get(name)}
    return Finding('transport profile', OK, ', '.join(sorted(files)))


def _unreadable(file: Path) -> str:
    """Return why Fast DDS ignores a profile, '' if it reads it."""
    try:
        ElementTree.parse(file)
    except (OSError, ElementTree.ParseError) as error:
        return brief(error if str(file) in str(error) else f'{file}: {error}')
    return ''


def domain(environment: Mapping[str, str]) -> Finding:
    """Return whether discovery is as others have it."""
    number = environment.get('ROS_DOMAIN_ID', '') or '0'
    if not number.isdecimal() or int(number) > _HIGHEST_DOMAIN:
        remedy = f'a number from 0 to {_HIGHEST_DOMAIN}, the same on all machines of the robot'
        return Finding('ROS_DOMAIN_ID', FAILED, brief(number), remedy)
    limits = [
        f'{name}={environment[name]}'
        for name in ('ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS')
        if environment.get(name)
    ]
    if not limits:
        return Finding('ROS_DOMAIN_ID', OK, number)
    text = f'{number}, discovery limited by {" ".join(limits)}'
    return Finding('ROS_DOMAIN_ID', NOTE, text, 'unset these if another machine is not seen')
