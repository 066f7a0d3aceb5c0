"""The arguments of launch/depth.launch.py and the command lines made from them.

Imports no ROS: the launch file and the tests share these functions, so that a machine without the
launch stack can run the installed node exactly as the launch file would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from s2r_depth_ros.share import share_directory

NODE = 'depth'  # the node's name unless it is remapped
_BOOLEANS = ('true', 'false')
_TRANSPORTS = ('', 'raw', 'compressed')
# In config/depth.rviz these are absolute; a relative right side follows the namespace.
_RVIZ_TOPICS = ('depth_registered/image_rect', 'depth_registered/points')
_RVIZ_OWN_TOPIC = 'depth_color'


@dataclass(frozen=True)
class LaunchArgument:
    """One argument of the launch file; every value is text, as launch passes it."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] | None = None


def launch_arguments() -> tuple[LaunchArgument, ...]:
    """Return the launch file's arguments; an empty default leaves the choice to params_file."""
    return (
        LaunchArgument('namespace', '', 'namespace of the node and of its relative topics'),
        LaunchArgument(
            'params_file',
            str(share_directory() / 'config' / 'depth.yaml'),
            'YAML file with the parameters of the node',
        ),
        LaunchArgument('model', '', 'model: a name or a .safetensors file (empty: as params_file)'),
        LaunchArgument('device', '', 'auto, cpu, cuda or cuda:N (empty: as params_file)'),
        LaunchArgument(
            'cameras', '', 'names of several cameras, such as front,rear (empty: as params_file)'
        ),
        LaunchArgument(
            'image',
            'image',
            "topic of the camera images, without /compressed; beneath each camera's name if "
            'cameras is given',
        ),
        LaunchArgument(
            'camera_info',
            'camera_info',
            "topic of the images' sensor_msgs/CameraInfo; beneath each camera's name as image",
        ),
        LaunchArgument(
            'image_transport', '', 'raw or compressed images (empty: as params_file)', _TRANSPORTS
        ),
        LaunchArgument(
            'autostart', 'true', 'configure and activate the node when it starts', _BOOLEANS
        ),
        LaunchArgument('log_level', 'info', 'debug, info, warn, error or fatal'),
        LaunchArgument('use_sim_time', 'false', 'take the time from /clock', _BOOLEANS),
        LaunchArgument('rviz', 'false', 'start rviz2 with config/depth.rviz', _BOOLEANS),
    )


def node_arguments(values: Mapping[str, str]) -> list[str]:
    """Return what follows --ros-args on the node's command line (namespace apart).

    ``values`` holds a text for every name in launch_arguments(). Later parameters win over earlier
    ones in ROS, so those given to the launch file come after params_file.
    """
    arguments = ['--params-file', values['params_file']]
    for name in ('model', 'device', 'image_transport'):
        if values[name]:
            # JSON text is quoted YAML: a model named 2024 stays a string.
            arguments += ['-p', f'{name}:={json.dumps(values[name])}']
    for name in ('autostart', 'use_sim_time'):
        arguments += ['-p', f'{name}:={values[name]}']
    cameras = _cameras(values)
    if cameras:
        arguments += ['-p', f'cameras:={json.dumps(cameras)}']
    for camera in cameras or ['']:
        for name in ('image', 'camera_info'):
            arguments += ['-r', f'{_beneath(camera, name)}:={_beneath(camera, values[name])}']
        # Remapping rules match whole names, so image alone would leave image/compressed behind.
        compressed = _beneath(camera, values['image'] + '/compressed')
        arguments += ['-r', f'{_beneath(camera, "image/compressed")}:={compressed}']
    return [*arguments, '--log-level', values['log_level']]


def rviz_arguments(values: Mapping[str, str]) -> list[str]:
    """Return what follows --ros-args on rviz2's command line (namespace apart).

    RViz shows one camera, the first.
    """
    camera = next(iter(_cameras(values)), '')
    arguments = ['-p', f'use_sim_time:={values["use_sim_time"]}']
    arguments += ['-r', f'/image:={_beneath(camera, values["image"])}']
    for topic in _RVIZ_TOPICS:
        arguments += ['-r', f'/{topic}:={_beneath(camera, topic)}']
    # The node's own topics lie beneath its name first.
    own = f'{NODE}/{_beneath(camera, _RVIZ_OWN_TOPIC)}'
    return [*arguments, '-r', f'/{NODE}/{_RVIZ_OWN_TOPIC}:={own}']


def _cameras(values: Mapping[str, str]) -> list[str]:
    """Return the names in the argument cameras; the node checks them."""
    return [name.strip() for name in values['cameras'].split(',')] if values['cameras'] else []


def _beneath(camera: str, topic: str) -> str:
    """Return a camera's topic; ``camera`` is empty for a single one."""
    return f'{camera}/{topic.lstrip("/")}' if camera else topic
