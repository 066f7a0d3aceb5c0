"""What carries the topics: the RMW, the transport profile, the variables of discovery."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.ros_environment import (
    DOMAIN_REMEDY,
    HIGHEST_DOMAIN,
    RMW,
    Fault,
    discovery_fault,
    domain_fault,
    faults,
    has_dds_ports,
)
from s2r_depth_ros.transport import PROFILE_VARIABLES, profile_environment, profile_fault


def check() -> Iterator[Finding]:
    """Look at the middleware that this shell would start a node with."""
    found = {fault.variable: fault for fault in faults(os.environ)}
    yield from (failed(fault) for name, fault in found.items() if name != 'ROS_DOMAIN_ID')
    if RMW not in found:  # else rcl would end the process
        yield from _middleware()
    yield domain(os.environ)


def failed(fault: Fault) -> Finding:
    """Return a fault of the environment as a row of the table."""
    return Finding(fault.variable, FAILED, fault.text, fault.remedy)


def _middleware() -> Iterator[Finding]:
    from rclpy.utilities import get_rmw_implementation_identifier

    rmw = get_rmw_implementation_identifier()
    yield Finding('RMW', OK, rmw)
    if rmw.startswith('rmw_fastrtps'):
        yield profile(os.environ)


def profile(environment: Mapping[str, str]) -> Finding:
    """Return whether Fast DDS has a profile in ``environment`` by which images arrive."""
    missing = profile_environment(environment)
    if missing:
        export = ' '.join(f'{name}={path}' for name, path in missing.items())
        text = 'not set here: camera driver and RViz lose many images and clouds'
        return Finding('transport profile', NOTE, text, f'in their terminals: export {export}')
    if problem := profile_fault(environment):
        return Finding('transport profile', FAILED, problem, 'correct or unset it')
    files = {environment[name] for name in PROFILE_VARIABLES if environment.get(name)}
    return Finding('transport profile', OK, ', '.join(sorted(files)))


def domain(environment: Mapping[str, str]) -> Finding:
    """Return whether discovery is as others have it."""
    if fault := domain_fault(environment) or discovery_fault(environment):
        return failed(fault)
    number = environment.get('ROS_DOMAIN_ID', '').strip() or '0'
    if has_dds_ports(environment) and int(number) > HIGHEST_DOMAIN:
        text = f'{number}: another program of this machine may have its ports'
        return Finding('ROS_DOMAIN_ID', NOTE, text, DOMAIN_REMEDY)
    limits = [
        f'{name}={environment[name]}'
        for name in ('ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS')
        if environment.get(name)
    ]
    if not limits:
        return Finding('ROS_DOMAIN_ID', OK, number)
    text = f'{number}, discovery limited by {" ".join(limits)}'
    return Finding('ROS_DOMAIN_ID', NOTE, text, 'unset these if another machine is not seen')
