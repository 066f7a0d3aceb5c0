"""The environment variables that ROS reads as it starts: what is wrong with them, and the remedy.

rcl tells some in words of its own, ends the process for others, and says nothing of the rest.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.errors import UserError, brief

RMW = 'RMW_IMPLEMENTATION'
LOG_REMEDY = 'make that folder writable, or set ROS_LOG_DIR to one that is'
HIGHEST_DOMAIN = 101
"""Above it the ports of DDS meet those that Linux gives to others (docs.ros.org, ROS_DOMAIN_ID)."""
DOMAIN_REMEDY = (
    f'set ROS_DOMAIN_ID to a number from 0 to {HIGHEST_DOMAIN}, the same on all machines of the '
    'robot, or unset it'
)
_LAST_PORTS = 232  # the domain above which the ports of DDS are more than 65535
_SECURITY_REMEDY = (
    'set ROS_SECURITY_KEYSTORE to the folder that `ros2 security create_keystore` made, or unset '
    'ROS_SECURITY_ENABLE'
)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    variable: the name of what is to be changed. text: what is wrong. remedy: what to do.
    """

    variable: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f'{self.text}: {self.remedy}'


def faults(environment: Mapping[str, str], log_files: bool = True) -> Iterator[Fault]:
    """Give all with which no node can be started. log_files: whether it is to write its log."""
    checks = [middleware_fault, domain_fault, _security_fault]
    if log_files:
        checks.append(_log_fault)
    for check in checks:
        if fault := check(environment):
            yield fault


def check_environment(environment: Mapping[str, str], log_files: bool = True) -> None:
    """Raise UserError if no node can be started; see ``faults``. Call it before rclpy is loaded."""
    for fault in faults(environment, log_files):
        raise UserError(str(fault))


def domain_fault(environment: Mapping[str, str]) -> Fault | None:
    """Return what is wrong with ROS_DOMAIN_ID, where no node comes of it, or one elsewhere."""
    number = environment.get('ROS_DOMAIN_ID', '').strip()
    if not number:
        return None
    text = f'ROS_DOMAIN_ID={brief(number, 40)}'
    # rcl takes '5x' for 5 and '010' for 8, and no digits but those of ASCII.
    if not re.fullmatch('0|[1-9][0-9]*', number):
        return Fault('ROS_DOMAIN_ID', f'{text} is not a whole number', DOMAIN_REMEDY)
    if has_dds_ports(environment) and (len(number) > 3 or int(number) > _LAST_PORTS):
        return Fault('ROS_DOMAIN_ID', f'{text}: DDS has no ports for it', DOMAIN_REMEDY)
    return None


def has_dds_ports(environment: Mapping[str, str]) -> bool:
    """Return whether the domain says which ports are used; that of Zenoh is none."""
    return 'zenoh' not in environment.get(RMW, '')


def middleware_fault(environment: Mapping[str, str]) -> Fault | None:
    """Return that the middleware of RMW_IMPLEMENTATION is not installed; rcl ends the process then.

    None also where it cannot be seen which are installed.
    """
    name = environment.get(RMW, '')
    folders = _library_folders(environment)
    seen = [folder for folder in folders if (folder / 'librmw.so').exists()]
    if not name or not seen:
        return None
    if '/' not in name and any((folder / f'lib{name}.so').exists() for folder in folders):
        return None
    shown = brief(name, 80)
    package = f'ros-{environment.get("ROS_DISTRO") or "<distro>"}-{shown.replace("_", "-")}'
    remedy = f'unset {RMW}, or install it: `sudo apt-get install {package}`'
    return Fault(RMW, f'{RMW}={shown} is not installed', remedy)


def _library_folders(environment: Mapping[str, str]) -> list[Path]:
    listed = environment.get('LD_LIBRARY_PATH', '').split(os.pathsep)
    prefixes = [*environment.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    return [*map(Path, filter(None, listed)), *(Path(p) / 'lib' for p in prefixes if p)]


def _security_fault(environment: Mapping[str, str]) -> Fault | None:
    """Return that there is no keystore where nothing is to run without one."""
    if environment.get('ROS_SECURITY_ENABLE') != 'true':
        return None
    if environment.get('ROS_SECURITY_STRATEGY') != 'Enforce':
        return None
    keystore = environment.get('ROS_SECURITY_KEYSTORE', '')
    if not keystore:
        text = 'ROS_SECURITY_STRATEGY=Enforce asks for a keystore, and ROS_SECURITY_KEYSTORE is '
        return Fault('ROS_SECURITY_KEYSTORE', f'{text}not set', _SECURITY_REMEDY)
    if not os.path.isdir(os.path.join(keystore, 'enclaves')):
        text = f'ROS_SECURITY_KEYSTORE={brief(keystore)} has no folder enclaves'
        return Fault('ROS_SECURITY_KEYSTORE', text, _SECURITY_REMEDY)
    return None


def _log_fault(environment: Mapping[str, str]) -> Fault | None:
    """Return that the folder of logs, which is made as rcl would make it, cannot be written."""
    if 'noop' in environment.get('RCL_LOGGING_IMPLEMENTATION', ''):
        return None
    home = environment.get('HOME', '')
    base = environment.get('ROS_HOME') or os.path.join('~', '.ros')
    folder = environment.get('ROS_LOG_DIR') or os.path.join(base, 'log')
    if folder.startswith('~'):
        if not home:
            text = 'HOME is not set, and the folder of ROS logs is in it'
            return Fault('ROS_LOG_DIR', text, 'set HOME, or ROS_LOG_DIR to a writable folder')
        folder = home + folder[1:]
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        text = f'the folder of ROS logs, {brief(folder)}, cannot be written ({reason})'
        return Fault('ROS_LOG_DIR', text, LOG_REMEDY)


def discovery_fault(environment: Mapping[str, str]) -> Fault | None:
    """Return that discovery is off: a node starts, but meets none, not even of this machine."""
    name = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    # The older variable wins where it is set.
    if environment.get(name) != 'OFF' or environment.get('ROS_LOCALHOST_ONLY') == '1':
        return None
    text = f'{name}=OFF: no node is seen by another, not even on this machine'
    return Fault(name, text, 'unset it, or set it to LOCALHOST or SUBNET')
