"""The environment of the processes of one graph."""

from __future__ import annotations

import os
from pathlib import Path

import s2r_depth_ros
from s2r_depth_ros.ros_environment import check_environment
from s2r_depth_ros.transport import profile_environment


def ros_environment() -> dict[str, str]:
    """Return the environment of the processes; what the user has set stays.

    Raises UserError if no node can be started with that.

    A domain of its own and this machine only: robots nearby publish camera images, too. The
    transport profile lets images and clouds of camera size arrive.
    """
    environment = dict(os.environ)
    check_environment(environment)
    environment.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    environment.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    source = str(Path(s2r_depth_ros.__file__).parents[1])
    paths = [source, *filter(None, [environment.get('PYTHONPATH')])]
    environment['PYTHONPATH'] = os.pathsep.join(paths)
    return environment | profile_environment(os.environ)
