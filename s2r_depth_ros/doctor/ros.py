"""ROS 2 and its Python packages."""

from __future__ import annotations

import os
from collections.abc import Iterator

from s2r_depth_ros.dependencies import MESSAGES
from s2r_depth_ros.doctor.finding import FAILED, NOTE, OK, Finding
from s2r_depth_ros.doctor.imports import imported, optional
from s2r_depth_ros.errors import brief
from s2r_depth_ros.ros_environment import RMW, middleware_fault

_OPTIONAL = {
    'cv_bridge': 'the package converts images itself',
    'tf2_ros': 'transforms come from the parameter `transforms` alone',
    'launch_ros': 'no `ros2 launch`: start the node by `python -m s2r_depth_ros node`',
}


_OLDEST = 'jazzy'  # the names of distributions are in alphabetical order
_ROS_1 = ('kinetic', 'lunar', 'melodic', 'noetic')


def check() -> Iterator[Finding]:
    """Look at the distribution and at each package."""
    distribution = os.environ.get('ROS_DISTRO', '')
    if distribution in _ROS_1 or 'a' <= distribution[:1].lower() < _OLDEST[0]:
        remedy = f'use ROS 2 {_OLDEST.capitalize()} or newer'
        yield Finding('ROS_DISTRO', FAILED, f'{brief(distribution)} is too old', remedy)
    elif distribution:
        yield Finding('ROS_DISTRO', OK, distribution)
    else:
        yield Finding('ROS_DISTRO', NOTE, 'not set: no ROS installation is sourced')
    # rclpy would end the process; it is the check "middleware" that tells it.
    if middleware_fault(os.environ):
        del os.environ[RMW]
    yield from map(imported, ('rclpy', *MESSAGES))
    for name, use in _OPTIONAL.items():
        yield optional(name, use)
